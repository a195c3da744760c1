"""What a monitoring system scrapes: lags, requests, commands, and the process itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from crm_api.services import Services
from crm_projections.status import Status

__all__ = ["Metrics"]


class Metrics:
    """`GET /metrics`, in the text format of Prometheus. Names of read models and commands, codes,
    and numbers: nothing about any record.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def show(self, request: Request) -> Response:
        crm = self._services.crm
        found = await self._services.runner.status()
        registry = CollectorRegistry()
        registry.register(_Lags([at for at in found if at.tenant_id == crm.tenant_id]))
        text = generate_latest(registry) + generate_latest(REGISTRY)
        return Response(text, media_type=CONTENT_TYPE_LATEST)


class _Lags(Collector):
    def __init__(self, statuses: Iterable[Status]) -> None:
        self._statuses = tuple(statuses)

    def collect(self) -> Iterator[Metric]:
        yield self._gauge("position", "Last position of the ledger that is shown.",
                          lambda at: at.position)  # fmt: skip
        yield self._gauge("lag_events", "Events that are recorded and not shown yet.",
                          lambda at: at.lag_events)  # fmt: skip
        yield self._gauge("lag_seconds", "Age of the first event that is not shown yet.",
                          lambda at: at.lag_seconds)  # fmt: skip
        yield self._gauge("stopped", "1 where an event could not be applied.",
                          lambda at: at.stopped_at is not None)  # fmt: skip
        yield self._gauge("skipped_events", "Events that an operator decided to leave out.",
                          lambda at: len(at.skips))  # fmt: skip

    def _gauge(self, name: str, meaning: str, value: Callable[[Status], float]) -> Metric:
        family = GaugeMetricFamily(f"crm_projection_{name}", meaning, labels=["projection"])
        for at in self._statuses:
            family.add_metric([at.projection], value(at))
        return family
