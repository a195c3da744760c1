"""Every refusal and failure that the core raises, each with a stable code.

    CrmError
    ├── Rejected            a rule's no; nothing was recorded           opportunity.closed
    │   └── Invalid         a field of a command has not its shape      command.invalid
    ├── Denied              the actor lacks the right                   access.denied
    ├── NotFound            no such record, or none the actor may see   record.not_found
    ├── VersionConflict     somebody was quicker on this stream         ledger.version_conflict
    ├── CommandReused       same command id, other content              ledger.command_reused
    ├── ConditionFailed     a tag condition of an append did not hold   ledger.condition_failed
    ├── Lagging             a read model is behind the asked position   projection.lagging
    ├── Unavailable         the database is away or full; try again     database.gone
    └── SetupError          what only an operator can mend              database.unreachable

The code and the parameters are for programs; `crm_api.messages` turns them into sentences.
Parameters never hold personal data.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple
from uuid import UUID

__all__ = [
    "CommandReused",
    "ConditionFailed",
    "CrmError",
    "Denied",
    "Intervening",
    "Invalid",
    "Lagging",
    "NotFound",
    "Rejected",
    "SetupError",
    "Unavailable",
    "VersionConflict",
]


class CrmError(Exception):
    """The root of the tree: a `code` that never changes and the `parameters` of this case."""

    def __init__(self, code: str, **parameters: Any) -> None:
        self.code = code
        self.parameters = parameters
        super().__init__(code)

    def __str__(self) -> str:
        if not self.parameters:
            return self.code
        named = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.code} ({named})"


class Rejected(CrmError):
    """A rule said no, before any event; the record is as it was."""


class Invalid(Rejected):
    """A field has not its shape; `path` names it in dotted form, such as `amount.currency`."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__("command.invalid", path=path, problem=problem)
        self.path = path


class Denied(CrmError):
    """The actor has no right to do this. Says nothing about whether the record exists."""

    def __init__(self, right: str) -> None:
        super().__init__("access.denied", right=right)


class NotFound(CrmError):
    """There is no such record, or none that the actor may see; the two look the same."""

    def __init__(self, kind: str, record_id: UUID | str) -> None:
        super().__init__("record.not_found", kind=kind, id=str(record_id))


class Intervening(NamedTuple):
    """An event that was recorded between what a caller had seen and what is."""

    version: int
    position: int
    type: str
    event_id: UUID


class VersionConflict(CrmError):
    """The stream is not at the expected version; `actual` is 0 for a stream without events.

    `between` has the events that the caller had not seen, oldest first, as far as there is a number
    of them: at most `BETWEEN_MAX`; `actual` tells whether there are more.
    """

    BETWEEN_MAX: ClassVar[int] = 100

    def __init__(
        self,
        stream: str,
        expected: int | str,
        actual: int,
        between: tuple[Intervening, ...] = (),
    ) -> None:
        super().__init__("ledger.version_conflict", stream=stream, expected=expected, actual=actual)
        self.stream = stream
        self.expected = expected
        self.actual = actual
        self.between = between

    def __str__(self) -> str:
        return (
            f"Wrong expected version: {self.expected} "
            f"(stream: {self.stream}, stream version: {self.actual})"
        )


class CommandReused(CrmError):
    """This command id was already used for a command with other content."""

    def __init__(self, command_id: UUID) -> None:
        super().__init__("ledger.command_reused", command_id=str(command_id))


class ConditionFailed(CrmError):
    """An event with the named tags was recorded after the position the decision was based on."""

    def __init__(self, tags: tuple[str, ...], after: int, found_at: int) -> None:
        super().__init__("ledger.condition_failed", tags=list(tags), after=after, found_at=found_at)


class Lagging(CrmError):
    """A read model has not reached the position that the caller asked to see."""

    def __init__(self, projection: str, wanted: int, reached: int) -> None:
        super().__init__(
            "projection.lagging", projection=projection, wanted=wanted, reached=reached
        )


class Unavailable(CrmError):
    """Nothing is wrong with the request; the database cannot take it now.

    `database.gone` says whether it `may_be_stored`: the connection was lost after it was sent.
    Sent again with the same command id it has one effect in any case.
    """


class SetupError(CrmError):
    """Only an operator can mend this; `remedy` is the sentence that says how."""

    def __init__(self, code: str, remedy: str, **parameters: Any) -> None:
        super().__init__(code, **parameters)
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{super().__str__()}: {self.remedy}"
