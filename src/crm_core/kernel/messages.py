"""What goes in and what comes out: commands, who sends them, and the receipt."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar
from uuid import UUID

import msgspec

from crm_core.kernel.errors import Invalid

if TYPE_CHECKING:
    from crm_core.access.owned import Owned
    from crm_core.access.rights import Rule
    from crm_core.kernel.aggregate import Aggregate
    from crm_core.kernel.ids import Ids

__all__ = [
    "SYSTEM",
    "Actor",
    "ActorKind",
    "Command",
    "Receipt",
    "Request",
    "Work",
    "invalid",
    "is_storable",
    "validate",
]


class ActorKind(StrEnum):
    USER = "USER"
    API_KEY = "API_KEY"
    RULE = "RULE"
    IMPORT = "IMPORT"
    INTEGRATION = "INTEGRATION"
    SYSTEM = "SYSTEM"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `id` is a record's id or a stable name of the program; never personal data."""

    kind: ActorKind
    id: str
    on_behalf_of: str | None = None

    @classmethod
    def user(cls, user_id: UUID) -> Actor:
        return cls(ActorKind.USER, str(user_id))


SYSTEM = Actor(ActorKind.SYSTEM, "crm")

A = TypeVar("A", bound="Aggregate")


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A request to the CRM, in the imperative. Its NAME is `aggregate.verb` and never changes.

    `handle` loads what the decision needs and calls the aggregate's method; the rules are there.
    `TARGET` names the field that holds the id of the record the command is about.
    """

    NAME: ClassVar[str]
    TARGET: ClassVar[str]

    async def handle(self, work: Work) -> None:
        raise NotImplementedError

    @classmethod
    def right(cls) -> tuple[str, str]:
        """What its sender must be granted: the kind of object, and the action on it."""
        kind, _, action = cls.NAME.partition(".")
        return kind, action

    @classmethod
    def makes_its_target(cls) -> bool:
        """Whether the record is a new one, to which an id is given if none is told."""
        return _makes_target(cls)

    @property
    def target_id(self) -> UUID:
        target: UUID = getattr(self, self.TARGET)
        return target


@cache
def _makes_target(command: type[Command]) -> bool:
    return any(
        field.name == command.TARGET and field.default_factory is not msgspec.NODEFAULT
        for field in msgspec.structs.fields(command)
    )


class Work(Protocol):
    """The records that one command reads and changes; all its events are stored together."""

    @property
    def ids(self) -> Ids: ...

    @property
    def tenant_id(self) -> UUID: ...

    @property
    def actor(self) -> Actor: ...

    @property
    def at(self) -> datetime:
        """When it happens: the command's effective time, or now."""

    async def load(self, aggregate_class: type[A], record_id: UUID) -> A:
        """The record as it stands. Raises NotFound, also where the actor may not see it."""

    async def find(self, aggregate_class: type[A], record_id: UUID) -> A | None:
        """The record, or None where there is none, or none that the actor may see."""

    def add(self, aggregate: Aggregate) -> None:
        """A new record. Rejected `record.exists` where its id was given before."""

    def guard(self, aggregate: Aggregate) -> None:
        """The decision rests on this record: it fails, and is taken again, if it has changed."""

    async def require(self, record: Aggregate, action: str) -> None:
        """Raises Denied unless the actor may do this to the record."""

    async def require_cover(self, rules: Iterable[Rule]) -> None:
        """Raises Denied where the rules go beyond what the actor may: nobody gives more."""

    async def owned_by(self, user_id: UUID) -> Owned:
        """What the user has to hand over. Raises Lagging where that is not known yet."""

    def reaches(self, kind: str, action: str, owner_id: UUID) -> bool:
        """Whether the actor may do this to all records of the kind that are this user's."""

    async def is_breached(self, password: str) -> bool:
        """Whether attackers are known to know the password."""

    async def administrators(self) -> frozenset[UUID]:
        """Who may do everything, by all that is recorded. What is relied on is to be guarded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A command with what is known about its sending.

    `command_id`: named by a sender who may send it again; the first receipt is returned then.
    `effective_at`: when it happened, for what is entered later. `expected_version`: of the target;
    the command is refused, not decided again, where the record has moved on. `reason` is a code
    for the envelope, such as `import:sales:accounts.csv:12`; what a person has to say belongs in
    the command.
    """

    command: Command
    actor: Actor
    command_id: UUID | None = None
    effective_at: datetime | None = None
    expected_version: int | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a command did. `position` is that of its last event: the token to read one's write.

    A command that changed nothing has no event ids; its position is the ledger's head then.
    `replayed` says that this command id had been executed before and nothing was done again.
    """

    command_id: UUID
    event_ids: tuple[UUID, ...]
    position: int
    recorded_at: datetime
    replayed: bool = False


def validate(command: Command) -> None:
    """Raises `Invalid` where a field breaks the constraints of its type."""
    plain = msgspec.to_builtins(command, builtin_types=_KEPT)
    for name, value in plain.items():
        if not is_storable(value):
            raise Invalid(name, "has a character that no database keeps (U+0000, or half a pair)")
    try:
        msgspec.convert(plain, type(command))
    except msgspec.ValidationError as error:
        raise invalid(error, type(command).__name__) from None


def is_storable(value: Any) -> bool:
    """PostgreSQL takes no U+0000 in a text, and UTF-8 has no lone surrogates."""
    match value:
        case str():
            return "\x00" not in value and not _SURROGATE.search(value)
        case list() | tuple():
            return all(map(is_storable, value))
        case dict():
            return all(map(is_storable, value.values()))
        case _:
            return True


def invalid(error: msgspec.ValidationError, whole: str) -> Invalid:
    """msgspec's complaint as ours: the path in dotted form, or `whole` where it names none."""
    problem, _, where = str(error).partition(" - at `$")
    return Invalid(where.rstrip("`").lstrip(".") or whole, problem)


_SURROGATE = re.compile("[\ud800-\udfff]")
_KEPT: tuple[type[Any], ...] = (UUID, datetime, Decimal)
