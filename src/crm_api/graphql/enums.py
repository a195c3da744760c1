"""The core's enumerations as those of the API, under the same names and values."""

from __future__ import annotations

from enum import StrEnum
from inspect import cleandoc
from typing import TypeVar

import strawberry
from strawberry.types.enum import has_enum_definition

__all__ = ["graphql_enum"]

E = TypeVar("E", bound=StrEnum)


def graphql_enum(of: type[E]) -> type[E]:
    """The enumeration, known to GraphQL; its docstring is the description."""
    if not has_enum_definition(of):
        doc = of.__dict__.get("__doc__")
        strawberry.enum(of, description=" ".join(cleandoc(doc).split()) if doc else None)
    return of
