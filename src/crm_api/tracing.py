"""The trace id of the request that is being answered, wherever in its answer one is.

Every line of the log that is written meanwhile has it too, whoever writes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import uuid4

from structlog.contextvars import bound_contextvars

__all__ = ["answering", "trace_id"]

_current: ContextVar[str | None] = ContextVar("trace_id", default=None)


def trace_id() -> str:
    """What the log, the client and its errors have in common; a fresh one outside of a request."""
    return _current.get() or uuid4().hex


@contextmanager
def answering(of: str) -> Iterator[None]:
    token = _current.set(of)
    try:
        with bound_contextvars(trace_id=of):
            yield
    finally:
        _current.reset(token)
