"""`crm replay`: the auditor's proof that the records are what the events say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Annotated
from uuid import uuid4

import psycopg
import typer
from psycopg import sql
from rich.console import Console
from rich.table import Table

from crm_api.cli.moments import as_of_of
from crm_api.cli.place import Place, embedded_only, open_audit, open_place, open_runner
from crm_api.cli.progress import progress_bar
from crm_core import AsOf, Crm, Rejected, SetupError
from crm_core.audit.crm_verify import Finding, Folder, Frontier, verify_export
from crm_core.audit.export import Export, keys_of_export
from crm_core.audit.log import AuditLog
from crm_core.audit.record import leaf_of
from crm_core.backup.key_dumps import KeyLabel
from crm_core.ledger.event_store import EventStore
from crm_core.ledger.postgres.connections import unreachable
from crm_core.ledger.postgres.migrate import migrate
from crm_core.ledger.records import StoredEvent
from crm_core.replay import Progress, replay, replay_export
from crm_projections.digest import digest_of
from crm_projections.projection import Projection, project
from crm_projections.registry import all_projections
from crm_projections.rows import Rows
from crm_projections.runner import ProjectionRunner
from crm_projections.status import Skip

__all__ = ["Copy", "add_to", "open_copy", "same_records"]

console = Console()


def add_to(commands: typer.Typer) -> None:
    commands.command("replay")(replay_command)


def replay_command(
    to: Annotated[
        str | None, typer.Option(help="A position or a time; the ledger's head, if not given.")
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(
            envvar="CRM_REPLAY_URL",
            help="An empty database, by its URL; a new one on the embedded server, if not given.",
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="An export to replay, in place of the ledger itself."),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(help="With --from: a verifier key that you trust; ours, if not given."),
    ] = None,
) -> None:
    """Replay the ledger into a fresh database and compare root and read models.

    Exits with 1 where one differs.
    """
    if source is None:
        same = asyncio.run(_replay(as_of_of(to), into))
    else:
        same = asyncio.run(_replay_export(source, to, into, key or []))
    if not same:
        raise typer.Exit(1)


async def _replay(to: AsOf, into: str | None) -> bool:
    async with open_place() as place, await place.open_crm() as crm:
        up_to = await _checked(crm, to)
        skips = await _skips(place, crm)
        async with _copy(place, into) as copy:
            await copy.runner.take_skips(crm.tenant_id, skips)
            with progress_bar("replaying") as progress:
                await replay(
                    crm.store, copy.crm.store, crm.tenant_id, up_to=up_to, progress=progress
                )
            pages = crm.store.stored_pages(crm.tenant_id, up_to=up_to)
            return await same_records(copy, pages, crm.store, up_to, skips)


async def _replay_export(folder: Path, to: str | None, into: str | None, keys: list[str]) -> bool:
    """Nothing of an export is replayed before all of it was verified."""
    held = Export(folder)
    up_to = as_of_of(to).position or held.manifest.size
    if up_to > held.manifest.size:
        raise Rejected("replay.beyond_head", position=up_to, head=held.manifest.size)
    _refuse_expired(folder)
    async with open_place() as place:
        signer = place.signer()
        if not keys and signer is not None:
            keys = [str(key) for key in signer.keys.verifiers(held.manifest.origin)]
        try:
            verify_export(Folder(folder), keys)
        except Finding as finding:
            raise Rejected("export.broken", finding=str(finding)) from finding
        async with _copy(place, into) as copy:
            if copy.crm.tenant_id != held.tenant_id:
                raise Rejected("replay.other_tenant", tenant=str(held.tenant_id))
            with progress_bar("replaying") as progress:
                await replay_export(held, copy.crm.store, up_to=up_to, progress=progress)
            return await same_records(copy, held.pages(up_to), copy.crm.store, up_to)


def _refuse_expired(folder: Path) -> None:
    label = KeyLabel.read(keys_of_export(folder))
    if label is not None and datetime.now(UTC) > label.expires_at:
        raise SetupError(
            "backup.keys_expired",
            "export again: these keys may open what was erased since; once `crm keys prune` has"
            " destroyed them, personal fields read as erased",
            expired_at=label.expires_at,
        )


@dataclass(frozen=True)
class Copy:
    """A CRM with what is computed from its ledger."""

    crm: Crm
    runner: ProjectionRunner
    audit: AuditLog


@asynccontextmanager
async def _copy(place: Place, into: str | None) -> AsyncIterator[Copy]:
    """The database that is replayed into, made ready; a new one, unless one was given."""
    url = into or await _fresh_database(place)
    await migrate(url)
    async with open_copy(replace(place, url=url, server=None)) as copy:
        yield copy


@asynccontextmanager
async def open_copy(place: Place) -> AsyncIterator[Copy]:
    async with (
        await place.open_crm() as crm,
        open_runner(place, crm) as runner,
        open_audit(place, crm) as audit,
    ):
        yield Copy(crm, runner, audit)


async def _skips(place: Place, crm: Crm) -> dict[str, Sequence[Skip]]:
    """What operators decided to leave out of the read models, by projection."""
    async with open_runner(place, crm) as runner:
        found = await runner.status()
    return {at.projection: at.skips for at in found if at.tenant_id == crm.tenant_id}


async def same_records(
    copy: Copy,
    source: AsyncIterator[list[StoredEvent]],
    store: EventStore,
    up_to: int,
    skips: Mapping[str, Sequence[Skip]] = MappingProxyType({}),
) -> bool:
    """Whether root and read models of the copy are what the source's events make."""
    tenant_id = copy.crm.tenant_id
    with progress_bar("read models") as progress:
        await copy.runner.catch_up(tenant_id, progress)
    there = await copy.runner.digests(tenant_id)
    size = await copy.audit.integrate(tenant_id)
    there["ledger (root)"] = (await copy.audit.consistency(tenant_id, 0, size)).new_root.hex()
    with progress_bar("folding the source") as progress:
        here = await _folded(source, store, up_to, skips, progress)
    return _compared(size, here, there)


