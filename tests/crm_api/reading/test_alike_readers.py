"""Readers who are alike share the text of every question; only the ids differ, and by number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.crm_api.random_rights import IDS, PEOPLE, rights

from crm_core.access.rights import Circle, Rights
from crm_projections.reading import Sight, sights
from crm_projections.reading.sights import SeenId, SeenIds
from crm_projections.registry import PROJECTIONS
from crm_projections.tables import Table

TABLES = [table for projection in PROJECTIONS for table in projection.tables]
OTHERS = {known: UUID(int=10_000 + n) for n, known in enumerate([*PEOPLE, *IDS])}


def of_others(given: Rights) -> Rights:
    """The same rules, for somebody with other people around."""
    circle = given.circle
    ids = {
        name: moved(getattr(circle, name))
        for name in Circle.__dataclass_fields__
        if name != "_reaches"
    }
    return replace(given, circle=Circle(**ids), _reaches={})


def moved(ids: Iterable[UUID]) -> frozenset[UUID]:
    return frozenset(OTHERS.get(known, known) for known in ids)


def question(sight: Sight, table: Table[Any]) -> tuple[str, list[Any]]:
    """The text, and the parameters with ids by their numbers, as a plan keeps them."""
    source = sight.of(table)
    numbered = {ids: number for number, ids in enumerate(sight.sets)}

    def kept(value: Any) -> Any:
        match value:
            case SeenIds():
                return numbered[frozenset(value.values)]
            case SeenId():
                return numbered[frozenset([value])]
            case _:
                return value

    return source.text.as_string(), [kept(value) for value in source.parameters]


@given(given=rights)
def test_readers_with_other_people_around_them_are_alike(given: Rights) -> None:
    one, other = Sight(given), Sight(of_others(given))
    assert one.likeness == other.likeness
    assert [moved(ids) for ids in one.sets] == [*other.sets]


@settings(max_examples=300)
@given(one=rights, other=rights, many=st.integers(0, 3))
def test_readers_who_are_alike_ask_the_same(one: Rights, other: Rights, many: int) -> None:
    """`many` is what counts as many ids, so that small circles are asked for in every way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sights, "_MANY", many)
        for reader in (other, of_others(one)):
            first, second = Sight(one), Sight(reader)
            if first.likeness == second.likeness:
                for table in TABLES:
                    assert question(first, table) == question(second, table), table.name
