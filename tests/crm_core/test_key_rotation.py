"""Keys are wrapped anew while everybody reads and writes, and no event changes (R52)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from conftest import ROOT_KEY
from crm_core import SYSTEM, Crm, Request, SetupError
from crm_core.customers import Customer, RegisterPerson
from crm_core.ledger.memory import InMemoryLedger
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.keys import PostgresKeyStore
from crm_core.privacy import HeldRootKeys, KmsRootKeys
from crm_core.privacy.cipher import Cipher, new_key
from crm_core.privacy.key_store import InMemoryKeyStore, KeyStore, TenantKey, WrappedKeys
from crm_core.privacy.keys import Keyring

ADA, BOB, CLEO, TENANT = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=9)
OLD, NEW, PLACE = bytes(32), ROOT_KEY, b"here"


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[KeyStore]:
    if request.param == "memory":
        yield InMemoryKeyStore()
        return
    pool = await open_pool(database_url, "crm_app")
    yield PostgresKeyStore(pool)
    await pool.close()


async def sealed(keyring: Keyring, *subjects: UUID) -> dict[UUID, bytes]:
    ciphers = await keyring.for_sealing(TENANT, subjects)
    return {subject: cipher.seal(b"secret", PLACE) for subject, cipher in ciphers.items()}


async def assert_opens(keyring: Keyring, held: Mapping[UUID, bytes]) -> None:
    ciphers = await keyring.for_opening(TENANT, held)
    assert [ciphers[subject].open(held[subject], PLACE) for subject in held] == [b"secret"] * len(
        held
    )


# --- the tenant's key -----------------------------------------------------------------------------


async def test_a_new_tenant_key_opens_what_was_sealed_before(store: KeyStore) -> None:
    keyring = Keyring(NEW, store)
    held = await sealed(keyring, ADA, BOB)
    blind = await keyring.blind(TENANT, "email", "ada@example.com")
    before = (await store.all_keys(TENANT)).subjects
    assert await keyring.rotate_tenant(TENANT) == 2

    for reader in (keyring, Keyring(NEW, store)):
        await assert_opens(reader, held)
        assert await reader.blind(TENANT, "email", "ada@example.com") == blind
    after = (await store.all_keys(TENANT)).subjects
    assert all(before[subject] != after[subject] for subject in (ADA, BOB))


async def test_a_destroyed_key_stays_destroyed(store: KeyStore) -> None:
    keyring = Keyring(NEW, store)
    await sealed(keyring, ADA, BOB)
    await keyring.destroy(TENANT, ADA)
    await keyring.rotate_tenant(TENANT)
    assert (await keyring.for_sealing(TENANT, [ADA, BOB])).keys() == {BOB}


async def test_who_holds_the_former_tenant_key_goes_on(store: KeyStore) -> None:
    here, there = Keyring(NEW, store), Keyring(NEW, store)
    held = await sealed(there, ADA)
    await here.rotate_tenant(TENANT)
    held |= await sealed(there, BOB)
    await here.rotate_tenant(TENANT)
    held |= await sealed(there, CLEO)
    await assert_opens(there, held)
    await assert_opens(Keyring(NEW, store), held)


async def test_a_rotation_that_was_broken_off_is_finished(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = Keyring(NEW, store)
    held = await sealed(keyring, ADA)

    async def away(*_: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(store, "rewrap_subject_keys", away)
        with pytest.raises(ConnectionError):
            await keyring.rotate_tenant(TENANT)
    await assert_opens(Keyring(NEW, store), held)
    with pytest.raises(SetupError, match=r"keys\.rotation_unfinished"):
        await store.all_keys(TENANT)
    assert await keyring.rotate_tenant(TENANT) == 1
    keys = await store.all_keys(TENANT)
    assert keys.tenant is not None
    assert keys.tenant.version == 2
    await assert_opens(Keyring(NEW, store), held)


async def test_keys_are_rotated_while_writers_write(database_url: str) -> None:
    opened = [await Crm.open(database_url, root_key=ROOT_KEY) for _ in range(3)]
    writers = opened[:2]
    people: list[UUID] = []

    async def write(crm: Crm) -> None:
        for _ in range(15):
            new = [RegisterPerson(name="Ada") for _ in range(10)]
            outcomes = await crm.execute_many([Request(command=c, actor=SYSTEM) for c in new])
            assert [o for o in outcomes if isinstance(o, Exception)] == []
            people.extend(person.customer_id for person in new)

    writing = asyncio.gather(*(write(crm) for crm in writers))
    rotations = 0
    while not writing.done() or rotations < 3:
        await opened[2].store.keyring.rotate_tenant(opened[2].tenant_id)
        rotations += 1
    await writing
    async with await Crm.open(database_url, root_key=ROOT_KEY) as fresh:
        for customer_id in people:
            assert (await fresh.get(Customer, customer_id)).name == "Ada"
    for crm in opened:
        await crm.close()


async def test_no_event_changes() -> None:
    store = InMemoryKeyStore()
    async with Crm(InMemoryLedger(), Keyring(OLD, store)) as crm:
        person = RegisterPerson(customer_id=ADA, name="Ada", email="ada@example.com")
        await crm.execute(person, SYSTEM)
        before = [event.stored for event in await crm.history(ADA)]
        await crm.store.keyring.rotate_tenant(crm.tenant_id)
        await Keyring(NEW + OLD, store).rotate_root()
        after = Crm(crm.store.ledger, Keyring(NEW, store))
        assert [event.stored for event in await after.history(ADA)] == before
        assert (await after.get(Customer, ADA)).name == "Ada"
        assert await after.holder("email", "ada@example.com") == ADA


# --- the root key ---------------------------------------------------------------------------------


async def test_a_former_root_key_is_needed_until_all_is_wrapped_anew(store: KeyStore) -> None:
    old = Keyring(OLD, store)
    held = await sealed(old, ADA)
    await old.rotate_tenant(TENANT)
    both = Keyring(NEW + OLD, store)
    await assert_opens(both, held)
    with pytest.raises(SetupError, match=r"privacy\.cannot_open"):
        await Keyring(NEW, store).for_opening(TENANT, [ADA])

    assert await both.rotate_root() == 1
    await assert_opens(Keyring(NEW, store), held)
    with pytest.raises(SetupError, match=r"privacy\.cannot_open"):
        await Keyring(OLD, store).for_opening(TENANT, [ADA])


async def test_keys_of_the_first_release_still_open() -> None:
    """As that release made them: no versions, the blind secret derived from the tenant's key."""

    def derived(key: bytes, purpose: bytes) -> bytes:
        return hmac.digest(key, b"crm\x1f" + purpose, hashlib.sha256)

    tenant, subject = new_key(), new_key()
    store = InMemoryKeyStore()
    place = b"subject\x1f" + TENANT.bytes + ADA.bytes
    await store.take_keys(
        TENANT,
        WrappedKeys(
            TenantKey(Cipher(OLD).seal(tenant, b"tenant\x1f" + TENANT.bytes)),
            {ADA: Cipher(derived(tenant, b"wrap")).seal(subject, place)},
        ),
    )
    blind = hmac.digest(derived(tenant, b"blind"), b"email\x1fa", hashlib.sha256)
    keyring = Keyring(OLD, store)
    for _ in range(2):
        await assert_opens(keyring, {ADA: Cipher(subject).seal(b"secret", PLACE)})
        assert await keyring.blind(TENANT, "email", "a") == blind
        await keyring.rotate_tenant(TENANT)


