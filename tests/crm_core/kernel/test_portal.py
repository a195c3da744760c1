"""Threads without a loop run coroutines, and nobody waits for one that will never end."""

from __future__ import annotations

import asyncio
import threading

import pytest

from crm_core.kernel.portal import Portal, PortalStopped


async def last_words(said: list[str]) -> None:
    said.append("bye")


def test_a_call_gets_what_the_coroutine_returns_or_raises() -> None:
    portal = Portal()
    assert portal.call(asyncio.sleep(0, "done")) == "done"

    async def refuse() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        portal.call(refuse())
    portal.stop()


def test_who_waits_when_the_portal_stops_is_let_go() -> None:
    portal, waiting, said = Portal(), threading.Event(), []
    errors: list[BaseException] = []

    async def forever() -> None:
        waiting.set()
        await asyncio.Event().wait()

    def wait() -> None:
        try:
            portal.call(forever())
        except PortalStopped as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    assert waiting.wait(5)
    portal.stop(last_words(said))
    thread.join(5)
    assert (said, len(errors)) == (["bye"], 1)
    with pytest.raises(PortalStopped):
        portal.call(asyncio.sleep(0))


def test_the_loops_own_thread_can_stop_it() -> None:
    """As the garbage collector does, which runs in whatever thread there is."""
    portal, said = Portal(), []

    async def collect() -> None:
        portal.stop(last_words(said))

    portal.start(collect())
    portal._thread.join(5)
    assert said == ["bye"]
    assert not portal._thread.is_alive()
