"""What one document may ask for."""

from __future__ import annotations

import time
from typing import Any

import pytest
from graphql import get_introspection_query

from crm_api.graphql.limits import ALIASES_MAX, DEPTH_MAX, NODES_MAX, TOKENS_MAX

QUERY_TOO_LARGE = ["QUERY_TOO_LARGE"]


def deep(levels: int) -> str:
    """A query that many levels deep."""
    inner = "name"
    for _ in range(levels - 2):
        inner = f"parent {{ {inner} }}"
    return f'{{ customer(by: {{email: "a@example.com"}}) {{ {inner} }} }}'


async def test_depth_is_limited(api: Any) -> None:
    assert await api.codes(deep(DEPTH_MAX)) == []
    assert await api.codes(deep(DEPTH_MAX + 1)) == QUERY_TOO_LARGE


async def test_depth_counts_through_fragments(api: Any) -> None:
    fragments = " ".join(
        f"fragment f{n} on Customer {{ parent {{ ...f{n + 1} }} }}" for n in range(DEPTH_MAX)
    )
    document = (
        'query { customer(by: {email: "a@example.com"}) { ...f0 } } '
        f"{fragments} fragment f{DEPTH_MAX} on Customer {{ name }}"
    )
    assert await api.codes(document) == QUERY_TOO_LARGE


async def test_aliases_are_limited(api: Any) -> None:
    def aliased(count: int) -> str:
        return f"{{ {' '.join(f'a{n}: __typename' for n in range(count))} }}"

    assert await api.codes(aliased(ALIASES_MAX)) == []
    assert await api.codes(aliased(ALIASES_MAX + 1)) == QUERY_TOO_LARGE


async def test_tokens_are_limited(api: Any) -> None:
    assert await api.codes("{ " + "__typename " * (TOKENS_MAX + 1) + "}") == QUERY_TOO_LARGE


async def test_nested_pages_are_limited_by_their_product(api: Any) -> None:
    def nested(outer: int) -> str:
        deals = "opportunities(first: $n) { nodes { history(first: 10) { nodes { id } } } }"
        return f"query ($n: Int) {{ customers(first: {outer}) {{ nodes {{ {deals} }} }} }}"

    assert NODES_MAX == 50_000
    assert await api.codes(nested(50), n=1) == []
    assert await api.codes(nested(51), n=1) == QUERY_TOO_LARGE


async def test_a_bomb_of_fragments_is_refused_at_once(api: Any) -> None:
    """Each fragment spreads the next one twice: 2^60 fields, if anybody followed them all."""
    bomb = " ".join(
        f"fragment f{n} on Query {{ ...f{n + 1} x{n}: node(id: 1) {{ id }} ...f{n + 1} }}"
        for n in range(60)
    )
    started = time.monotonic()
    codes = await api.codes(f"{{ ...f0 }} {bomb} fragment f60 on Query {{ __typename }}")
    assert codes == QUERY_TOO_LARGE
    assert time.monotonic() - started < 2


async def test_a_cycle_of_fragments_is_refused(api: Any) -> None:
    document = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }"
    assert await api.codes(document) == ["GRAPHQL_VALIDATION_FAILED"]


@pytest.mark.parametrize("depth", [20, 300, 900])
async def test_a_deep_literal_is_refused(api: Any, depth: int) -> None:
    where = "{not:" * depth + "{}" + "}" * depth
    codes = await api.codes(f"{{ customers(first: 1, where: {where}) {{ totalCount }} }}")
    assert codes == ([] if depth == 20 else QUERY_TOO_LARGE)


@pytest.mark.parametrize("depth", [100, 300, 900])
async def test_a_document_that_is_far_too_deep_is_refused(api: Any, depth: int) -> None:
    assert await api.codes(deep(depth)) == QUERY_TOO_LARGE
    lists = "[" * depth + "]" * depth
    assert await api.codes(f"{{ node(id: {lists}) {{ id }} }}") == QUERY_TOO_LARGE


@pytest.mark.parametrize("depth", [200, 5_000, 100_000])
async def test_a_deep_filter_is_refused(api: Any, depth: int) -> None:
    query = "query ($w: CustomerWhere) { customers(first: 1, where: $w) { totalCount } }"
    where = '{"not":' * depth + "{}" + "}" * depth
    response = await api.http.post(
        "/graphql",
        content=f'{{"query": "{query}", "variables": {{"w": {where}}}}}',
        headers=api.headers("admin") | {"content-type": "application/json"},
    )
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] in {"BAD_USER_INPUT", "BAD_REQUEST"}


async def test_a_wide_filter_is_refused(api: Any) -> None:
    where = {"or": [{"name": {"eq": str(n)}} for n in range(151)]}
    query = "query ($w: CustomerWhere) { customers(first: 1, where: $w) { totalCount } }"
    assert await api.codes(query, w=where) == ["BAD_USER_INPUT"]


async def test_introspection_stays_within_the_limits(api: Any) -> None:
    assert "errors" not in await api.ask(get_introspection_query(descriptions=True))


HOSTILE = {
    "aliases": "{ " + " ".join(f"a{n}: viewer {{ id }}" for n in range(400)) + " }",
    "directives": "{ __typename " + "@include(if: true) " * 300 + "}",
    "unknown directives": "{ __typename " + "@a" * 900 + " }",
    "a cycle": "{ ...a } fragment a on Query { viewer { id } ...a }",
    "deep": deep(400),
    "wide": "{ " + "viewer { id } " * 900 + "}",
    "huge": "{ customers(first: 100) { nodes { opportunities(first: 100) { nodes { tickets: history"
    "(first: 100) { nodes { id } } } } } } }",
    "many fragments": "{ __typename } "
    + " ".join(f"fragment f{n} on Query {{ __typename }}" for n in range(300)),
    "introspection in circles": "{ __schema { types { fields { type { fields { type { fields { type"
    " { fields { type { name } } } } } } } } } } }",
}


@pytest.mark.parametrize("document", HOSTILE.values(), ids=HOSTILE)
async def test_what_is_refused_costs_no_statement(
    api: Any, document: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused by the text alone, with an answer that is not much longer than the question."""

    async def never(*_: object, **__: object) -> None:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(api.services.reads, "_fetch", never)
    monkeypatch.setattr(api.services.pipelines, "ask", never)
    response = await api.http.post(
        "/graphql", json={"query": document}, headers=api.headers("admin")
    )
    codes = {error["extensions"]["code"] for error in response.json()["errors"]}
    assert codes <= {"QUERY_TOO_LARGE", "GRAPHQL_VALIDATION_FAILED", "BAD_REQUEST"}
    assert len(response.content) < 50_000
