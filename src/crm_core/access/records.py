"""What rights need to know of each kind of record: whose it is, and what can be withheld of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

__all__ = [
    "ASSIGNED_BY",
    "FIELD_GROUPS",
    "OPEN_STATUSES",
    "OWNER_FIELDS",
    "PARENT_FIELDS",
    "is_open",
    "is_owned",
    "kind_of",
    "owner_of",
    "parent_of",
]

OWNER_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "customer": "owner_id",
        "opportunity": "owner_id",
        "ticket": "assignee_id",
        "task": "assignee_id",
        "user": "id",  # of a user's record, the user is the owner
        "api_key": "user_id",
        "session": "user_id",
        "bulk_operation": "owner_id",
    }
)
"""By kind, the field with the user whose record it is: of the aggregate and of the read model."""

OPEN_STATUSES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "customer": ("ACTIVE",),
        "opportunity": ("OPEN", "ON_HOLD"),
        "ticket": ("NEW", "OPEN", "PENDING_CUSTOMER", "ON_HOLD"),
        "task": ("OPEN", "IN_PROGRESS", "DEFERRED"),
    }
)
"""By kind that is given to users to work on, when a record still is somebody's work."""

ASSIGNED_BY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "customer": "assign_owner",
        "opportunity": "assign_owner",
        "ticket": "assign",
        "task": "assign",
    }
)
"""By such a kind, the action that gives a record to another user."""

PARENT_FIELDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"interaction": ("customer_id", "customer")}
)
"""Kinds that belong to whom another record belongs to: the field with its id, and its kind."""

FIELD_GROUPS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "customer": {
            "contact": ("email", "phone", "points"),
            "address": ("addresses",),
            "revenue": ("annual_revenue", "annual_revenue_currency"),
        },
        "opportunity": {"amount": ("amount", "lines")},
        "ticket": {"satisfaction": ("csat_score",)},
        "user": {"contact": ("email",)},
    }
)
"""By kind, the groups of fields that a rule can withhold, with the columns of each."""


def kind_of(topic: str) -> str:
    """The kind as rights and commands name it, from the type of its streams: `customer`."""
    return topic.rpartition(".")[2]


def is_owned(kind: str) -> bool:
    """Whether records of the kind are somebody's. The others are everybody's or nobody's."""
    return kind in OWNER_FIELDS or kind in PARENT_FIELDS


def is_open(kind: str, record: Any) -> bool:
    """Whether the record, or row, is somebody's work still."""
    return kind in OPEN_STATUSES and record.status in OPEN_STATUSES[kind]


def owner_of(kind: str, record: Any) -> UUID | None:
    """The owner of a record that has one of its own, from its aggregate or its row."""
    field = OWNER_FIELDS.get(kind)
    owner: UUID | None = None if field is None else getattr(record, field)
    return owner


def parent_of(kind: str, record: Any) -> UUID | None:
    """The record that this one belongs to, where it belongs to another."""
    found = PARENT_FIELDS.get(kind)
    parent: UUID | None = None if found is None else getattr(record, found[0])
    return parent
