"""What can go wrong, as exceptions.

ClientError
├── Unreachable          no whole answer came; a mutation may have been executed
├── ApiError             the request failed; `code` is of the API's closed list
└── Refused              a command was refused and nothing recorded; `code` names the rule
    └── VersionConflict  the record has moved on since `expected_version`
"""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import msgspec

__all__ = [
    "ApiError", "ClientError", "InterveningEvent", "Refused", "Unreachable", "UserError",
    "VersionConflict", "refused",
]  # fmt: skip


class InterveningEvent(msgspec.Struct, frozen=True, rename="camel"):
    """What was recorded after the version that the sender had seen."""

    version: int
    position: int
    type: str
    event_id: UUID


class UserError(msgspec.Struct, frozen=True, rename="camel"):
    """Why a command was refused. `path` is the field to blame; the rest belongs to some kinds."""

    code: str
    message: str
    path: list[str] | None = None
    constraint: str | None = None
    expected_version: int | None = None
    actual_version: int | None = None
    between: list[InterveningEvent] = []

    FIELDS: ClassVar[str] = (
        "code message path ... on ValidationError { constraint } ... on VersionConflictError {"
        " expectedVersion actualVersion between { version position type eventId } }"
    )


class ClientError(Exception):
    """The root of them all."""


class Unreachable(ClientError):
    """The server did not answer, or broke off. Sending again under the same key is safe."""


class ApiError(ClientError):
    """`trace_id` is what the server's log has of it; `errors` are all, as the API sent them."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        first = errors[0]
        extensions = first.get("extensions") or {}
        self.errors = errors
        self.message: str = first["message"]
        self.code: str = extensions.get("code", "INTERNAL")
        self.reason: str | None = extensions.get("reason")
        self.trace_id: str | None = extensions.get("traceId")
        super().__init__(f"{self.code}: {self.message}")


class Refused(ClientError):
    """`code` never changes and is for programs; `message` is for people, in their language."""

    def __init__(self, errors: list[UserError]) -> None:
        self.errors = errors
        self.code = errors[0].code
        self.message = errors[0].message
        super().__init__(f"{self.code}: {self.message}")


class VersionConflict(Refused):
    """`actual_version` is what the record is at, `between` what happened to it meanwhile."""

    def __init__(self, errors: list[UserError]) -> None:
        super().__init__(errors)
        self.expected_version = errors[0].expected_version
        self.actual_version = errors[0].actual_version or 0
        self.between = errors[0].between


def refused(errors: list[UserError]) -> Refused:
    """The exception for what a payload's `userErrors` say; there is at least one."""
    return Refused(errors) if errors[0].actual_version is None else VersionConflict(errors)