def test_root_keys_come_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "root.key"
    file.write_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n" + "A" * 43 + "=\n")
    assert HeldRootKeys.from_file(file).keys == NEW + OLD
    monkeypatch.setenv("SOME_KEY", "A" * 43 + "=")
    assert HeldRootKeys.from_environment("SOME_KEY").keys == OLD
    for bad in ("", "short", "A" * 40, "!" * 44):
        with pytest.raises(SetupError, match=r"root_key\.wrong_shape"):
            HeldRootKeys.parse(bad)
    with pytest.raises(SetupError, match=r"root_key\.unreadable"):
        HeldRootKeys.from_file(tmp_path / "nowhere")


class NotItsOwn(Exception):
    response: Mapping[str, Any] = {"Error": {"Code": "InvalidCiphertextException"}}


class LocalKms:
    """A key service in this process, in the shape of `boto3.client("kms")`."""

    def __init__(self) -> None:
        self._keys: dict[str, Cipher] = {"alias/crm": Cipher(new_key())}

    def encrypt(
        self, *, KeyId: str, Plaintext: bytes, EncryptionContext: Mapping[str, str]
    ) -> Mapping[str, Any]:
        place = repr(sorted(EncryptionContext.items())).encode()
        return {"CiphertextBlob": self._keys[KeyId].seal(Plaintext, place)}

    def decrypt(
        self, *, KeyId: str, CiphertextBlob: bytes, EncryptionContext: Mapping[str, str]
    ) -> Mapping[str, Any]:
        place = repr(sorted(EncryptionContext.items())).encode()
        try:
            return {"Plaintext": self._keys[KeyId].open(CiphertextBlob, place)}
        except SetupError:
            raise NotItsOwn from None


async def test_a_key_service_takes_over_from_a_key_that_was_held(store: KeyStore) -> None:
    held = await sealed(Keyring(OLD, store), ADA)
    service = LocalKms()
    moving = Keyring(KmsRootKeys(service, "alias/crm", former=HeldRootKeys(OLD)), store)
    await assert_opens(moving, held)
    await moving.rotate_root()
    there = Keyring(KmsRootKeys(service, "alias/crm"), store)
    await assert_opens(there, held)
    await there.rotate_tenant(TENANT)
    await assert_opens(Keyring(KmsRootKeys(service, "alias/crm"), store), held)
    with pytest.raises(SetupError, match=r"privacy\.cannot_open"):
        await Keyring(KmsRootKeys(LocalKms(), "alias/crm"), store).for_opening(TENANT, [uuid4()])
