"""The one place where a refusal of the core becomes an answer of the API.

A command's refusal is data: a `UserError` in its payload. Everything else is an error of GraphQL
with a code of this closed list in `extensions.code`; what nobody foresaw is masked.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

import psycopg
import strawberry
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests
from strawberry.scalars import JSON
from strawberry.utils.str_converters import to_camel_case

from crm_api.graphql.scalars import Position, UserErrorCode
from crm_api.messages import Language, sentence
from crm_core import (
    CommandReused,
    ConditionFailed,
    CrmError,
    Denied,
    Invalid,
    Lagging,
    NotFound,
    Rejected,
    SetupError,
    Unavailable,
    VersionConflict,
)

__all__ = ["ErrorCode", "Refused", "UserError", "code_of", "graphql_path", "user_error"]


class ErrorCode(StrEnum):
    """Every value that `extensions.code` can have."""

    BAD_REQUEST = "BAD_REQUEST"  # the HTTP request is none of GraphQL
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    QUERY_TOO_LARGE = "QUERY_TOO_LARGE"  # too deep, too many aliases, tokens or nodes
    BAD_USER_INPUT = "BAD_USER_INPUT"  # a variable or an argument has not its form
    BAD_ID = "BAD_ID"
    BAD_CURSOR = "BAD_CURSOR"
    PAGE_SIZE_TOO_LARGE = "PAGE_SIZE_TOO_LARGE"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    PROJECTION_LAGGING = "PROJECTION_LAGGING"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    NOT_FOUND = "NOT_FOUND"  # a file that is not there, or not for who asks
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    THROTTLED = "THROTTLED"
    UNAVAILABLE = "UNAVAILABLE"  # the database is away, or nothing is signed here
    INTERNAL = "INTERNAL"  # our fault; the log has the traceId


class Refused(CrmError):
    """A refusal of the API itself, with its place in the closed list."""

    def __init__(self, extension_code: ErrorCode, code: str, **parameters: Any) -> None:
        super().__init__(code, **parameters)
        self.extension_code = extension_code


_AWAY = (psycopg.OperationalError, PoolTimeout, PoolClosed, TooManyRequests, ConnectionError)

_PAGING = {
    "paging.size_too_large": ErrorCode.PAGE_SIZE_TOO_LARGE,
    "paging.bad_cursor": ErrorCode.BAD_CURSOR,
    "paging.cursor_of_another_query": ErrorCode.BAD_CURSOR,
}


def code_of(error: BaseException | None) -> ErrorCode:
    """Where an exception of a resolver belongs in the closed list."""
    match error:
        case Refused():
            return error.extension_code
        case Denied():
            return ErrorCode.FORBIDDEN
        case Lagging():
            return ErrorCode.PROJECTION_LAGGING
        case Rejected():
            return _PAGING.get(error.code, ErrorCode.BAD_USER_INPUT)
        case Unavailable() | SetupError(code="database.unreachable" | "audit_key.missing"):
            return ErrorCode.UNAVAILABLE
        case _ if isinstance(error, _AWAY):
            return ErrorCode.UNAVAILABLE
        case _:
            return ErrorCode.INTERNAL


# --- what a command's payload says ----------------------------------------------------------------


@strawberry.interface(
    description="Why a command was refused; nothing was recorded. More kinds may be added."
)
class UserError:
    code: UserErrorCode = strawberry.field(description="For programs; never changes.")
    message: str = strawberry.field(description="For people, in the language they asked for.")
    path: list[str] | None = strawberry.field(
        description="The field of the input that is to blame, if it is one."
    )


@strawberry.type(description="A field of the input has not its form.")
class ValidationError(UserError):
    constraint: str | None = strawberry.field(description="What the field must be like.")


@strawberry.type(description="A rule of the record said no.")
class RuleError(UserError):
    parameters: JSON = strawberry.field(description="What the rule looked at, by name.")


@strawberry.type(description="An event that was recorded after the version that was expected.")
class InterveningEvent:
    version: int
    position: Position
    type: str
    event_id: UUID


@strawberry.type(description="The record has moved on from `expectedVersion`.")
class VersionConflictError(UserError):
    expected_version: int | None
    actual_version: int = strawberry.field(description="0 where there is no such record.")
    between: list[InterveningEvent] = strawberry.field(
        description="What was recorded after `expectedVersion`, oldest first, at most 100."
    )


@strawberry.type(description="The `idempotencyKey` was used before, for something else.")
class IdempotencyKeyReusedError(UserError):
    pass


@strawberry.type(name="PermissionError", description="You have not the right to do this.")
class PermissionRefused(UserError):
    right: str = strawberry.field(description="The right that is missing, such as `user.invite`.")


@strawberry.type(description="There is no such record, or none that you may see.")
class NotFoundError(UserError):
    pass


def user_error(error: CrmError, language: Language) -> UserError | None:
    """The refusal of a command as data; None where it is not the command that is to blame."""
    said: dict[str, Any] = {
        "code": UserErrorCode(error.code),
        "message": sentence(error.code, error.parameters, language),
        "path": None,
    }
    match error:
        case Refused():
            return None
        case Invalid():
            said["path"] = graphql_path(error.path)
            return ValidationError(**said, constraint=error.parameters["problem"])
        case Rejected() | ConditionFailed():
            return RuleError(**said, parameters=JSON(_plain(error.parameters)))
        case Denied():
            return PermissionRefused(**said, right=error.parameters["right"])
        case NotFound():
            return NotFoundError(**said)
        case VersionConflict():
            expected = error.expected if isinstance(error.expected, int) else None
            return VersionConflictError(
                **said,
                expected_version=expected,
                actual_version=error.actual,
                between=[
                    InterveningEvent(
                        version=event.version,
                        position=Position(event.position),
                        type=event.type,
                        event_id=event.event_id,
                    )
                    for event in error.between
                ],
            )
        case CommandReused():
            return IdempotencyKeyReusedError(**said)
        case _:
            return None


_NAMES = {"currency": "currencyCode"}  # where the API's name is not the core's


def graphql_path(dotted: str) -> list[str]:
    """A path of the core, `unit_price.currency`, as the input writes it."""
    parts = (part.partition("[")[0] for part in dotted.split("."))
    return [_NAMES.get(name, to_camel_case(name)) for name in parts if name]


def _plain(parameters: dict[str, Any]) -> dict[str, Any]:
    return {to_camel_case(name): _json(value) for name, value in parameters.items()}


def _json(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_json(item) for item in value]
    return str(value)
