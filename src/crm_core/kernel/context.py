"""A context: one business area and one module of the product."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import getmembers, isclass
from types import ModuleType

from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.messages import Command

__all__ = ["Context", "commands_in"]


@dataclass(frozen=True)
class Context:
    """Its aggregates and its commands; the events are those under `<name>.` in EVENT_CLASSES."""

    name: str
    aggregates: tuple[type[Aggregate], ...]
    commands: tuple[type[Command], ...]


def commands_in(module: ModuleType) -> tuple[type[Command], ...]:
    """The commands defined in a module (those with a NAME), in the order of their names."""
    return tuple(
        sorted(
            (
                found
                for _, found in getmembers(module, isclass)
                if issubclass(found, Command)
                and found.__module__ == module.__name__
                and hasattr(found, "NAME")
            ),
            key=lambda command: command.NAME,
        )
    )
