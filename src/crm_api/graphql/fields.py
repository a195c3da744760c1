"""The decorators of resolvers: a field that is worked out has a description and keeps its type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import strawberry

from crm_api.graphql.reading import Reading

__all__ = ["READS", "follower", "resolver"]

F = TypeVar("F", bound=Callable[..., Any])


READS = "reads"  # in the metadata of a field


def resolver(description: str, *, reads: Reading | None = None) -> Callable[[F], F]:
    """Makes a method a field of its GraphQL type; `reads` is what it reads, if a statement can."""
    metadata = {} if reads is None else {READS: reads}
    return cast("Callable[[F], F]", strawberry.field(description=description, metadata=metadata))


def follower(description: str) -> Callable[[F], F]:
    """Makes a method that goes on giving answers a field of the subscription."""
    return cast("Callable[[F], F]", strawberry.subscription(description=description))
