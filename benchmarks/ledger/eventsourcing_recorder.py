"""eventsourcing's PostgresApplicationRecorder with its own defaults; its writers are threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from itertools import count
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.persistence import Notification, StoredEvent
from measuring import Load, Reading, Samples
from ours import TEXT
from psycopg.conninfo import conninfo_to_dict
from reading import DECODED, EVENTS, PAGE_EVENTS, RAW, stage_changes

__all__ = ["EventsourcingRecorder"]


class EventsourcingRecorder:
    name = "eventsourcing"

    def __init__(self, url: str) -> None:
        self.url = url
        to = conninfo_to_dict(url)
        self._environment = {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(to["dbname"]),
            "POSTGRES_HOST": str(to["host"]),
            "POSTGRES_PORT": str(to["port"]),
            "POSTGRES_USER": str(to["user"]),
            "POSTGRES_PASSWORD": str(to["password"]),
        }

    def takes(self, load: Load) -> bool:
        return load.tenants == 1

    def append(self, load: Load, seconds: int) -> Samples:
        samples: Samples = []
        with self._open() as application:
            recorder = application.recorder
            stop = time.perf_counter() + seconds

            def write() -> None:
                stream = uuid4()
                for turn in count():
                    if (started := time.perf_counter()) >= stop:
                        return
                    first = turn * load.events + 1
                    recorder.insert_events(
                        [
                            StoredEvent(stream, version, "bench.thing.happened", TEXT.encode())
                            for version in range(first, first + load.events)
                        ]
                    )
                    ended = time.perf_counter()
                    samples.append((ended, ended - started))

            writers = [threading.Thread(target=write) for _ in range(load.writers)]
            for writer in writers:
                writer.start()
            for writer in writers:
                writer.join()
        return samples

    def readings(self) -> Mapping[str, Reading]:
        with self._open() as application:
            start = (application.recorder.max_notification_id() or 0) + 1
            for _, events in stage_changes():
                application.recorder.insert_events(
                    [application.mapper.to_stored_event(event) for event in events]
                )
        return {
            RAW: lambda: self._read(start, lambda notification: notification),
            DECODED: lambda: self._read(start, application.mapper.to_domain_event),
        }

    def _read(self, start: int, made_of: Callable[[Notification], object]) -> float:
        with self._open() as application:
            started = time.perf_counter()
            events = 0
            while page := application.recorder.select_notifications(start, PAGE_EVENTS):
                events += len([made_of(notification) for notification in page])
                start = page[-1].id + 1
            seconds = time.perf_counter() - started
        assert events == EVENTS, events
        return events / seconds

    def _open(self) -> Application[UUID]:
        return Application(self._environment)
