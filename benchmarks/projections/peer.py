"""The peer: the same read model by the `eventsourcing` library, on the same server.

One row an event, as our audit trail has it, by `ProjectionRunner` and a `PostgresTrackingRecorder`:
the row and the tracking record in one transaction an event, which is how the library does it.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

__all__ = ["peer_rate"]

_EVENTS_A_STREAM = 10


class Ticket(Aggregate):
    @event("Opened")
    def __init__(self, subject: str) -> None:
        self.subject = subject

    @event("Commented")
    def comment(self, body: str) -> None:
        self.subject = body


class Desk(Application):  # type: ignore[type-arg]
    name = "desk"


class AuditView(PostgresTrackingRecorder):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.sql_create_statements += [
            SQL(
                "create table if not exists peer_audit (position bigint primary key,"
                " record_id uuid not null, version int not null, type text not null,"
                " happened_at timestamptz not null)"
            ),
            SQL("create index if not exists peer_audit_record on peer_audit (record_id, position)"),
            SQL("create index if not exists peer_audit_type on peer_audit (type, position)"),
        ]

    def add(self, happened: Any, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(
                SQL("insert into peer_audit values (%s, %s, %s, %s, %s)"),
                (
                    tracking.notification_id,
                    happened.originator_id,
                    happened.originator_version,
                    type(happened).__qualname__,
                    happened.timestamp,
                ),
            )
            self._insert_tracking(cursor, tracking)


class Audit(Projection[AuditView]):
    name = "audit"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.add(domain_event, tracking)


def peer_rate(url: str, events: int) -> float:
    """Events a second, from the first to the last, of a catch-up over so many."""
    env = _environment(url)
    desk: Any = Desk(env)
    for number in range(events // _EVENTS_A_STREAM):
        ticket = Ticket(f"ticket {number}")
        for _ in range(_EVENTS_A_STREAM - 1):
            ticket.comment("we look into it" * 10)
        desk.save(ticket)
    last = desk.recorder.max_notification_id()
    started = time.perf_counter()
    with ProjectionRunner(
        application_class=Desk, projection_class=Audit, view_class=AuditView, env=env
    ) as runner:
        runner.wait(last, timeout=300)
        seconds = time.perf_counter() - started
    desk.close()
    return events / seconds


def _environment(url: str) -> dict[str, str]:
    to = urlsplit(url)
    query = parse_qs(to.query)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": to.path.lstrip("/"),
        "POSTGRES_HOST": query.get("host", [to.hostname or ""])[0],
        "POSTGRES_PORT": query.get("port", [str(to.port or 5432)])[0],
        "POSTGRES_USER": to.username or "",
        "POSTGRES_PASSWORD": to.password or "",
    }
