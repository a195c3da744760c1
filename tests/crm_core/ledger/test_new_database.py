"""A new database has no statistics; appends read what they need of it all the same."""

from __future__ import annotations

from uuid import uuid4

import psycopg

from crm_core.kernel.ids import new_id
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.records import Append, Appended, Claim, Expected

from .contract import TENANT, command, stream

APPENDS = 150

_READ = """
select coalesce(sum(seq_tup_read), 0) + coalesce(sum(idx_tup_fetch), 0)
       + (select coalesce(sum(idx_tup_read), 0) from pg_stat_user_indexes
           where schemaname = 'ledger')
  from pg_stat_user_tables where schemaname = 'ledger'
"""


async def rows_read(database_url: str, appends: list[Append]) -> int:
    """By all these appends, one after the other; sessions tell when they end."""
    ledger = PostgresLedger(await open_pool(database_url, "crm_app"))
    try:
        for append in appends:
            (outcome,) = await ledger.append(TENANT, [append])
            assert isinstance(outcome, Appended)
    finally:
        await ledger.close()
    with psycopg.connect(database_url) as connection:
        return int(connection.execute(_READ).fetchall()[0][0])


async def test_an_append_to_a_stream_reads_no_other_events(database_url: str) -> None:
    record = uuid4()
    appends = [command(stream(record, version or Expected.NONE)) for version in range(APPENDS)]
    assert await rows_read(database_url, appends) < 10 * APPENDS


async def test_a_command_looks_up_no_other_keys_and_commands(database_url: str) -> None:
    """Each gives back the key of the one before, so that all are judged one by one."""

    def named(turn: int) -> Append:
        command_id = new_id()
        return command(
            stream(uuid4(), Expected.NONE),
            command_id=command_id,
            fingerprint=command_id.bytes,
            take=(
                Claim("email", b"%d" % turn, command_id),
                Claim("phone", b"%d" % turn, command_id),
            ),
            release=(Claim("email", b"%d" % (turn - 1), command_id),),
        )

    assert await rows_read(database_url, [named(turn) for turn in range(APPENDS)]) < 20 * APPENDS
