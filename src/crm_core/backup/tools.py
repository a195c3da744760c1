"""pg_dump and pg_restore, given a database without its password being seen."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from crm_core.embedded.binaries import server_binaries
from crm_core.kernel.errors import SetupError

__all__ = ["dump", "restore"]


async def dump(url: str, into: Path, snapshot: str, *options: str) -> None:
    """The data that the options select, as one transaction saw it. Raises SetupError."""
    await _run("pg_dump", url, "--data-only", "--format=custom", f"--snapshot={snapshot}",
               f"--file={into}", *options)  # fmt: skip


async def restore(url: str, dumped: Path) -> None:
    """All of it or nothing, into tables that are there. Raises SetupError."""
    await _run("pg_restore", url, "--data-only", "--single-transaction", str(dumped))


async def _run(program: str, url: str, *options: str) -> None:
    named: dict[str, Any] = conninfo_to_dict(url)
    password = named.pop("password", None)
    environment = {**os.environ, **({} if password is None else {"PGPASSWORD": str(password)})}
    code, _, said = await _ran(
        await _fitting(program, url), f"--dbname={make_conninfo(**named)}", *options,
        environment=environment,
    )  # fmt: skip
    if code != 0:
        # Only the first line: what follows may quote rows.
        first = said.strip().partition("\n")[0]
        raise SetupError(
            "backup.tool_failed", f"see what {program} says and run it again", said=first[:300]
        )


async def _fitting(program: str, url: str) -> str:
    """The system's own, where it is of the server's version; else the wheel's.

    An older one refuses to dump, and a newer one says to older servers what they do not know.
    """
    systems = shutil.which(program)
    if systems is not None:
        async with await psycopg.AsyncConnection.connect(url) as connection:
            major = connection.info.server_version // 10_000
        _, version, _ = await _ran(systems, "--version", environment=dict(os.environ))
        if re.search(rf"\(PostgreSQL\) {major}\b", version):
            return systems
    return str(server_binaries() / program)


async def _ran(program: str, *options: str, environment: dict[str, str]) -> tuple[int, str, str]:
    """Exit code, output, and complaints."""
    running = await asyncio.create_subprocess_exec(
        program,
        *options,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await running.communicate()
    assert running.returncode is not None, "it has ended"
    return running.returncode, said.decode(errors="replace"), complained.decode(errors="replace")
