"""Many questions on few connections: an answer, an error or a silence stays with its question."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from crm_core.ledger.postgres.connections import open_pool
from crm_projections.reading import NotAnswered, Pipelines, pipeline

ECHO = "select $1::text"


@pytest.fixture
async def line(shared_database_url: str) -> AsyncIterator[Pipelines]:
    """Pipelines of a single connection, so that everything meets on it."""
    pool = await open_pool(shared_database_url, "crm_app", size=1)
    pipelines = Pipelines(pool, lines=1)
    yield pipelines
    await pipelines.close()
    await pool.close()


async def backend(line: Pipelines) -> bytes:
    return await line.ask("select pg_backend_pid()::text", [])


async def end(url: str, pid: bytes) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("select pg_terminate_backend(%s, 5000)", [int(pid)])


async def test_each_question_gets_its_own_answer(line: Pipelines) -> None:
    asked = [line.ask(ECHO, [str(number).encode()]) for number in range(500)]
    assert await asyncio.gather(*asked) == [str(number).encode() for number in range(500)]


async def test_a_question_larger_than_the_socket_takes_is_sent_to_its_end(line: Pipelines) -> None:
    large = [bytes([letter]) * 3_000_000 for letter in b"abcdef"]
    assert await asyncio.gather(*(line.ask(ECHO, [text]) for text in large)) == large


async def test_an_error_stays_with_its_statement(line: Pipelines) -> None:
    asked = [
        line.ask("select (10 / $1::int)::text", [b"5"]),
        line.ask("select (10 / $1::int)::text", [b"0"]),
        line.ask("select nothing", []),
        line.ask(ECHO, [None]),
        line.ask("select '1' where $1", [b"no"]),
        line.ask(ECHO, [b"after"]),
    ]
    found: list[Any] = await asyncio.gather(*asked, return_exceptions=True)
    assert (found[0], found[5]) == (b"2", b"after")
    assert all(isinstance(error, NotAnswered) for error in found[1:5])
    assert [error.sqlstate for error in found[1:3]] == ["22012", "42703"]
    assert await backend(line), "the connection goes on"


async def test_a_statement_that_failed_to_prepare_is_prepared_again(
    line: Pipelines, shared_database_url: str
) -> None:
    question = "select count(*)::text from made_later where $1::text is not null"
    for _ in range(2):
        with pytest.raises(NotAnswered):
            await line.ask(question, [b"x"])
    async with await psycopg.AsyncConnection.connect(shared_database_url) as owner:
        await owner.execute("create table made_later ()")
        await owner.execute("grant select on made_later to crm_app")
    assert await line.ask(question, [b"x"]) == b"0"


async def test_who_stops_waiting_takes_nobody_elses_answer(line: Pipelines) -> None:
    slow = asyncio.ensure_future(line.ask("select 'slow' from pg_sleep(0.2)", []))
    behind = asyncio.ensure_future(line.ask(ECHO, [b"behind"]))
    await asyncio.sleep(0)
    slow.cancel()
    assert await behind == b"behind"
    assert await line.ask(ECHO, [b"next"]) == b"next"


async def test_a_statement_that_takes_too_long_is_ended(
    line: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_SETTINGS", "-c statement_timeout=50")
    endless, behind = await asyncio.gather(
        line.ask("select 'x' from pg_sleep(60)", []), line.ask(ECHO, [b"x"]), return_exceptions=True
    )
    assert isinstance(endless, NotAnswered)
    assert (endless.sqlstate, behind) == ("57014", b"x")


async def test_a_lost_connection_fails_who_waits_and_is_made_again(
    line: Pipelines, shared_database_url: str
) -> None:
    first = await backend(line)
    asked = [line.ask("select 'x' from pg_sleep(60)", []), line.ask(ECHO, [b"x"])]
    waiting = [asyncio.ensure_future(question) for question in asked]
    await asyncio.sleep(0)
    await end(shared_database_url, first)
    lost = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(error, NotAnswered) for error in lost)
    assert await backend(line) != first


async def test_a_connection_lost_while_idle_is_made_again(
    line: Pipelines, shared_database_url: str
) -> None:
    await end(shared_database_url, await backend(line))
    for _ in range(2):
        try:
            assert await line.ask(ECHO, [b"x"]) == b"x"
        except NotAnswered:
            continue  # it may be the first to hear of it
        return
    raise AssertionError("the connection was not made again")


async def test_a_database_that_is_away_is_said_at_once_and_found_when_it_is_back(
    line: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = pipeline.connect_beside
    monkeypatch.setattr(pipeline, "RECONNECT_SECONDS", 0.01)

    async def away(*_: object) -> Any:
        raise psycopg.OperationalError

    monkeypatch.setattr(pipeline, "connect_beside", away)
    with pytest.raises(NotAnswered):
        await line.ask(ECHO, [b"x"])
    monkeypatch.setattr(pipeline, "connect_beside", connect)
    while line._opening:  # noqa: ASYNC110 - it has no event for it
        await asyncio.sleep(0.01)
    assert await line.ask(ECHO, [b"x"]) == b"x"


async def test_a_connection_keeps_a_bounded_number_of_statements(
    line: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(pipeline._PREPARED_MAX + 50):
        assert await line.ask(f"select $1 || '{number}'", [b"x"]) == b"x%d" % number
    kept = await line.ask("select count(*)::text from pg_prepared_statements", [])
    assert int(kept) <= pipeline._PREPARED_MAX
    assert await line.ask("select $1 || '0'", [b"x"]) == b"x0"


async def test_closing_fails_who_waits(line: Pipelines) -> None:
    await backend(line)
    waiting = asyncio.ensure_future(line.ask("select 'x' from pg_sleep(60)", []))
    await asyncio.sleep(0)
    await line.close()
    with pytest.raises(NotAnswered):
        await waiting
    with pytest.raises(NotAnswered):
        await line.ask(ECHO, [b"x"])
