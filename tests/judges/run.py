"""Tools that nobody here wrote judge the API: `run.py`. npm puts them into a temporary folder.

The versions are those of package-lock.json. Exits with 1 where a judge finds a fault.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import uvicorn

from crm_api.app import create_app
from crm_api.services import open_services
from crm_core import SYSTEM
from crm_core.customers.customer.commands import RegisterPerson
from crm_core.embedded import EmbeddedPostgres
from crm_core.identity.user.commands import ActivateUser, GrantRole, InviteUser
from crm_core.ledger.postgres.migrate import migrate

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SCHEMA_RULES = (
    "relay-connection-types-spec,relay-connection-arguments-spec,relay-page-info-spec,"
    "deprecations-have-a-reason"
)


async def main() -> int:
    with tempfile.TemporaryDirectory(prefix="crm-judges-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for file in (*HERE.glob("*.json"), *HERE.glob("*.mjs")):
            shutil.copy(file, folder)
        shutil.copytree(HERE / "relay", folder / "relay")
        shutil.copy(ROOT / "schema.graphql", folder)
        await _run(folder, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent")
        failed = []
        async with _served(folder) as (url, token):
            for judge in ("graphql_http", "graphql_ws", "graphql_sse"):
                if await _run(folder, "node", f"{judge}.mjs", url, token):
                    failed.append(judge)
        linted = ("npx", "graphql-schema-linter", "--rules", SCHEMA_RULES, "schema.graphql")
        if await _run(folder, *linted):
            failed.append("graphql-schema-linter")
        if await _run(folder / "relay", "npx", "relay-compiler", "relay.config.json"):
            failed.append("relay-compiler")
        print(f"found a fault: {', '.join(failed)}" if failed else "no judge finds a fault")
        return bool(failed)


async def _run(folder: Path, *command: str) -> int:
    run = await asyncio.create_subprocess_exec(*command, cwd=folder, env=os.environ)
    return await run.wait()


@contextlib.asynccontextmanager
async def _served(folder: Path) -> AsyncIterator[tuple[str, str]]:
    """The address of a server with a little in it, and the token of its admin."""
    user = uuid4()
    with EmbeddedPostgres.start(folder / "data") as postgres:
        await migrate(postgres.url())
        async with open_services(postgres.url(), bytes(range(32))) as services:
            for command in (
                InviteUser(user_id=user, name="Judge", email="judge@example.com"),
                ActivateUser(user_id=user),
                GrantRole(user_id=user, role="admin"),
                RegisterPerson(name="Ada"),
            ):
                await services.crm.execute(command, actor=SYSTEM)
            listening = socket.create_server(("127.0.0.1", 0))
            server = uvicorn.Server(
                uvicorn.Config(
                    create_app(services), log_level="warning", ws="websockets-sansio",
                    timeout_graceful_shutdown=1,
                )
            )  # fmt: skip
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
            port = listening.getsockname()[1]
            yield f"http://127.0.0.1:{port}/graphql", services.tokens.issue(user)[0]
            server.should_exit = True
            await serving


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
