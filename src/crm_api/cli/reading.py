"""`crm history` and `crm schema`: looking at a record's past, and at the API."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from crm_api.cli.moments import as_of_of
from crm_api.cli.place import open_place
from crm_core import AsOf, Crm, Event, Invalid, NotFound, RecordedEvent, Redacted
from crm_core.kernel.aggregate import HeldKey, external_key
from crm_core.kernel.events import own_fields
from crm_core.kernel.values import normal_email

console = Console()


def add_to(commands: typer.Typer) -> None:
    commands.command("history")(history)
    commands.command("schema")(schema)


def history(
    record: Annotated[
        str, typer.Argument(help="An id, an e-mail address, or system:id of another system.")
    ],
    as_of: Annotated[
        str | None, typer.Option(help="A position, or a time such as 2026-01-31T12:00Z.")
    ] = None,
) -> None:
    """Show all that happened to a record: what, when, by whom."""
    asyncio.run(_history(record, as_of_of(as_of)))


async def _history(record: str, as_of: AsOf) -> None:
    async with open_place() as place, await place.open_crm() as crm:
        record_id = await _record_id(crm, record)
        events = await crm.history(record_id, as_of)
        if not events:
            raise NotFound("record", record)
        table = Table("position", "version", "recorded", "happened", "by", "what", "data")
        for event in events:
            table.add_row(*map(str, _cells(event)))
        console.print(f"{events[0].record_type} {record_id}", highlight=False)
        console.print(table)


def _cells(event: RecordedEvent) -> tuple[object, ...]:
    happened = event.stored.effective_at
    return (
        event.position,
        event.version,
        f"{event.recorded_at:%Y-%m-%d %H:%M:%S}",
        f"{happened:%Y-%m-%d %H:%M}" if happened else "",
        f"{event.actor.kind.value.lower()} {event.actor.id}",
        event.type.rpartition(".")[2],
        ", ".join(f"{name}={_shown(value)}" for name, value in _data(event.data).items()),
    )


def _data(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in own_fields(type(event))}


def _shown(value: Any) -> str:
    if isinstance(value, Redacted):
        return "[erased]"
    return msgspec.json.encode(value).decode()


async def _record_id(crm: Crm, record: str) -> UUID:
    try:
        return UUID(record)
    except ValueError:
        pass
    system, colon, external_id = record.partition(":")
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
