"""Five hundred times a superuser changes the database behind our back, and is found out."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest

from crm_core.audit.check import check_ledger
from crm_core.audit.crm_verify import Checkpoint, Finding
from crm_core.audit.integrator import Integrator
from crm_core.audit.log import AuditLog
from crm_core.audit.record import leaf_of
from crm_core.audit.tree import Edge
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.records import StoredEvent

from .conftest import fill
from .events import TENANT, made_event

SIZE = 40
TIMES = 500
COLUMNS = {
    "event_id": "gen_random_uuid()", "stream_type": "stream_type || 'x'",
    "stream_id": "gen_random_uuid()", "version": "version + 1000", "type": "'x' || type",
    "schema_version": "schema_version + 1", "recorded_at": "recorded_at + interval '1 us'",
    "effective_at": "coalesce(effective_at, recorded_at) + interval '1 us'",
    "actor_kind": "'USER'", "actor_id": "actor_id || 'x'",
    "on_behalf_of": "coalesce(on_behalf_of, '') || 'x'", "command_id": "gen_random_uuid()",
    "correlation_id": "gen_random_uuid()", "causation_id": "gen_random_uuid()",
    "reason": "coalesce(reason, '') || 'x'", "subject_ids": "subject_ids || gen_random_uuid()",
    "tags": "tags || 'x'::text", "data": "data || '\\x20'::bytea",
}  # fmt: skip

Tampering = Callable[[random.Random], tuple[list[str], int]]


def change_a_column(dice: random.Random) -> tuple[list[str], int]:
    at, column = dice.randint(1, SIZE), dice.choice(sorted(COLUMNS))
    changed = f"update ledger.event set {column} = {COLUMNS[column]} where position = {at}"
    return [changed], at


def flip_a_bit_of_the_data(dice: random.Random) -> tuple[list[str], int]:
    at = dice.randint(1, SIZE)
    bit = dice.randrange(7 * 8)
    return [
        f"update ledger.event set data = set_bit(data, {bit}, 1 - get_bit(data, {bit}))"
        f" where position = {at}"
    ], at


def delete_an_event(dice: random.Random) -> tuple[list[str], int]:
    at = dice.randint(1, SIZE)
    return [f"delete from ledger.event where position = {at}"], at


def close_the_gap(dice: random.Random) -> tuple[list[str], int]:
    at = dice.randint(1, SIZE)
    return [
        f"delete from ledger.event where position = {at}",
        f"update ledger.event set position = position + 1000 where position > {at}",
        "update ledger.event set position = position - 1001 where position > 1000",
        f"update ledger.head set position = {SIZE - 1}",
    ], at


def insert_an_event(dice: random.Random) -> tuple[list[str], int]:
    at = dice.randint(1, SIZE)
    return [
        f"update ledger.event set position = position + 1000 where position >= {at}",
        "update ledger.event set position = position - 999 where position > 1000",
        "insert into ledger.event select (jsonb_populate_record(e, jsonb_build_object('position',"
        f" {at}, 'event_id', gen_random_uuid(), 'version', 1000))).* from ledger.event as e"
        f" where position = {at + 1}",
    ], at


def swap_two_events(dice: random.Random) -> tuple[list[str], int]:
    one, other = sorted(dice.sample(range(1, SIZE + 1), 2))
    return [
        f"update ledger.event set position = 1000 where position = {one}",
        f"update ledger.event set position = {one} where position = {other}",
        f"update ledger.event set position = {other} where position = 1000",
    ], one


def truncate(dice: random.Random) -> tuple[list[str], int]:
    size = dice.randrange(SIZE)
    return [
        f"delete from ledger.event where position > {size}",
        f"update ledger.head set position = {size}",
    ], size + 1


def roll_everything_back(dice: random.Random) -> tuple[list[str], int]:
    statements, named = truncate(dice)
    return [
        *statements,
        f"update audit.tree set size = {named - 1}",
        f"delete from audit.checkpoint where size >= {named}",
    ], named


def damage_the_tree(dice: random.Random) -> tuple[list[str], int]:
    at = dice.randint(1, SIZE)
    byte = (at - 1) * 32 + dice.randrange(32)
    return [
        f"update audit.tile set hashes = set_byte(hashes, {byte}, 255 - get_byte(hashes, {byte}))"
        " where level = 0"
    ], at


def fork(dice: random.Random) -> tuple[list[str], int]:
    """An event rewritten, and the whole tree made to fit."""
    at = dice.randint(1, SIZE)
    edge = Edge()
    tiles = edge.extend([leaf_of(rewritten(n) if n == at else made_event(n))
                         for n in range(1, SIZE + 1)])  # fmt: skip
    return [
        f"update ledger.event set actor_id = 'eve' where position = {at}",
        *(
            f"update audit.tile set hashes = '\\x{hashes.hex()}' where level = {level}"
            for (level, _), hashes in tiles.items()
        ),
    ], 1 if at <= SIZE // 2 else SIZE // 2 + 1


def rewritten(position: int) -> StoredEvent:
    event = made_event(position)
    names = getattr(event, "__struct_fields__", None) or event.__dataclass_fields__
    fields = {name: getattr(event, name) for name in names}
    actor = event.actor
    fields["actor"] = type(actor)(actor.kind, "eve", actor.on_behalf_of)
    return StoredEvent(**fields)


TAMPERINGS: list[Tampering] = [
    change_a_column, flip_a_bit_of_the_data, delete_an_event, close_the_gap, insert_an_event,
    swap_two_events, truncate, roll_everything_back, damage_the_tree, fork,
]  # fmt: skip
TABLES = ("ledger.event", "ledger.head", "audit.tree", "audit.tile", "audit.checkpoint")


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute("set session_replication_role = replica")
        yield connection


async def put_back(owner: psycopg.AsyncConnection) -> None:
    async with owner.pipeline():
        for table in TABLES:
            await owner.execute(f"delete from {table}")
            await owner.execute(f"insert into {table} select * from kept_{table.split('.')[1]}")


async def test_whatever_a_superuser_changes_is_found_and_named(
    audit: AuditLog, ledger: PostgresLedger, owner: psycopg.AsyncConnection
) -> None:
    for first, last in ((1, SIZE // 2), (SIZE // 2 + 1, SIZE)):
        await fill(ledger, first, last)
        await Integrator(audit).turn()
    signed = await kept_notes(audit)
    await check_ledger(audit, TENANT, signed)
    for table in TABLES:
        await owner.execute(f"create table kept_{table.split('.')[1]} as select * from {table}")
    dice, missed = random.Random(9), []
    for turn in range(TIMES):
        tampering = TAMPERINGS[turn % len(TAMPERINGS)]
        statements, position = tampering(dice)
        for statement in statements:
            await owner.execute(statement)
        try:
            await check_ledger(audit, TENANT, signed)
        except Finding as finding:
            if finding.position != position:
                missed.append(f"{tampering.__name__} at {position}: {finding}")
        else:
            missed.append(f"{tampering.__name__} at {position}: not found")
        await put_back(owner)
    assert missed == []
    await check_ledger(audit, TENANT, signed)


async def kept_notes(audit: AuditLog) -> list[Checkpoint]:
    notes = await audit.store.notes(TENANT, audit.origin(TENANT), after=0, step=1, up_to=SIZE)
    return [Checkpoint.parse(note, audit.verifiers(TENANT)) for note in notes]


async def test_a_check_that_believes_the_tree_is_caught(
    audit: AuditLog,
    ledger: PostgresLedger,
    owner: psycopg.AsyncConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The planted bug: leaf hashes out of the database in place of those of the events."""
    await fill(ledger, 1, SIZE)
    await Integrator(audit).turn()
    signed = await audit.checkpoints(TENANT)
    await owner.execute("update ledger.event set actor_id = 'eve' where position = 7")

    async def believing(log: AuditLog, tenant_id: object, after: int, size: int) -> list[bytes]:
        raw = await log.leaves(TENANT, after + 1, size - after)
        return [raw[at : at + 32] for at in range(0, len(raw), 32)]

    with monkeypatch.context() as patched:
        patched.setattr("crm_core.audit.check._leaves", believing)
        await check_ledger(audit, TENANT, signed)  # it believes, and finds nothing
    with pytest.raises(Finding, match=r"position 7: .*event\.changed"):
        await check_ledger(audit, TENANT, signed)
