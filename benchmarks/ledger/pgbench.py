"""The physical anchor: pgbench with a bare prepared INSERT into a table like ledger.event.

Nothing is checked: no version, no order of positions. The columns, indexes and constraints are
those of the catalogue, and the values those of an event that the ledger stored, so the anchor
follows the schema as it changes.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import psycopg
from measuring import Load, Reading, Samples, figures
from ours import TEXT
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier, Literal
from reading import EVENTS, PAGE_EVENTS, RAW, stage_change_text

from crm_core.embedded import server_binaries

__all__ = ["TURN", "Insert", "InsertsInTransaction", "read_pages", "run_pgbench"]

TURN = r"""\set turn :turn + 1
\set tenant (:turn + :client_id) % :tenants
\set version :turn / :tenants * :events
\if :turn = 0
select uuidv7() as stream \gset
\endif
"""
"""What every turn of a writer begins with; `version` is the one that his stream is at."""

_READ_SECONDS = 2
_OWN = {  # what differs from event to event; all else is as in the sample
    "tenant_id": "('00000000-0000-7000-8000-' || lpad(:tenant::text, 12, '0'))::uuid",
    "position": "nextval('anchor.position')",
    "event_id": "uuidv7()",
    "stream_id": ":stream::uuid",
    "version": ":version::int + {place}",
    "recorded_at": "now()",
    "command_id": "uuidv7()",
    "correlation_id": "uuidv7()",
    "data": ":data::bytea",
}


class Insert:
    """All events of an append go into one INSERT."""

    name = "pgbench, one INSERT"

    def __init__(self, url: str) -> None:
        self.url = url
        with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
            connection.execute("create schema if not exists anchor")
            connection.execute(
                "create table if not exists anchor.event (like ledger.event including all)"
            )
            connection.execute("create sequence if not exists anchor.position")
            sample = connection.execute("select * from ledger.event limit 1").fetchone()
            assert sample is not None, "the ledger has stored an event by now"
            self._columns = SQL(", ").join(map(Identifier, sample)).as_string(connection)
            self._values = {
                name: _OWN.get(name) or Literal(value).as_string(connection)
                for name, value in sample.items()
            }

    def takes(self, load: Load) -> bool:
        return True

    def append(self, load: Load, seconds: int) -> Samples:
        rows = [self._row(place) for place in range(1, load.events + 1)]
        return run_pgbench(self.url, TURN + self._script(rows), load, seconds, data=TEXT)

    def readings(self) -> Mapping[str, Reading]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            tenant = Literal(uuid4()).as_string(connection)
            text = Literal(stage_change_text().encode()).as_string(connection)
            place = {"tenant_id": tenant, "position": "n", "stream_id": "uuidv7()", "data": text}
            values = ", ".join({**self._values, **place, "version": "1"}.values())
            connection.execute(
                f"insert into anchor.event ({self._columns})"
                f" select {values} from generate_series(1, {EVENTS}) as n"
            )
        select = (
            f"select {self._columns} from anchor.event where tenant_id = {tenant}"
            f" and position > :after order by position limit {PAGE_EVENTS};"
        )
        return {RAW: lambda: read_pages(self.url, select)}

    def _script(self, rows: Sequence[str]) -> str:
        return f"insert into anchor.event ({self._columns}) values {', '.join(rows)};\n"

    def _row(self, place: int) -> str:
        values = ", ".join(self._values.values())
        return "(" + values.replace("{place}", str(place)) + ")"


class InsertsInTransaction(Insert):
    """Each event goes into an INSERT of its own, all within a transaction."""

    name = "pgbench, INSERTs in a transaction"

    def takes(self, load: Load) -> bool:
        return load.events > 1

    def readings(self) -> Mapping[str, Reading]:
        return {}

    def _script(self, rows: Sequence[str]) -> str:
        inserts = [super(InsertsInTransaction, self)._script([row]) for row in rows]
        return "begin;\n" + "".join(inserts) + "commit;\n"


def read_pages(url: str, select: str, *, options: str = "") -> float:
    """Events a second: pages after `:after`, picked at random, one after the other."""
    page = f"\\set after random(0, {EVENTS // PAGE_EVENTS - 1}) * {PAGE_EVENTS}\n"
    samples = run_pgbench(url, page + select, Load(writers=1), _READ_SECONDS, options=options)
    return figures(samples, PAGE_EVENTS).per_second


def run_pgbench(
    url: str, script: str, load: Load, seconds: int, *, options: str = "", **variables: str
) -> Samples:
    """Each statement prepared once a writer; `options` are those of the sessions."""
    variables |= {"turn": "-1", "tenants": str(load.tenants), "events": str(load.events)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "script.sql")
        file.write_text(script)
        command = [str(server_binaries() / "pgbench"), "--no-vacuum", "--protocol=prepared",
                   f"--client={load.writers}", f"--time={seconds}", f"--file={file}",
                   "--log", f"--log-prefix={folder}/log"]  # fmt: skip
        command += [f"--define={name}={value}" for name, value in variables.items()]
        run = subprocess.run(
            [*command, url],
            env={**os.environ, "PGOPTIONS": options},
            capture_output=True,
            text=True,
        )
        if run.returncode:
            raise RuntimeError(f"pgbench failed:\n{run.stderr[-2000:]}")
        lines = [line.split() for log in Path(folder).glob("log.*") for line in log.open()]
    # client, number, microseconds, script, and when it ended: seconds, microseconds of these
    return [(int(at) + int(fraction) / 1e6, int(taken) / 1e6)
            for _, _, taken, _, at, fraction in lines]  # fmt: skip
