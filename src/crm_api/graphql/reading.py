"""What a field reads, said beside its resolver: so a document can be compiled to one statement.

A field without a resolver reads the column of its name. A field that says nothing has a place in
the statement's answer, which its resolver fills.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from crm_projections.reading import Order

__all__ = [
    "AnyNode", "Column", "Link", "LinkedList", "Listed", "Money", "One", "Pairs", "Reading",
    "Reported", "Settled",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column of another name."""

    name: str


@dataclass(frozen=True, slots=True)
class Money:
    """Two columns; null where either is."""

    amount: str
    currency: str


@dataclass(frozen=True, slots=True)
class Pairs:
    """A column of pairs, and the names of their two parts."""

    column: str
    names: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Link:
    """The record of a kind that a column names, where it may be seen."""

    kind: str
    column: str


@dataclass(frozen=True, slots=True)
class LinkedList:
    """The records of a kind that name this one in a column."""

    kind: str
    column: str
    order: Order


@dataclass(frozen=True, slots=True)
class One:
    """The record of a kind that the arguments `id` or `by` name."""

    kind: str


@dataclass(frozen=True, slots=True)
class Listed:
    """The whole list of a kind, and its order unless another is asked for."""

    kind: str
    order: Order


@dataclass(frozen=True, slots=True)
class AnyNode:
    """The record that the argument `id` names, of whatever kind."""


@dataclass(frozen=True, slots=True)
class Reported:
    """Figures over the records of a kind, which the read model of this name keeps."""

    kind: str
    kept_by: str


@dataclass(frozen=True, slots=True)
class Settled:
    """Of a report: what stays as it is at the report's position, for all who see the same."""


Reading: TypeAlias = (
    Column | Money | Pairs | Link | LinkedList | One | Listed | AnyNode | Reported | Settled
)
