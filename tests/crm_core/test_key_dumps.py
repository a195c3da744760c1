"""Keys in backups come to an end wherever they lie, and that they are gone is recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from crm_core import SYSTEM, Crm, ManualClock, SetupError
from crm_core.backup.key_dumps import KeyLabel, Verdict, prune
from crm_core.backup.manifest import digest_of_file
from crm_core.customers import EraseCustomer, RegisterPerson
from crm_core.privacy import Disclosure, DisclosureKind, RecordDisclosure

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAYS = 30


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
async def crm(clock: ManualClock) -> AsyncIterator[Crm]:
    async with Crm.in_memory(clock=clock) as opened:
        yield opened


async def dumped(
    crm: Crm,
    dump: Path,
    *,
    days: int = DAYS,
    tenant_id: UUID | None = None,
    also: tuple[UUID, ...] = (),
) -> UUID:
    """A key dump as a backup leaves it; as what copy the ledger knows it."""
    leaving = RecordDisclosure(kind=DisclosureKind.KEY_COPY, up_to=0)
    await crm.execute(leaving, SYSTEM)
    dump.parent.mkdir(parents=True, exist_ok=True)
    dump.write_bytes(dump.name.encode())
    KeyLabel(
        expires_at=crm.store.ledger.clock.now() + timedelta(days=days),
        digest=digest_of_file(dump),
        tenant_id=tenant_id or crm.tenant_id,
        disclosure_id=leaving.disclosure_id,
        also=also,
    ).write(dump)
    return leaving.disclosure_id


async def verdicts(crm: Crm, folder: Path) -> dict[str, Verdict]:
    return {found.dump.name: found.verdict async for found in prune(crm, folder)}


async def is_destroyed(crm: Crm, copy_id: UUID) -> bool:
    return (await crm.get(Disclosure, copy_id)).is_destroyed


async def test_keys_are_destroyed_once_their_time_is_over_and_no_sooner(
    crm: Crm, clock: ManualClock, tmp_path: Path
) -> None:
    old = await dumped(crm, tmp_path / "monday" / "keys.dump")
    clock.advance(timedelta(days=1))
    young = await dumped(crm, tmp_path / "elsewhere" / "tuesday.keys")
    clock.advance(timedelta(days=DAYS - 1))
    kept = {"keys.dump": Verdict.KEPT, "tuesday.keys": Verdict.KEPT}
    assert await verdicts(crm, tmp_path) == kept

    clock.advance(timedelta(seconds=1))
    assert await verdicts(crm, tmp_path) == kept | {"keys.dump": Verdict.DESTROYED}
    assert [path.name for path in sorted(tmp_path.rglob("*.*"))] == [
        "tuesday.keys", "tuesday.keys.label",
    ]  # fmt: skip
    assert await is_destroyed(crm, old)
    assert not await is_destroyed(crm, young)


async def test_that_keys_are_gone_is_recorded_for_each_tenant_that_had_some_in_the_copy(
    crm: Crm, clock: ManualClock, tmp_path: Path
) -> None:
    one, other = crm.of_tenant(UUID(int=7)), crm.of_tenant(UUID(int=8))
    copy_id = await dumped(crm, tmp_path / "monday.keys", also=(one.tenant_id, other.tenant_id))
    for of in (one, other):
        leaving = RecordDisclosure(disclosure_id=copy_id, kind=DisclosureKind.KEY_COPY, up_to=0)
        await of.execute(leaving, SYSTEM)
    clock.advance(timedelta(days=DAYS, seconds=1))
    assert await verdicts(one, tmp_path) == {"monday.keys": Verdict.DESTROYED}
    for of in (crm, one, other):
        assert await is_destroyed(of, copy_id)


async def test_the_receipt_of_an_erasure_counts_the_key_backups_that_are_left(
    crm: Crm, clock: ManualClock, tmp_path: Path
) -> None:
    await dumped(crm, tmp_path / "monday.keys")
    await dumped(crm, tmp_path / "tuesday.keys", days=DAYS + 1)
    clock.advance(timedelta(days=DAYS, seconds=1))
    await verdicts(crm, tmp_path)
    person = RegisterPerson(name="Ada")
    await crm.execute(person, SYSTEM)
    erase = EraseCustomer(customer_id=person.customer_id)
    await crm.execute(erase, SYSTEM)
    erasure = await crm.erasing.finish(erase.erasure_id)
    counts = {receipt.store: receipt.count for receipt in erasure.receipts}
    assert (counts["key backups"], counts["exports"]) == (1, 0)


async def test_what_was_broken_off_or_is_a_second_copy_is_finished(
    crm: Crm, clock: ManualClock, tmp_path: Path
) -> None:
    copy_id = await dumped(crm, tmp_path / "monday.keys")
    second = tmp_path / "second"
    second.mkdir()
    for path in tmp_path.glob("monday.*"):
        (second / path.name).write_bytes(path.read_bytes())
    (tmp_path / "monday.keys").unlink()  # and then the power went
    clock.advance(timedelta(days=DAYS, seconds=1))
    assert await verdicts(crm, tmp_path) == {"monday.keys": Verdict.DESTROYED}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert await is_destroyed(crm, copy_id)


async def test_another_file_under_its_name_and_another_tenants_keys_are_left_alone(
    crm: Crm, clock: ManualClock, tmp_path: Path
) -> None:
    await dumped(crm, tmp_path / "mine.keys")
    (tmp_path / "mine.keys").write_text("somebody's thesis")
    await dumped(crm, tmp_path / "theirs.keys", tenant_id=UUID(int=7))
    clock.advance(timedelta(days=DAYS, seconds=1))
    assert await verdicts(crm, tmp_path) == {
        "mine.keys": Verdict.CHANGED, "theirs.keys": Verdict.OTHER_TENANT,
    }  # fmt: skip
    assert (tmp_path / "mine.keys").read_text() == "somebody's thesis"


async def test_keys_are_destroyed_too_where_a_restored_ledger_does_not_know_them(
    crm: Crm, clock: ManualClock, tmp_path: Path
) -> None:
    await dumped(crm, tmp_path / "monday.keys")
    clock.advance(timedelta(days=DAYS, seconds=1))
    async with Crm.in_memory(clock=clock) as restored:
        assert await verdicts(restored, tmp_path) == {"monday.keys": Verdict.UNRECORDED}
    assert list(tmp_path.iterdir()) == []


async def test_a_label_that_says_nothing_is_an_error(crm: Crm, tmp_path: Path) -> None:
    (tmp_path / "monday.keys.label").write_text("soon")
    with pytest.raises(SetupError, match=r"backup\.label_broken"):
        await verdicts(crm, tmp_path)
