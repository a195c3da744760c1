"""What every store of snapshots must do, in memory and in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from crm_core.kernel.errors import SetupError
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.snapshots import PostgresSnapshotStore
from crm_core.ledger.snapshots import InMemorySnapshotStore, Snapshot, SnapshotStore
from crm_core.privacy.cipher import Cipher, new_key

TENANT, OTHER, ONE, TWO = uuid4(), uuid4(), uuid4(), uuid4()


def snapshot(stream_id: UUID, version: int, position: int, **more: object) -> Snapshot:
    made = Snapshot(
        tenant_id=TENANT,
        stream_id=stream_id,
        stream_type="test.thing",
        version=version,
        position=position,
        event_id=UUID(int=position),
        subject_ids=(stream_id,),
        fingerprint=b"form",
        sealed=b"\x00sealed",
    )
    return replace(made, **more)


class SnapshotStoreContract:
    async def test_the_newest_is_found_by_stream(self, store: SnapshotStore) -> None:
        kept = [snapshot(ONE, 10, 100), snapshot(ONE, 20, 200), snapshot(TWO, 10, 150)]
        for one in kept:
            await store.keep(one)
        assert await store.newest(TENANT, [ONE, TWO, uuid4()]) == {ONE: kept[1], TWO: kept[2]}
        assert await store.versions(TENANT) == {ONE: 20, TWO: 10}

    async def test_an_older_one_is_found_as_of_a_position(self, store: SnapshotStore) -> None:
        kept = [snapshot(ONE, 10, 100), snapshot(ONE, 20, 200)]
        for one in kept:
            await store.keep(one)
        assert await store.newest(TENANT, [ONE], up_to=199) == {ONE: kept[0]}
        assert await store.newest(TENANT, [ONE], up_to=200) == {ONE: kept[1]}
        assert await store.newest(TENANT, [ONE], up_to=99) == {}
        assert await store.of_stream(TENANT, ONE) == kept

    async def test_one_of_the_same_version_takes_its_place(self, store: SnapshotStore) -> None:
        await store.keep(snapshot(ONE, 10, 100))
        newer = snapshot(ONE, 10, 100, fingerprint=b"another", sealed=b"other", subject_ids=())
        await store.keep(newer)
        assert await store.of_stream(TENANT, ONE) == [newer]

    async def test_tenants_are_apart(self, store: SnapshotStore) -> None:
        mine, theirs = snapshot(ONE, 10, 100), snapshot(ONE, 20, 100, tenant_id=OTHER)
        await store.keep(mine)
        await store.keep(theirs)
        assert await store.newest(TENANT, [ONE]) == {ONE: mine}
        assert await store.drop(TENANT) == 1
        assert await store.versions(OTHER) == {ONE: 20}
        assert await store.of_stream(TENANT, ONE) == []

    async def test_those_about_a_subject_can_be_dropped(self, store: SnapshotStore) -> None:
        about_both = snapshot(ONE, 10, 100, subject_ids=(ONE, TWO))
        for one in (about_both, snapshot(TWO, 10, 150), snapshot(OTHER, 10, 160)):
            await store.keep(one)
        assert await store.drop_about(TENANT, [TWO]) == 2
        assert await store.versions(TENANT) == {OTHER: 10}

    async def test_those_of_a_stream_can_be_dropped(self, store: SnapshotStore) -> None:
        for one in (snapshot(ONE, 10, 100), snapshot(ONE, 20, 200), snapshot(TWO, 10, 150)):
            await store.keep(one)
        assert await store.drop(TENANT, [ONE]) == 2
        assert await store.versions(TENANT) == {TWO: 10}
        assert await store.drop(TENANT, [ONE]) == 0


class TestInMemorySnapshots(SnapshotStoreContract):
    @pytest.fixture
    def store(self) -> InMemorySnapshotStore:
        return InMemorySnapshotStore()


class TestPostgresSnapshots(SnapshotStoreContract):
    @pytest.fixture
    async def store(self, database_url: str) -> AsyncIterator[PostgresSnapshotStore]:
        pool = await open_pool(database_url, "crm_app")
        yield PostgresSnapshotStore(pool)
        await pool.close()


# --- the seal ----------------------------------------------------------------------------------

ADA, BOB = UUID(int=1), UUID(int=2)
CIPHERS = {ADA: Cipher(new_key()), BOB: Cipher(new_key())}


def test_a_snapshot_of_two_subjects_needs_the_key_of_each() -> None:
    sealed = snapshot(ONE, 10, 100, subject_ids=(ADA, BOB)).seal(b"state", CIPHERS)
    assert sealed.open(CIPHERS) == b"state"
    for subject in (ADA, BOB):
        with pytest.raises(KeyError):
            sealed.open({subject: CIPHERS[subject]})
        with pytest.raises(SetupError, match=r"privacy\.cannot_open"):
            replace(sealed, subject_ids=(subject,)).open(CIPHERS)


@pytest.mark.parametrize(
    "moved",
    [
        {"tenant_id": OTHER},
        {"stream_id": TWO},
        {"version": 11},
        {"position": 101},
        {"event_id": UUID(int=9)},
        {"fingerprint": b"mine"},
        {"subject_ids": (ADA, ADA)},
        {"sealed": b"\x00" * 40},
    ],
    ids=lambda moved: next(iter(moved)),
)
def test_what_is_sealed_for_one_snapshot_opens_as_no_other(moved: dict[str, object]) -> None:
    sealed = snapshot(ONE, 10, 100, subject_ids=(ADA,)).seal(b"state", CIPHERS)
    with pytest.raises(SetupError, match=r"privacy\.cannot_open"):
        replace(sealed, **moved).open(CIPHERS)
