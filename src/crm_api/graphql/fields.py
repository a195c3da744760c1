"""The decorators of resolvers: a field that is worked out has a description and keeps its type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import strawberry

__all__ = ["follower", "resolver"]

F = TypeVar("F", bound=Callable[..., Any])


def resolver(description: str) -> Callable[[F], F]:
    """Makes a method a field of its GraphQL type."""
    return cast("Callable[[F], F]", strawberry.field(description=description))


def follower(description: str) -> Callable[[F], F]:
    """Makes a method that goes on giving answers a field of the subscription."""
    return cast("Callable[[F], F]", strawberry.subscription(description=description))
