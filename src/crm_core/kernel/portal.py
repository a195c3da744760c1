"""Coroutines for threads that have no loop of their own: a loop in a background thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["Portal", "PortalStopped"]

T = TypeVar("T")

_SETTLE_SECONDS_MAX = 1.0


class PortalStopped(RuntimeError):
    """What was behind the portal has been closed."""

    def __init__(self) -> None:
        super().__init__("it has been closed")


class Portal:
    """Runs coroutines for other threads, as many at a time as they like."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._runner.get_loop()
        # Reentrant: a collected object may close its portal while this thread starts something.
        self._lock = threading.RLock()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="crm", daemon=True)
        self._thread.start()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What the coroutine returns or raises; PortalStopped where the portal stops meanwhile."""
        running = self.start(coroutine)
        try:
            return running.result()
        except concurrent.futures.CancelledError:
            raise PortalStopped from None
        except BaseException:  # Ctrl-C, say: nobody waits for it any more
            running.cancel()
            raise

    def start(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """The coroutine's future; cancelling that cancels it. Raises PortalStopped."""
        with self._lock:
            if self._is_stopped:
                coroutine.close()
                raise PortalStopped
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def stop(self, last: Coroutine[Any, Any, None] | None = None) -> None:
        """Runs one last coroutine, lets others end by that, then cancels what is left and ends.

        It waits for that, except in the loop's own thread, where the garbage collector may call it.
        """
        with self._lock:
            ended = self.start(_end(last))
            self._is_stopped = True
        ended.add_done_callback(lambda _: self._loop.call_soon_threadsafe(self._loop.stop))
        if threading.current_thread() is not self._thread:
            self._thread.join()
            ended.result()

    def _run(self) -> None:
        with self._runner:  # leaving it cancels the tasks, and waits for them
            self._loop.run_forever()


async def _end(last: Coroutine[Any, Any, None] | None) -> None:
    if last is not None:
        await last
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=_SETTLE_SECONDS_MAX)
