"""What every answer carries, whatever was asked for and however it ended."""

from __future__ import annotations

from typing import Any

import pytest

ASKED = (
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/metrics"),
    ("GET", "/audit/checkpoint"),
    ("GET", "/files/forged"),
    ("GET", "/nowhere"),
    ("GET", "/graphql"),
    ("GET", "/login"),
    ("POST", "/login"),
    ("POST", "/graphql"),
    ("POST", "/session/end"),
)
PAGE = (("GET", "/graphiql"), ("GET", "/graphiql/page/page.js"))


@pytest.mark.parametrize(("method", "path"), [*ASKED, *PAGE])
async def test_every_answer_has_secure_headers_and_no_cookie(
    api: Any, method: str, path: str
) -> None:
    headers = (await api.http.request(method, path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    policy = headers["content-security-policy"]
    for said in ("default-src 'none'", "object-src 'none'", "base-uri 'none'",
                 "frame-ancestors 'none'"):  # fmt: skip
        assert said in policy
    assert "unsafe" not in policy
    assert "set-cookie" not in headers
    assert not [name for name in headers if name.startswith("access-control-")]


@pytest.mark.parametrize(("method", "path"), ASKED)
async def test_no_answer_is_stored_by_a_browser(api: Any, method: str, path: str) -> None:
    assert (await api.http.request(method, path)).headers["cache-control"] == "no-store"


async def test_an_answer_with_a_record_is_not_stored_either(api: Any) -> None:
    body = {"query": "{ viewer { name } }"}
    answer = await api.http.post("/graphql", json=body, headers=api.headers("admin"))
    assert answer.json()["data"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("method", "path"), [*ASKED, *PAGE])
async def test_what_an_answer_is_is_said(api: Any, method: str, path: str) -> None:
    answer = await api.http.request(method, path)
    media_type, _, charset = answer.headers.get("content-type", "").partition("; ")
    assert bool(media_type) == bool(answer.content)
    assert not media_type.startswith("text/") or "charset=utf-8" in charset


@pytest.mark.parametrize("path", sorted({path for _, path in (*ASKED, *PAGE)} - {"/nowhere"}))
async def test_a_request_is_not_echoed(api: Any, path: str) -> None:
    answer = await api.http.request("TRACE", path, headers={"x-canary": "canary"})
    assert answer.status_code == 405
    assert "canary" not in answer.text


async def test_a_program_with_a_wrong_address_is_not_led_elsewhere(api: Any) -> None:
    """A redirect would have it send its token and its body once more, to where it is told."""
    for path in ("/graphql/", "/login/", "/health/"):
        answer = await api.http.post(path, json={}, headers=api.headers("admin"))
        assert answer.status_code == 404
        assert "location" not in answer.headers
