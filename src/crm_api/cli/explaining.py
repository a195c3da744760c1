"""`crm explain`: why a field has its value, as a tree."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from crm_api.cli.moments import as_of_record
from crm_api.cli.place import open_place
from crm_api.cli.reading import RecordArgument, record_id_of, shown
from crm_core import NOW, ActorKind, Crm, NotFound, Step
from crm_core.explain import source_of
from crm_core.identity import User

console = Console(highlight=False)


def add_to(commands: typer.Typer) -> None:
    commands.command("explain")(explain)


def explain(
    record: RecordArgument,
    field: Annotated[str, typer.Argument(help="Such as `name` or `ownerId`.")],
    as_of: Annotated[
        str | None, typer.Option(help="A version such as v3, a position, or a time.")
    ] = None,
) -> None:
    """Show why a field has its value: event, command, who, and what led to it."""
    asyncio.run(_explain(record, field, as_of))


async def _explain(record: str, field: str, as_of: str | None) -> None:
    from graphql.pyutils import camel_to_snake

    async with open_place() as place, await place.open_crm() as crm:
        past = as_of_record(as_of) if as_of else NOW
        found = await crm.explain(await record_id_of(crm, record), camel_to_snake(field), past)
        value = "nothing" if found.value is None else shown(found.field, found.value)
        tree = Tree(f"[bold]{found.field}[/] is [bold]{escape(value)}[/]")
        if found.step is None:
            tree.add("it never had another value")
        else:
            await _add(tree, crm, found.step, "because of")
        console.print(f"{found.record_type} {found.record_id}")
        console.print(tree)


async def _add(tree: Tree, crm: Crm, step: Step, led_by: str) -> None:
    """The event below what it made so, then the command, then who sent it and because of what."""
    event, stored = step.event, step.event.stored
    happened = f", happened {event.happened_at:%Y-%m-%d %H:%M}" if stored.effective_at else ""
    branch = tree.add(
        f"{led_by} the event [bold]{event.type}[/], position {event.position}, version"
        f" {event.version}, recorded {event.recorded_at:%Y-%m-%d %H:%M:%S}{happened}"
    )
    source = source_of(event)
    why = f", from {escape(source)}" if source else f", reason {escape(stored.reason)}" if (
        stored.reason
    ) else ""  # fmt: skip
    branch = branch.add(f"by the command {stored.command_id}{why}")
    branch.add(await _who(crm, step))
    if step.cause is not None:
        await _add(branch, crm, step.cause, "led to by")
    elif stored.causation_id is not None:
        branch.add(f"led to by {stored.causation_id}, which is not in this journey's events")


async def _who(crm: Crm, step: Step) -> str:
    actor = step.event.actor
    said = f"of the {actor.kind.value.lower()} {escape(actor.id)}"
    if actor.on_behalf_of is not None:
        said += f", on behalf of {escape(actor.on_behalf_of)}"
    if actor.kind is ActorKind.USER:
        try:
            name = (await crm.get(User, await record_id_of(crm, actor.id))).name
        except NotFound:
            return f"{said}, whom this ledger does not know"
        said += f", {escape(name) if isinstance(name, str) else 'whose name is erased'}"
    return said
