"""Reckons and charges what a request asks for, before anything is done for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import strawberry
from cachetools import LRUCache
from graphql import get_operation_ast, print_ast
from strawberry.http import GraphQLRequestData

from crm_api.graphql.cost import asks_for_its_price, cost_of
from crm_api.graphql.documents import valid_document
from crm_api.graphql.errors import ErrorCode
from crm_api.http.allowance import Buckets, Charge, Throttled
from crm_api.http.refusals import HttpRefusal

__all__ = ["Charging"]

_COSTS_MAX = 1_024
_LENGTH_MAX = 20_000


@dataclass(frozen=True, slots=True)
class _Priced:
    cost: int
    dry_run: str | None = None


class Charging:
    def __init__(self, schema: strawberry.Schema, buckets: Buckets) -> None:
        self._schema = schema
        self._buckets = buckets
        self._known: LRUCache[Any, _Priced] = LRUCache(_COSTS_MAX)

    async def charged(
        self, principal: str, asked: GraphQLRequestData
    ) -> tuple[GraphQLRequestData, Charge]:
        """What is left to be done, and what it was charged. Raises HttpRefusal."""
        priced = self._priced(asked)
        if priced.dry_run is not None:
            rest = replace(asked, query=priced.dry_run, operation_name=None, variables=None)
            return rest, self._buckets.price(principal, priced.cost)
        try:
            return asked, await self._buckets.charge(principal, priced.cost)
        except Throttled as error:
            if error.seconds is None:
                raise HttpRefusal(
                    ErrorCode.QUERY_TOO_LARGE, "http.too_costly", cost=priced.cost
                ) from None
            raise HttpRefusal(
                ErrorCode.THROTTLED,
                "http.throttled",
                {"retry-after": str(error.seconds)},
                seconds=error.seconds,
            ) from None

    def _priced(self, asked: GraphQLRequestData) -> _Priced:
        if asked.query is None:
            return _Priced(1)
        variables = asked.variables or {}
        # Only a number can be a page's size, only a truth ask for a dry run.
        told = tuple((n, v) for n, v in variables.items() if isinstance(v, int))
        key = (asked.query, asked.operation_name, told)
        priced = self._known.get(key)
        if priced is None:
            priced = self._reckoned(asked.query, asked.operation_name, variables)
            if len(asked.query) <= _LENGTH_MAX:
                self._known[key] = priced
        return priced

    def _reckoned(self, text: str, operation_name: str | None, given: dict[str, Any]) -> _Priced:
        document = valid_document(text, self._schema)
        if document is None:
            return _Priced(1)
        if get_operation_ast(document, operation_name) is None:  # none of this name, or several
            raise HttpRefusal(ErrorCode.BAD_REQUEST, "http.no_operation")
        cost = cost_of(self._schema._schema, document, operation_name, given)
        fields = asks_for_its_price(document, operation_name, given)
        if not fields:
            return _Priced(cost)
        alone = [_literal(field) for field in fields]
        return _Priced(cost, "{ " + " ".join(alone) + " }")


def _literal(field: Any) -> str:
    """The field by itself, its argument written out."""
    text = print_ast(field)
    for argument in field.arguments:
        text = text.replace(print_ast(argument), "dryRun: true", 1)
    return text
