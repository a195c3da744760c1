"""Applications that follow each other, each with its log on the ledger."""

from __future__ import annotations

from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from eventsourcing.application import AggregateNotFoundError, Application, ProcessingEvent
from eventsourcing.domain import Aggregate, event
from eventsourcing.system import MultiThreadedRunner, ProcessApplication, Runner, System
from eventsourcing.system import SingleThreadedRunner as OneThread


class Order(Aggregate):
    @event("Placed")
    def __init__(self, customer: str) -> None:
        self.customer = customer


class Loyalty(Aggregate):
    def __init__(self, customer: str) -> None:
        self.customer = customer
        self.points = 0

    @classmethod
    def create_id(cls, customer: str) -> UUID:
        return uuid5(NAMESPACE_URL, customer)

    @event("Earned")
    def earn(self) -> None:
        self.points += 1


class Orders(Application[UUID]):
    pass


class Points(ProcessApplication[UUID]):
    def policy(self, domain_event: object, processing_event: ProcessingEvent[UUID]) -> None:
        if isinstance(domain_event, Order.Placed):
            try:
                loyalty = self.repository.get(Loyalty.create_id(domain_event.customer))
            except AggregateNotFoundError:
                loyalty = Loyalty(domain_event.customer)
            loyalty.earn()
            processing_event.collect_events(loyalty)


@pytest.mark.parametrize("runner_class", [OneThread, MultiThreadedRunner])
def test_each_order_earns_one_point(module: str, runner_class: type[Runner]) -> None:
    with runner_class(System(pipes=[[Orders, Points]])) as runner:
        orders, points = runner.get(Orders), runner.get(Points)
        for number in range(20):
            recordings = orders.save(Order(f"customer {number % 2}"))
        points.recorder.wait("Orders", recordings[-1].notification.id, timeout=20)
        earned = [points.repository.get(Loyalty.create_id(f"customer {n}")).points for n in (0, 1)]
        assert earned == [10, 10]
        assert points.recorder.max_tracking_id("Orders") == 20
        assert points.recorder.max_notification_id() == 2 + 20
