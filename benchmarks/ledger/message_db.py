"""message-db's own write_message under pgbench, with the version that it has to expect.

A tenant is a category there: its writers take turns at an advisory lock until they have committed.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psycopg
from measuring import Load, Reading, Samples
from ours import TEXT
from pgbench import TURN, read_pages, run_pgbench
from psycopg.conninfo import conninfo_to_dict
from reading import EVENTS, PAGE_EVENTS, RAW, STREAM_EVENTS, stage_change_text

from crm_core.embedded import server_binaries

__all__ = ["MessageDb"]

_SESSION = "-c search_path=message_store,public"
_WRITE = (
    "select write_message(uuidv7()::varchar, 'bench' || :tenant || '-' || :stream,"
    " 'ThingHappened', :data::jsonb, null, (:version + {place} - 1)::bigint);\n"
)


class MessageDb:
    name = "message-db"

    def __init__(self, url: str, packages: Path) -> None:
        """Installs it into the database of `url`, by its own script."""
        self.url = url
        database = packages / "node_modules" / "@eventide" / "message-db" / "database"
        # What it takes from pgcrypto is part of PostgreSQL since version 13.
        (database / "extensions" / "pgcrypto.sql").write_text("")
        to = conninfo_to_dict(url)
        subprocess.run(
            ["bash", database / "install.sh"],
            env={
                "PATH": os.pathsep.join([str(server_binaries()), os.environ["PATH"]]),
                "DATABASE_NAME": str(to["dbname"]),
                "CREATE_DATABASE": "off",
                "PGHOST": str(to["host"]),
                "PGPORT": str(to["port"]),
                "PGUSER": str(to["user"]),
                "PGPASSWORD": str(to["password"]),
            },
            check=True,
            capture_output=True,
        )

    def takes(self, load: Load) -> bool:
        return True

    def append(self, load: Load, seconds: int) -> Samples:
        writes = [_WRITE.replace("{place}", str(place)) for place in range(load.events)]
        script = "".join(writes)
        if load.events > 1:  # as its clients write a batch
            script = f"begin;\n{script}commit;\n"
        return run_pgbench(self.url, TURN + script, load, seconds, options=_SESSION, data=TEXT)

    def readings(self) -> Mapping[str, Reading]:
        with psycopg.connect(self.url, autocommit=True, options=_SESSION) as connection:
            found = connection.execute("select coalesce(max(global_position), 0) from messages")
            row = found.fetchone()
            assert row is not None
            connection.execute(
                "select write_message(uuidv7()::varchar, 'read-' || n / %s, 'StageChanged', %s)"
                " from generate_series(0, %s) as n",
                [STREAM_EVENTS, stage_change_text(), EVENTS - 1],
            )
        select = (
            f"select * from get_category_messages('read', {row[0]} + 1 + :after, {PAGE_EVENTS});"
        )
        return {RAW: lambda: read_pages(self.url, select, options=_SESSION)}
