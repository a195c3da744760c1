"""What a monitoring system learns: spans (OpenTelemetry), counts (Prometheus), who was denied what.

Names, numbers and codes only, never what a record or a request says. Without an OpenTelemetry SDK
in the process nothing is traced, and a span costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from prometheus_client import Counter

from crm_core.kernel.errors import CommandReused, CrmError, Denied, NotFound, VersionConflict
from crm_core.kernel.messages import Receipt, Request

__all__ = ["count_commands", "is_traced", "span", "tell_denied"]

Value = str | int | float | bool | Sequence[str]

log = structlog.get_logger()

_tracer = trace.get_tracer("crm")
_COMMANDS = Counter("crm_commands", "Commands, by what became of them.", ["command", "outcome"])


def is_traced() -> bool:
    """Whether anybody has set up a tracer; it may happen at any time."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


class span:
    """`with span("crm.append", events=3):` is a step of what is traced.

    An exception is noted by its type: its text may hold somebody's data.
    """

    __slots__ = ("_attributes", "_entered", "_kind", "_name", "_parent", "_span")

    def __init__(
        self,
        name: str,
        *,
        parent: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        **attributes: Value,
    ) -> None:
        self._name = name
        self._parent = parent
        self._kind = kind
        self._attributes = attributes
        self._entered: AbstractContextManager[Span] | None = None
        self._span: Span = trace.INVALID_SPAN

    @property
    def trace_id(self) -> str | None:
        """32 hexadecimal digits; None where nothing is traced."""
        found = self._span.get_span_context()
        return trace.format_trace_id(found.trace_id) if found.is_valid else None

    def note(self, name: str, value: Value) -> None:
        self._span.set_attribute(name, value)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def __enter__(self) -> Self:
        if is_traced():
            self._entered = _tracer.start_as_current_span(
                self._name,
                self._parent,
                self._kind,
                attributes={f"crm.{name}": value for name, value in self._attributes.items()},
                record_exception=False,
                set_status_on_exception=False,
            )
            self._span = self._entered.__enter__()
        return self

    def __exit__(
        self,
        of: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._entered is None:
            return
        if of is not None:
            self._span.set_status(Status(StatusCode.ERROR, of.__name__))
        self._entered.__exit__(of, error, traceback)


def count_commands(requests: Iterable[Request], outcomes: Iterable[Receipt | CrmError]) -> None:
    for request, outcome in zip(requests, outcomes, strict=True):
        _COMMANDS.labels(request.command.NAME, _became(outcome)).inc()


def tell_denied(requests: Iterable[Request], outcomes: Iterable[Receipt | CrmError]) -> None:
    """A line of the log for each actor, command and right that was lacking."""
    told = {
        (request.actor, request.command.NAME, outcome.parameters["right"])
        for request, outcome in zip(requests, outcomes, strict=True)
        if isinstance(outcome, Denied)
    }
    for actor, command, right in told:
        log.warning(
            "access.denied",
            command=command,
            right=right,
            principal=actor.id,
            on_behalf_of=actor.on_behalf_of,
        )


def _became(outcome: Receipt | CrmError) -> str:
    match outcome:
        case Receipt():
            return "replayed" if outcome.replayed else "executed"
        case VersionConflict():
            return "version_conflict"
        case Denied():
            return "denied"
        case NotFound():
            return "not_found"
        case CommandReused():
            return "key_reused"
        case _:
            return "refused"
