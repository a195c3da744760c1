"""Which forms of a value are taken, and in which they come back."""

from __future__ import annotations

from typing import Any

import pytest

FOUNDED = """mutation ($year: Int, $revenue: MoneyInput) {
  customerSetOrganizationProfile(input: {
    customerId: "00000000-0000-4000-8000-000000000001", foundedYear: $year, annualRevenue: $revenue
  }) { userErrors { code } } }"""


def lists(where: str) -> str:
    return f"{{ customers(first: 1, where: {where}) {{ totalCount }} }}"


@pytest.mark.parametrize(
    "document",
    [
        lists('{createdAt: {lt: "2026-01-01T00:00:00+02:00"}}'),
        lists('{createdAt: {gte: "0001-01-01T00:00:00Z"}}'),
        lists('{annualRevenue: {lt: "1E+3", gte: 5}}'),
        lists('{name: {eq: "\\uD83D\\uDE00  quotes \\" and \\\\ slashes"}}'),
        '{ customers(first: 0, minPosition: "1") { nodes { id } } }',
    ],
)
async def test_these_are_taken(api: Any, document: str) -> None:
    assert await api.codes(document) == []


@pytest.mark.parametrize(
    "document",
    [
        lists('{createdAt: {lt: "2026-01-01"}}'),
        lists('{createdAt: {lt: "2026-01-01T00:00:00"}}'),
        lists('{createdAt: {lt: "0001-01-01T00:00:00+10:00"}}'),
        lists("{createdAt: {lt: 5}}"),
        lists('{annualRevenue: {lt: "NaN"}}'),
        lists('{annualRevenue: {lt: "1E+99"}}'),
        lists("{annualRevenue: {lt: 1.5}}"),
        lists("{employees: {lt: 99999999999}}"),
        lists("{status: {eq: NOTHING}}"),
        lists("{nothing: {eq: 1}}"),
        "{ customers(first: 1, minPosition: -1) { nodes { id } } }",
        '{ customers(first: 1, minPosition: "x") { nodes { id } } }',
        "{ customers(first: 99999999999) { nodes { id } } }",
    ],
)
async def test_these_are_refused(api: Any, document: str) -> None:
    (code,) = await api.codes(document)
    assert code in {"GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"}


async def test_half_a_character_is_no_text(api: Any) -> None:
    assert await api.codes(lists('{name: {eq: "\\uD800"}}')) == ["GRAPHQL_PARSE_FAILED"]


@pytest.mark.parametrize(
    "given",
    [
        {"year": 2_147_483_648},
        {"revenue": {"amount": 1.5, "currencyCode": "EUR"}},
        {"revenue": {"amount": "1", "currencyCode": "eur"}},
        {"revenue": {"amount": "1"}},
    ],
)
async def test_variables_are_held_to_the_same_forms(api: Any, given: dict[str, Any]) -> None:
    assert await api.codes(FOUNDED, **given) == ["BAD_USER_INPUT"]
