"""`crm history`, `crm diff`, `crm schema`, `crm client-code`: a record's past, and the API."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from crm_api.cli.moments import as_of_of, as_of_record, effective_of
from crm_api.cli.place import open_place
from crm_api.withheld import SECRETS
from crm_core import AsOf, Crm, Event, Invalid, NotFound, RecordedEvent, Redacted
from crm_core.kernel.aggregate import AGGREGATE_CLASSES, HeldKey, external_key
from crm_core.kernel.events import own_fields
from crm_core.kernel.values import normal_email

__all__ = ["RecordArgument", "add_to", "record_id_of", "shown"]

console = Console()

_KINDS = {topic.rpartition(".")[2] for topic in AGGREGATE_CLASSES} | set(AGGREGATE_CLASSES)


def add_to(commands: typer.Typer) -> None:
    commands.command("history")(history)
    commands.command("diff")(diff)
    commands.command("schema")(schema)
    commands.command("client-code")(client_code)


RecordArgument = Annotated[
    str,
    typer.Argument(
        help="An id, with its type or without (`customer:…`), an e-mail address, or system:id of"
        " another system.",
    ),
]


def history(
    record: RecordArgument,
    as_of: Annotated[
        str | None, typer.Option(help="A position, or a time such as 2026-01-31T12:00Z.")
    ] = None,
) -> None:
    """Show all that happened to a record: what, when, by whom."""
    asyncio.run(_history(record, as_of_of(as_of)))


async def _history(record: str, as_of: AsOf) -> None:
    async with open_place() as place, await place.open_crm() as crm:
        record_id = await record_id_of(crm, record)
        events = await crm.history(record_id, as_of)
        if not events:
            raise NotFound("record", record)
        table = Table("position", "version", "recorded", "happened", "by", "what", "data")
        for event in events:
            table.add_row(*(escape(str(cell)) for cell in _cells(event)))
        console.print(f"{events[0].record_type} {record_id}", highlight=False)
        console.print(table)


def diff(
    record: RecordArgument,
    before: Annotated[
        str, typer.Argument(help="A version such as v3, a position, or a time.", metavar="A")
    ],
    after: Annotated[str, typer.Argument(help="The other past.", metavar="B")],
    effective: Annotated[
        bool, typer.Option("--effective", help="A and B are when things happened.")
    ] = False,
) -> None:
    """Show what differs in a record between two pasts, and which events made it so."""
    past = effective_of if effective else as_of_record
    asyncio.run(_diff(record, past(before), past(after)))


async def _diff(record: str, before: AsOf, after: AsOf) -> None:
    async with open_place() as place, await place.open_crm() as crm:
        found = await crm.diff(await record_id_of(crm, record), before, after)
    console.print(
        f"{found.record_type} {found.record_id}, version {found.from_version or 'none'} →"
        f" {found.to_version or 'none'}",
        highlight=False,
    )
    table = Table("field", "before", "after", "by")
    for change in found.changes:
        values = [
            "" if value is None else escape(shown(change.field, value))
            for value in (change.before, change.after)
        ]
        table.add_row(change.field, *values, "\n".join(map(_made, change.events)))
    console.print(table)


def _made(event: RecordedEvent) -> str:
    return (
        f"{event.position} {event.type.rpartition('.')[2]}, {event.happened_at:%Y-%m-%d %H:%M},"
        f" {event.actor.kind.value.lower()} {event.actor.id}"
    )


def _cells(event: RecordedEvent) -> tuple[object, ...]:
    happened = event.stored.effective_at
    return (
        event.position,
        event.version,
        f"{event.recorded_at:%Y-%m-%d %H:%M:%S}",
        f"{happened:%Y-%m-%d %H:%M}" if happened else "",
        f"{event.actor.kind.value.lower()} {event.actor.id}",
        event.type.rpartition(".")[2],
        ", ".join(f"{name}={shown(name, value)}" for name, value in _data(event.data).items()),
    )


def _data(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in own_fields(type(event))}


def shown(name: str, value: Any) -> str:
    """The value in JSON; what was erased in words."""
    if name in SECRETS:
        return "[secret]"
    return msgspec.json.encode(value, enc_hook=_erased, order="deterministic").decode()


def _erased(value: Any) -> str:
    if isinstance(value, Redacted):
        return "erased"
    raise NotImplementedError(type(value).__name__)


async def record_id_of(crm: Crm, record: str) -> UUID:
    """The record that somebody means. Raises NotFound, or Invalid where it cannot be one."""
    system, colon, external_id = record.partition(":")
    try:
        return UUID(external_id if system in _KINDS else record)
    except ValueError:
        pass
    if "@" in record:
        keys = [HeldKey("email", normal_email(record)), HeldKey("login", normal_email(record))]
    elif colon:
        kinds = ("customer", "opportunity", "ticket")
        keys = [external_key(kind, system, external_id) for kind in kinds]
    else:
        raise Invalid("record", "is an id, an e-mail address, or system:id")
    for key in keys:
        holder = await crm.holder(*key)
        if holder is not None:
            return holder
    raise NotFound("record", record)


def schema() -> None:
    """Print the GraphQL schema."""
    from crm_api.schema import print_sdl

    print(print_sdl())


def client_code(
    folder: Annotated[Path, typer.Argument(help="Where the files are written.")],
) -> None:
    """Write the typed Python client for the GraphQL schema."""
    from graphql import build_schema

    from crm_api.client_code import client_files
    from crm_api.schema import print_sdl

    for name, text in client_files(build_schema(print_sdl())).items():
        (folder / name).write_text(text, encoding="utf-8")
