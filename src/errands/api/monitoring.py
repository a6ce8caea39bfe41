"""For those who watch the server: whether it lives, whether it can work, and figures for Prometheus."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Protocol
from uuid import UUID

from fastapi import Query, Request, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from errands.api.callers import Asked, Caller
from errands.api.following import Followers
from errands.api.metrics import METRICS
from errands.api.routes import Routes
from errands.services.figures import Figures, Readiness

routes = Routes("monitoring", any_query=True)


class Happening(Protocol):
    """Something that happened in a run held by this process."""

    @property
    def run_id(self) -> UUID: ...

    @property
    def kind(self) -> str:
        """`taken` and `released`, among others."""
        ...

    @property
    def text(self) -> str:
        """With `released`: how."""
        ...


Watch = Callable[[Callable[[Happening], None]], None]
Measure = Callable[[Callable[[str, float, tuple[str, ...]], None]], None]
"""Has a callback told of every measure of this process: its name, the number, its label."""


class Meters:
    """What this process has counted since it began."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # Prometheus sees a restart by itself.
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._since: dict[UUID, float] = {}
        self._histograms = {
            one.name: Histogram(one.name, one.means, one.labels, registry=self.registry, buckets=one.buckets)
            for one in METRICS
            if one.kind == "histogram"
        }
        self._counters = {
            one.name: Counter(one.name, one.means, registry=self.registry) for one in METRICS if one.kind == "counter"
        }

    def measured(self, measure: str, value: float, label: tuple[str, ...]) -> None:
        """The engine of this process tells one measure."""
        counter = self._counters.get(f"errands_{measure}") or self._counters.get(f"errands_model_{measure}")
        if counter is not None:
            counter.inc(value)
            return
        histogram = self._histograms[f"errands_{measure}"]
        (histogram.labels(*label) if label else histogram).observe(value)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """An answer has begun. `route` is the pattern, so that ids make no series of their own."""
        self._histograms["errands_http_request_seconds"].labels(method, route, str(status)).observe(seconds)

    def happened(self, happening: Happening) -> None:
        """This process has taken a run, or let it go: ended, waiting, handed over, lost."""
        match happening.kind:
            case "taken":
                self._counters["errands_runs_taken"].inc()
                self._since[happening.run_id] = time.monotonic()
            case "released" if (since := self._since.pop(happening.run_id, None)) is not None:
                self._histograms["errands_run_held_seconds"].labels(happening.text).observe(time.monotonic() - since)
            case _:
                pass

    def text(self, figures: Figures, followers: int) -> bytes:
        """Everything in the text format of Prometheus."""
        return generate_latest(self.registry) + generate_latest(_at_this_moment(figures, followers))


def _at_this_moment(figures: Figures, followers: int) -> CollectorRegistry:
    now = CollectorRegistry()
    gauges = {one.name: Gauge(one.name, one.means, one.labels, registry=now) for one in METRICS if one.kind == "gauge"}
    for status, count in figures.active.items():
        gauges["errands_runs"].labels(status).set(count)
    gauges["errands_queue_oldest_seconds"].set(figures.oldest_queued_seconds)
    gauges["errands_workers"].set(figures.workers)
    gauges["errands_database_connections"].set(figures.connections_open)
    gauges["errands_database_connections_idle"].set(figures.connections_idle)
    gauges["errands_followers"].set(followers)
    return now


@routes.get("/healthz", gives=dict[str, str], example={"status": "alive"})
async def get_health() -> object:
    """Whether the process answers. Says nothing of the database, so that nobody restarts it for that."""
    return {"status": "alive"}


@routes.get("/readyz", gives=Readiness, example={"status": "ready", "workers": 2})
async def get_readiness(
    services: Asked, worker: Annotated[bool, Query(description="Ask for a living worker as well.")] = False
) -> object:
    """Whether requests can be served: 503 while the database is away or has the tables of another release."""
    return await services.figures.ready(datetime.now(UTC), with_worker=worker)


@routes.get(
    "/metrics",
    gives=Response,
    also={200: {"description": "Figures in the text format of Prometheus.", "content": {"text/plain": {}}}},
)
async def get_metrics(request: Request, caller: Caller, services: Asked) -> object:
    """Figures for Prometheus: give its job a token with the scope `audit`."""
    figures = await services.figures.now(caller, datetime.now(UTC))
    meters: Meters = request.app.state.meters
    followers: Followers = request.app.state.followers
    return Response(meters.text(figures, followers.count), media_type=CONTENT_TYPE_LATEST)
