"""The suites that the `eventsourcing` library ships in its wheel, as they are.

A class here says only what its suite asks for: how to make what is tested.
"""

from __future__ import annotations

import os
from typing import ClassVar
from unittest import TestCase

from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.popo import POPOTrackingRecorder
from eventsourcing.tests import application, persistence, projection
from eventsourcing.utils import Environment

from crm_core.persistence import (
    LedgerAggregateRecorder,
    LedgerApplicationRecorder,
    LedgerFactory,
    LedgerProcessRecorder,
    LedgerTrackingRecorder,
)
from crm_core.persistence.memory import InMemoryLedgerFactory

FACTORIES = {
    "crm_core.persistence": LedgerFactory,
    "crm_core.persistence.memory": InMemoryLedgerFactory,
}


class OfFactory(TestCase):
    """Has the factory that the environment names, closed after the test."""

    def setUp(self) -> None:
        self.factory = InfrastructureFactory.construct(Environment("suite", os.environ))
        self.addCleanup(self.factory.close)


class AggregateRecorders(OfFactory, persistence.AggregateRecorderTestCase):
    def create_recorder(self) -> LedgerAggregateRecorder:
        return self.factory.aggregate_recorder()


class SnapshotRecorders(OfFactory, persistence.AggregateRecorderTestCase):
    def create_recorder(self) -> persistence.AggregateRecorder:
        return self.factory.aggregate_recorder("snapshots")


class ApplicationRecorders(OfFactory, persistence.ApplicationRecorderTestCase):
    def create_recorder(self) -> LedgerApplicationRecorder:
        return self.factory.application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class NamedOriginators(ApplicationRecorders):
    """The same with texts for ids."""

    def new_originator_id(self) -> str:
        return f"account-{super().new_originator_id()}"


class TrackingRecorders(OfFactory, persistence.TrackingRecorderTestCase):
    def create_recorder(self) -> LedgerTrackingRecorder:
        return self.factory.tracking_recorder()


class ProcessRecorders(OfFactory, persistence.ProcessRecorderTestCase):
    def create_recorder(self) -> LedgerProcessRecorder:
        return self.factory.process_recorder()


class NotificationIds(OfFactory, persistence.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> LedgerApplicationRecorder:
        return self.factory.application_recorder()


class OwnTrackingRecorder(LedgerTrackingRecorder):
    pass


class Factories(persistence.InfrastructureFactoryTestCase):
    def setUp(self) -> None:
        self.env = Environment("suite", os.environ)
        super().setUp()

    def expected_factory_class(self) -> type[LedgerFactory]:
        return FACTORIES[os.environ["PERSISTENCE_MODULE"]]

    def expected_aggregate_recorder_class(self) -> type[LedgerAggregateRecorder]:
        return LedgerAggregateRecorder

    def expected_application_recorder_class(self) -> type[LedgerApplicationRecorder]:
        return LedgerApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[LedgerTrackingRecorder]:
        return LedgerTrackingRecorder

    def tracking_recorder_subclass(self) -> type[LedgerTrackingRecorder]:
        return OwnTrackingRecorder

    def expected_process_recorder_class(self) -> type[LedgerProcessRecorder]:
        return LedgerProcessRecorder


class ExampleApplications(application.ExampleApplicationTestCase):
    def setUp(self) -> None:
        factory = FACTORIES[os.environ["PERSISTENCE_MODULE"]]
        self.expected_factory_topic = f"{factory.__module__}:{factory.__qualname__}"


class EventCounters(POPOTrackingRecorder, projection.EventCountersView):
    """A view in memory, for a projection of an application that is on the ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.created = self.subsequent = 0

    def get_created_event_counter(self) -> int:
        return self.created

    def get_subsequent_event_counter(self) -> int:
        return self.subsequent

    def incr_created_event_counter(self, tracking: persistence.Tracking) -> None:
        self.insert_tracking(tracking)
        self.created += 1

    def incr_subsequent_event_counter(self, tracking: persistence.Tracking) -> None:
        self.insert_tracking(tracking)
        self.subsequent += 1


class Projections(projection.AggregateEventCountersProjectionTestCase):
    view_class = EventCounters
    env: ClassVar[dict[str, str]] = {"EVENTCOUNTERS_PERSISTENCE_MODULE": "eventsourcing.popo"}


SUITES = (
    AggregateRecorders,
    SnapshotRecorders,
    ApplicationRecorders,
    NamedOriginators,
    TrackingRecorders,
    ProcessRecorders,
    NotificationIds,
    Factories,
    application.ApplicationTestCase,
    ExampleApplications,
    Projections,
    projection.EventSourcedProjectionTestCase,
)
