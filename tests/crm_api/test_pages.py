"""What is served besides GraphQL: the way in, health, and GraphiQL from files of ours."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from graphql import build_schema, parse, validate

import crm_api.graphiql

FOLDER = Path(crm_api.graphiql.__file__ or "").parent


async def test_the_way_in_leads_to_the_page(api: Any) -> None:
    response = await api.http.get("/")
    assert (response.status_code, response.headers["location"]) == (307, "/graphiql")


async def test_the_page_and_all_that_it_needs_are_served_from_here(api: Any) -> None:
    page = await api.http.get("/graphiql")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    needed = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(needed) == 7
    for path in needed:
        if not path.startswith("data:"):
            assert path.startswith("/graphiql/")
            assert (await api.http.get(path)).status_code == 200


def test_our_own_files_name_no_other_server() -> None:
    for path in (FOLDER / "page").iterdir():
        lines = path.read_text("utf-8").splitlines()
        code = "\n".join(line for line in lines if not line.startswith("//"))
        assert "http://" not in code, path
        assert "https://" not in code, path


async def test_the_source_is_not_served(api: Any) -> None:
    for path in ("/graphiql/__init__.py", "/graphiql/page/../__init__.py", "/graphiql/vendor/"):
        assert (await api.http.get(path)).status_code == 404


def test_the_files_of_others_are_as_they_were_taken() -> None:
    said = (FOLDER / "vendor" / "README.md").read_text("utf-8")
    sums = re.findall(r"^([0-9a-f]{64})  (\S+)$", said, re.MULTILINE)
    assert len(sums) == 4
    for digest, name in sums:
        assert hashlib.sha256((FOLDER / "vendor" / name).read_bytes()).hexdigest() == digest
    for folder in ("graphiql", "react", "react-dom"):
        assert (FOLDER / "vendor" / folder / "LICENSE").read_text().startswith("MIT License")


def test_every_example_is_a_document_of_the_schema() -> None:
    schema = build_schema((Path(__file__).parents[2] / "schema.graphql").read_text())
    examples = re.findall(r"query: `(.*?)`", (FOLDER / "page/examples.js").read_text(), re.DOTALL)
    assert len(examples) >= 4
    for example in examples:
        assert validate(schema, parse(example)) == [], example


def test_the_page_keeps_nothing_but_the_session_and_lets_go_of_all_at_its_end() -> None:
    """By its text alone: nothing here runs a browser."""
    page, session = ((FOLDER / "page" / f"{name}.js").read_text() for name in ("page", "session"))
    everything = "".join(path.read_text() for path in (FOLDER / "page").glob("*.js"))
    assert "storage: null" in page  # of GraphiQL, which would keep what is typed
    for keeper in ("localStorage", "indexedDB", "document.cookie", "caches."):
        assert keeper not in everything
    assert (
        everything.count("sessionStorage.setItem") == session.count("sessionStorage.setItem") == 1
    )
    assert "location.reload()" in page
    assert 'fetch("/session/end"' in session


# --- health ---------------------------------------------------------------------------------------


async def test_a_healthy_server_says_how_far_it_is(api: Any) -> None:
    await api.shown()
    response = await api.http.get("/health")
    body = response.json()
    assert (response.status_code, body["status"], body["database"]) == (200, "ok", "reachable")
    assert {at["name"] for at in body["projections"]} == set(api.services.runner.projections)
    for at in body["projections"]:
        assert (at["position"], at["lagEvents"], at["stoppedAt"]) == (body["head"], 0, None)


async def test_without_its_database_it_is_down(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise psycopg.OperationalError("secret host")

    monkeypatch.setattr(api.services.crm, "position", away)
    response = await api.http.get("/health")
    assert response.status_code == 503
    assert response.json() == {"status": "down", "database": "unreachable"}


async def test_a_stopped_projection_is_shown_and_does_not_take_the_server_away(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses = await api.services.runner.status()

    async def stopped() -> list[Any]:
        return [replace(statuses[0], stopped_at=5, stopped_by="KeyError"), *statuses[1:]]

    monkeypatch.setattr(api.services.runner, "status", stopped)
    response = await api.http.get("/health")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
