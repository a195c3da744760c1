"""How a query is answered is one command away."""

from __future__ import annotations

from pathlib import Path

from .conftest import Crm


def test_a_query_is_shown_as_its_statement_and_its_plan(crm: Crm, tmp_path: Path) -> None:
    query = tmp_path / "customers.graphql"
    query.write_text("query ($n: Int) { customers(first: $n) { nodes { name } } }")
    said = crm("explain-query", str(query), "--variables", '{"n": 5}')
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("select concat(")
    assert "limit 5" in said.stdout
    assert "Index Cond" in said.stdout
    query.write_text('{ customer(by: {email: "a@example.com"}) { name owner { name } } }')
    assert "resolved: Customer.owner" in crm("explain-query", str(query)).stdout
    query.write_text("{ viewer { name } }")
    refused = crm("explain-query", str(query))
    assert refused.returncode == 1
    assert "query.not_compiled" in refused.stderr
