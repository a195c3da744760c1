"""`crm serve` and `crm demo`: the server, over your own CRM or over a company that has a past."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import structlog
import typer
from rich.console import Console

from crm_api.cli.place import Place, embedded_only, open_place
from crm_api.cli.progress import progress_bar
from crm_api.cli.settings import Settings, require_strong
from crm_api.http.profile import Profile
from crm_core import SetupError
from crm_core.demo import DemoCompany, make_demo
from crm_core.kernel.collecting import collector_relaxed

__all__ = ["add_to", "log_to_stderr"]

console = Console(highlight=False)

PortOption = Annotated[int | None, typer.Option(help="CRM_PORT, or 8000, if not given.")]


def add_to(commands: typer.Typer) -> None:
    commands.command("serve")(serve)
    commands.command("demo")(demo)


def serve(port: PortOption = None) -> None:
    """Serve the API: GraphQL, GraphiQL, sign-in, health."""
    with contextlib.suppress(KeyboardInterrupt):  # how it is meant to end
        asyncio.run(_serve(port))


def demo(port: PortOption = None) -> None:
    """Serve a made-up company with nine months of history, ready to look around in."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_demo(port))


async def _serve(port: int | None) -> None:
    settings = Settings()
    listening = _listen(settings.host, port or settings.port)
    async with open_place(settings) as place, _serving(place, listening) as address:
        console.print(f"GraphQL   {address}/graphql")
        if settings.profile is Profile.THIRD_PARTY:
            console.print(f"GraphiQL  {address}/graphiql")
        console.print("Stop with Ctrl-C.")


async def _demo(port: int | None) -> None:
    settings = Settings()
    async with open_place(settings) as place:
        embedded_only(place, "the demo")
        password = _password(settings.place() / "demo-password")
        async with await place.open_crm() as crm:
            with progress_bar("the demo company", "commands") as progress:
                company = await make_demo(
                    crm, now=datetime.now(UTC), password=password, progress=progress
                )
        listening = _listen(settings.host, port or settings.port, or_any=port is None)
        async with _serving(place, listening) as address:
            _print_card(address, company, password)


def _print_card(address: str, company: DemoCompany, password: str) -> None:
    console.print()
    console.print(f"GraphQL   {address}/graphql")
    console.print(f"GraphiQL  {address}/graphiql")
    for email in (company.admin_email, company.sales_email, company.auditor_email):
        console.print(f"sign in   {email}  {password}", soft_wrap=True)
    console.print("\nA mutation to paste, once signed in:\n")
    console.print(
        f"""mutation {{
  opportunityMoveStage(input: {{
    opportunityId: "{company.open_opportunity_id}"
    stageId: "{company.next_stage_id}"
  }}) {{
    userErrors {{ code message }}
    receipt {{ position }}
    opportunity {{ name stageId amount {{ amount currencyCode }} }}
  }}
}}""",
        markup=False,
    )
    console.print("\nStop with Ctrl-C; the data stays.")


# --- the server -----------------------------------------------------------------------------------


@asynccontextmanager
async def _serving(place: Place, listening: socket.socket) -> AsyncIterator[str]:
    """Runs the server; the body is run once it answers, and then it goes on until it is told."""
    from crm_api.http.trusted import read_trusted
    from crm_api.server import Server
    from crm_api.services import open_services

    if place.server is not None and not place.server.owned:
        raise SetupError(
            "serve.shared_database",
            "another crm process owns the embedded server and would take it away when it ends;"
            " wait until it has ended, or set CRM_DATA_DIR to another folder",
        )
    require_strong(place.settings, place.root_key)
    log_to_stderr()
    collector_relaxed()
    host, port = listening.getsockname()[:2]
    signer = place.signer()
    if signer is None:
        structlog.get_logger().warning("audit.nothing_is_signed", set="CRM_AUDIT_KEY_FILE")
    settings = place.settings
    async with open_services(
        place.url,
        place.root_key,
        settings.tenant,
        signer,
        redis_url=settings.redis,
        snapshot_every=settings.snapshot_every,
        allowance=settings.allowance,
        trusted=read_trusted(settings.profile, settings.trusted_documents),
        takes_get=settings.queries_by_get,
        ways_in=settings.ways_in(),
        files=settings.files(),
        export_rows_max=settings.export_rows_max,
        read_mode=settings.read_log,
        breached=settings.breached(),
    ) as services:
        server = Server(services, settings.shutdown_seconds, settings.proxies)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(0.01)
        yield f"http://{host}:{port}"
        await running


def _listen(host: str, port: int, *, or_any: bool = False) -> socket.socket:
    """A socket of ours before anything else is started, so that a port in use is found at once."""
    for candidate in (port, 0) if or_any else (port,):
        listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, candidate))
        except OSError as error:
            listening.close()
            cause = error.strerror
        else:
            return listening
    raise SetupError(
        "serve.port_in_use",
        "stop what listens there, or choose another port with --port or CRM_PORT",
        address=f"{host}:{port}",
        cause=cause,
    )


def log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(serializer=_line),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )


def _line(said: Any, **_: Any) -> bytes:
    return msgspec.json.encode(said, enc_hook=str)


def _password(path: Path) -> str:
    """The demo users' password, made at the first start and kept for the next ones."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(12) + "\n")
    return path.read_text().strip()