async def _checked(crm: Crm, to: AsOf) -> int:
    head = await crm.position()
    up_to = await crm.position(to)
    if up_to > head:
        raise Rejected("replay.beyond_head", position=up_to, head=head)
    return up_to


async def _folded(
    source: AsyncIterator[list[StoredEvent]],
    store: EventStore,
    up_to: int,
    skips: Mapping[str, Sequence[Skip]],
    progress: Progress,
) -> dict[str, str]:
    """Root and digests of what the source's events make, folded in memory."""
    rows: dict[Projection, Rows] = {projection: Rows() for projection in all_projections()}
    left_out = {name: {skip.position for skip in of} for name, of in skips.items()}
    frontier = Frontier()
    async for page in source:
        frontier.extend([leaf_of(event) for event in page])
        events = await store.decode(page)
        for projection, kept in rows.items():
            skipped = left_out.get(projection.name, set())
            project(projection, (e for e in events if e.position not in skipped), kept)
        progress(page[-1].position, up_to)
    digests = {projection.name: digest_of(projection, kept) for projection, kept in rows.items()}
    return digests | {"ledger (root)": frontier.root().hex()}


def _compared(reached: int, here: dict[str, str], there: dict[str, str]) -> bool:
    table = Table("read model", "source, folded", "replayed", "")
    for name, digest in here.items():
        same = "[green]equal[/]" if there[name] == digest else "[bold red]DIFFERENT[/]"
        table.add_row(name, digest[:16], there[name][:16], same)
    console.print(f"Replayed to position {reached:,}.")
    console.print(table)
    return here == there


async def _fresh_database(place: Place) -> str:
    server = embedded_only(place, "replaying without --into")
    name = f"replay_{uuid4().hex[:12]}"
    try:
        connection = await psycopg.AsyncConnection.connect(server.url(), autocommit=True)
    except psycopg.OperationalError as error:
        raise unreachable(error) from error
    async with connection:
        await connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    console.print(f"Replaying into the new database [bold]{name}[/].", highlight=False)
    return server.url(name)
