"""Fills the places of an answer: calls the fields' resolvers, and writes what they give as JSON.

It does what the executor does, but for errors: whatever goes wrong here is left to the executor,
which says what it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
from graphql import (
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    get_argument_values,
    is_abstract_type,
    is_leaf_type,
)
from graphql.pyutils import is_awaitable

from crm_api.graphql.compiled.places import PLACE, LinkedRecord, Place, ReportField, RootField
from crm_api.graphql.compiled.selection import NotCovered, Selected, Selections, field_of, name_of
from crm_api.graphql.context import Context
from crm_core import Lagging

__all__ = ["Keeping", "Member", "Resolving", "Writing"]

_Written: TypeAlias = str | Awaitable[str]
Writing: TypeAlias = Callable[[], Awaitable[str]]
Keeping: TypeAlias = Callable[[ReportField, Writing], Awaitable[str]]
"""Gives what was written of a report, or else has it written."""


@dataclass(frozen=True, slots=True)
class Member:
    """A field in its place in the document."""

    field: GraphQLField
    selected: Selected
    arguments: dict[str, Any]
    info: GraphQLResolveInfo[Context]


class Resolving:
    """One request for a document. A field's arguments are read once, not for each object."""

    def __init__(
        self, selections: Selections, context: Context, keeping: Keeping | None = None
    ) -> None:
        self._selections = selections
        self._context = context
        self._keeping = keeping
        self._members: dict[tuple[str, int], list[tuple[str, Member | None]]] = {}

    async def filled(self, answer: bytes, places: Sequence[Place]) -> bytes:
        """The answer with its places filled. Raises NotCovered or Lagging."""
        found = list(dict.fromkeys(PLACE.findall(answer)))
        try:
            members = [self.member(place.of, place.selected) for place in places]
            texts = await _all(
                self._filling(places[int(at)], key.decode(), members[int(at)]) for at, key in found
            )
        except (NotCovered, Lagging):
            raise
        except Exception as error:  # whatever it was, the executor meets it too
            raise NotCovered(type(error).__name__) from error
        put = dict(zip(found, texts, strict=True))
        return PLACE.sub(lambda match: put[match[1], match[2]].encode(), answer)

    async def value(self, member: Member) -> Any:
        """What the resolver of a root field gives. Raises what it raises."""
        value = member.field.resolve(None, member.info, **member.arguments)  # type: ignore[misc]
        return await value if is_awaitable(value) else value

    async def written(self, member: Member, value: Any) -> str:
        """A field's value as JSON, with all that is asked for of it. Raises what is wrong."""
        return await _finished(self._value(member.field.type, value, member))

    async def _filling(self, place: Place, key: str, member: Member) -> str:
        if isinstance(place, ReportField) and self._keeping is not None:
            return await self._keeping(place, lambda: _finished(self._resolved(member, None)))
        if isinstance(place, RootField):
            return await _finished(self._resolved(member, None))
        record = await self._context.loaders.record(place.kind, UUID(key))
        if isinstance(place, LinkedRecord):
            return await _finished(self._value(member.field.type, record, member))
        if record is None:
            raise NotCovered("the record is gone meanwhile")
        return await _finished(self._resolved(member, record))

    # --- fields -----------------------------------------------------------------------------------

    def member(self, of: GraphQLObjectType, selected: Selected) -> Member:
        field, nodes = field_of(of, selected), [places.node for places in selected]
        document, variables = self._selections.document, self._selections.variables
        info = GraphQLResolveInfo[Any](
            field_name=name_of(selected),
            field_nodes=nodes,
            return_type=field.type,
            parent_type=of,
            path=None,  # type: ignore[arg-type]  # only errors have one
            schema=self._selections.schema._schema,
            fragments={name: part.definition for name, part in document.fragments.items()},
            root_value=None,
            operation=document.operation,
            variable_values=variables.coerced,  # type: ignore[arg-type]  # as Strawberry does
            context=self._context,
            is_awaitable=is_awaitable,
            abort_signal=None,
            async_helpers=None,  # type: ignore[arg-type]
        )
        return Member(field, selected, get_argument_values(field, nodes[0], variables), info)

    def _members_of(
        self, of: GraphQLObjectType, selected: Selected
    ) -> list[tuple[str, Member | None]]:
        """The fields that are asked for of an object, by their keys; None is `__typename`."""
        place = (of.name, id(selected))
        if place not in self._members:
            self._members[place] = [
                (key, None if name_of(part) == "__typename" else self.member(of, part))
                for key, part in self._selections.of(of, selected)
            ]
        return self._members[place]

    def _resolved(self, member: Member, source: Any) -> _Written:
        resolve = member.field.resolve
        assert resolve is not None, "Strawberry gives every field a resolver"
        value = resolve(source, member.info, **member.arguments)
        return self._value(member.field.type, value, member)

    # --- values -----------------------------------------------------------------------------------

    def _value(self, of: Any, value: Any, member: Member) -> _Written:
        if is_awaitable(value):
            return self._awaited(of, value, member)
        if isinstance(value, Exception):
            raise value
        if isinstance(of, GraphQLNonNull):
            if value is None:
                raise NotCovered("it is null where it must not")
            of = of.of_type
        if value is None:
            return "null"
        if isinstance(of, GraphQLList):
            items = (partial(self._value, of.of_type, item, member) for item in value)
            return _joined(items, lambda texts: f"[{','.join(texts)}]")
        if is_leaf_type(of):
            return msgspec.json.encode(of.serialize(value)).decode()
        if is_abstract_type(of):
            of = member.info.schema.type_map[of.resolve_type(value, member.info, of)]  # type: ignore[index, misc]
        return self._object(of, value, member)

    async def _awaited(self, of: Any, value: Awaitable[Any], member: Member) -> str:
        return await _finished(self._value(of, await value, member))

    def _object(self, of: GraphQLObjectType, value: Any, member: Member) -> _Written:
        if of.is_type_of is not None and not of.is_type_of(value, member.info):
            raise NotCovered(f"it is no {of.name}")
        members = self._members_of(of, member.selected)

        def make(inner: Member | None) -> _Written:
            return f'"{of.name}"' if inner is None else self._resolved(inner, value)

        def join(texts: Iterable[str]) -> str:
            pairs = zip(members, texts, strict=True)
            return "{" + ",".join(f'"{key}":{text}' for (key, _), text in pairs) + "}"

        return _joined((partial(make, inner) for _, inner in members), join)


# --- what comes at once, and what has to be waited for --------------------------------------------


def _joined(
    makers: Iterable[Callable[[], _Written]], join: Callable[[Iterable[str]], str]
) -> _Written:
    parts = [_attempted(make) for make in makers]
    texts = [part for part in parts if isinstance(part, str)]
    return join(texts) if len(texts) == len(parts) else _joined_later(parts, join)


async def _joined_later(parts: Sequence[_Written], join: Callable[[Iterable[str]], str]) -> str:
    late = iter(await _all(part for part in parts if not isinstance(part, str)))
    return join(part if isinstance(part, str) else next(late) for part in parts)


def _attempted(make: Callable[[], _Written]) -> _Written:
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - raised once the others, which have begun, are done
        return _raised(error)


async def _raised(error: Exception) -> str:
    raise error


async def _finished(written: _Written) -> str:
    return written if isinstance(written, str) else await written


async def _all(parts: Iterable[Awaitable[str]]) -> list[str]:
    """What all of them give. Raises the first error, once none of them goes on."""
    outcomes = await asyncio.gather(*parts, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in outcomes if isinstance(outcome, str)]
