"""What a client learns of an error: a code of the closed list, a sentence, and a trace id.

The log learns where it happened, never the error's text: that may hold somebody's data, unless it
is a SetupError's.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from typing import TypeGuard

import structlog
from graphql import ExecutionResult as CoreResult
from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionResult
from strawberry.types.execution import StreamExecutionResult

from crm_api.graphql.context import Context
from crm_api.graphql.errors import ErrorCode, code_of
from crm_api.messages import Language, sentence
from crm_api.tracing import trace_id
from crm_core import CrmError, SetupError

__all__ = ["Masking", "presented"]

log = structlog.get_logger()


class Masking(SchemaExtension):
    """Gives every operation a context of its own, and presents the errors of every result."""

    def __init__(self) -> None:
        self._is_executing = False
        self._is_streaming = False

    def on_operation(self) -> Iterator[None]:
        context = self.execution_context.context
        if isinstance(context, Context):
            self.execution_context.context = context.for_operation()
        yield
        result = self.execution_context.result
        if not self._is_streaming and isinstance(result, CoreResult | ExecutionResult):
            self._present(result)

    def on_execute(self) -> Iterator[None]:
        self._is_executing = True
        yield

    def on_stream_result(self, result: StreamExecutionResult) -> Iterator[None]:
        self._is_streaming = True
        if isinstance(result, ExecutionResult):
            self._present(result)
        yield

    def _present(self, result: CoreResult | ExecutionResult) -> None:
        if result.errors:
            context = self.execution_context.context
            language = context.language if isinstance(context, Context) else Language.EN
            result.errors = presented(result.errors, language, self._is_executing)


def presented(
    errors: Sequence[GraphQLError], language: Language, is_executing: bool
) -> list[GraphQLError]:
    """The errors as a client may see them; one that is presented already stays as it is."""
    return [
        error
        if error.extensions and "traceId" in error.extensions
        else _presented(error, language, is_executing)
        for error in errors
    ]


def _presented(error: GraphQLError, language: Language, is_executing: bool) -> GraphQLError:
    cause = _cause(error)
    extensions: dict[str, object] = {}
    if cause is None:
        code = _code_of_document(error, is_executing)
        message = error.message
    else:
        code = code_of(cause)
        message = _sentence(cause, code, language)
        if _may_be_told(cause, code):
            extensions["reason"] = cause.code
            if code is ErrorCode.PROJECTION_LAGGING:
                extensions["position"] = cause.parameters["reached"]
    if code in (ErrorCode.INTERNAL, ErrorCode.UNAVAILABLE):
        _log(error, cause, code)
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={"code": code.value, **extensions, "traceId": trace_id()},
    )


def _cause(error: GraphQLError) -> BaseException | None:
    """What a resolver raised; None where GraphQL itself complains about the request."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _sentence(cause: BaseException, code: ErrorCode, language: Language) -> str:
    if _may_be_told(cause, code):
        return sentence(cause.code, cause.parameters, language)
    if code is ErrorCode.INTERNAL:
        return sentence("api.internal", {}, language)
    return sentence("api.unavailable", {}, language)


def _may_be_told(cause: BaseException, code: ErrorCode) -> TypeGuard[CrmError]:
    """What an operator must mend is our fault, and still told: it is nobody's data."""
    foreseen = isinstance(cause, SetupError) or code is not ErrorCode.INTERNAL
    return isinstance(cause, CrmError) and foreseen


def _code_of_document(error: GraphQLError, is_executing: bool) -> ErrorCode:
    said = (error.extensions or {}).get("code")
    if isinstance(said, str) and said in ErrorCode.__members__:
        return ErrorCode(said)
    if isinstance(error, GraphQLSyntaxError):
        gave_up = error.message.endswith("Parsing aborted.")  # too many tokens, nested too deeply
        return ErrorCode.QUERY_TOO_LARGE if gave_up else ErrorCode.GRAPHQL_PARSE_FAILED
    return ErrorCode.BAD_USER_INPUT if is_executing else ErrorCode.GRAPHQL_VALIDATION_FAILED


def _log(error: GraphQLError, cause: BaseException | None, code: ErrorCode) -> None:
    frames = traceback.extract_tb(cause.__traceback__) if cause is not None else []
    log.error(
        "graphql.failed",
        code=code.value,
        trace_id=trace_id(),
        path=".".join(map(str, error.path or ())),
        error=str(cause) if isinstance(cause, SetupError) else type(cause).__name__,
        at=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
    )
