"""Ours, as `crm serve` serves it: `ours_server.py URL PORT`; the first line is a bearer token."""

from __future__ import annotations

import asyncio
import sys
from uuid import uuid4

import uvicorn
import uvloop

from crm_api.app import create_app
from crm_api.cli.serving import log_to_stderr
from crm_api.http.allowance import Allowance
from crm_api.services import open_services
from crm_core import SYSTEM
from crm_core.identity.user.commands import ActivateUser, GrantRole, InviteUser
from crm_core.kernel.collecting import collector_relaxed

ROOT_KEY = bytes(range(32))
USER = uuid4()
UNLIMITED = Allowance(10**12, 10**12)


async def main(url: str, port: int) -> None:
    log_to_stderr()
    collector_relaxed()
    async with open_services(url, ROOT_KEY, allowance=UNLIMITED) as services:
        for command in (
            InviteUser(user_id=USER, name="Bench", email=f"{USER}@example.com"),
            ActivateUser(user_id=USER),
            GrantRole(user_id=USER, role="admin"),
        ):
            await services.crm.execute(command, actor=SYSTEM)
        print(services.tokens.issue(USER)[0], flush=True)
        await uvicorn.Server(
            uvicorn.Config(
                create_app(services), port=port, log_level="warning", access_log=False, ws="none"
            )
        ).serve()


if __name__ == "__main__":
    loop = uvloop.run if "--uvloop" in sys.argv else asyncio.run
    loop(main(sys.argv[1], int(sys.argv[2])))
