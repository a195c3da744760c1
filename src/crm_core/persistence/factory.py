"""What the library constructs from its environment: the ledger in PostgreSQL for one application.

| variable | meaning | default |
|---|---|---|
| `CRM_DATABASE_URL` | a database made ready by `crm migrate` | none: it must be named |
| `CRM_TENANT` | whose application it is | `main` |
| `CRM_ACTOR` | who acts, as `KIND:id`, such as `INTEGRATION:billing` | `SYSTEM:` and the name |
| `CRM_REDIS_URL` | a Redis that wakes who follows in other processes at once | none |

As everywhere in the library, `BANKACCOUNTS_CRM_TENANT` is for the application of that name only.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    ProcessRecorder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic

from crm_core.kernel.errors import SetupError
from crm_core.kernel.ids import derived_id, tenant_id_of
from crm_core.kernel.messages import Actor, ActorKind
from crm_core.kernel.portal import Portal
from crm_core.ledger.ledger import Ledger
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.watch import Relay, relay_by
from crm_core.persistence.errors import library_errors
from crm_core.persistence.log import ApplicationLog
from crm_core.persistence.recorders import (
    LedgerAggregateRecorder,
    LedgerApplicationRecorder,
    LedgerProcessRecorder,
    LedgerTrackingRecorder,
)
from crm_core.persistence.snapshots import PostgresSnapshotRecorder

__all__ = ["LedgerFactory"]


class LedgerFactory(InfrastructureFactory[LedgerTrackingRecorder]):
    """Each application has a log of its own, a tenant that follows from `CRM_TENANT` and its name:
    its notification ids are gapless, and neither the CRM nor another application reads its events.

    Raises SetupError for a setting that cannot be used, `persistence.OperationalError` for a
    database that cannot.
    """

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        application = self.env.name or "application"
        tenant_id = tenant_id_of(self.env.get("CRM_TENANT", "main"))
        actor = _actor(self.env.get("CRM_ACTOR", f"{ActorKind.SYSTEM}:{application}"))
        opening = self._opening()
        portal = Portal()
        try:
            with library_errors():
                ledger = portal.call(opening)
        except BaseException:
            portal.stop()
            raise
        self.log = ApplicationLog(
            portal,
            ledger,
            tenant_id=derived_id(tenant_id, "application", application),
            application=application,
            actor=actor,
        )

    def close(self) -> None:
        self.log.close()

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        match purpose:
            case "events":
                return LedgerAggregateRecorder(self.log)
            case "snapshots":
                return self._snapshot_recorder()
            case _:
                raise SetupError(
                    "persistence.unknown_purpose", "ask for events or snapshots", purpose=purpose
                )

    def application_recorder(self) -> ApplicationRecorder:
        return LedgerApplicationRecorder(self.log)

    def tracking_recorder(
        self, tracking_recorder_class: type[LedgerTrackingRecorder] | None = None
    ) -> LedgerTrackingRecorder:
        topic = self.env.get(self.TRACKING_RECORDER_TOPIC)
        if tracking_recorder_class is None and topic:
            tracking_recorder_class = resolve_topic(topic)
        return (tracking_recorder_class or LedgerTrackingRecorder)(self.log)

    def process_recorder(self) -> ProcessRecorder:
        return LedgerProcessRecorder(self.log)

    # --- where the ledger is ------------------------------------------------------------------

    def _opening(self) -> Coroutine[Any, Any, Ledger]:
        """What opens the ledger; the settings are read at once."""
        url = self.env.get("CRM_DATABASE_URL")
        if not url:
            raise SetupError(
                "persistence.no_database", "set CRM_DATABASE_URL to a database of the CRM's"
            )
        return self._open(url, relay_by(self.env.get("CRM_REDIS_URL")))

    async def _open(self, url: str, relay: Relay | None) -> Ledger:
        self._pool = await open_pool(url, "crm_app")
        return PostgresLedger(self._pool, relay=relay)

    def _snapshot_recorder(self) -> AggregateRecorder:
        return PostgresSnapshotRecorder(self.log, self._pool)


def _actor(text: str) -> Actor:
    kind, _, name = text.partition(":")
    if kind not in ActorKind.__members__ or not name:
        raise SetupError(
            "persistence.unknown_actor",
            f"set CRM_ACTOR to KIND:id, where KIND is one of {', '.join(ActorKind)}",
            actor=text,
        )
    return Actor(ActorKind[kind], name)
