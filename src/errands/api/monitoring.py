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
from errands.api.routes import Routes
from errands.services.figures import Figures, Readiness

routes = Routes("monitoring")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_RUN_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)
_HISTOGRAMS: dict[str, tuple[str, tuple[str, ...], tuple[float, ...]]] = {
    "step_seconds": ("Time that steps took, by kind and outcome", ("kind", "status"), _SECONDS),
    "run_seconds": ("Time from a run's first step to its end, waiting included", ("status",), _RUN_SECONDS),
    "journal_batch": ("Records that one commit of the journal held", (), (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
    "start_lateness_seconds": ("Time between a planned start and its decision, jitter not counted", (), _SECONDS),
}
_COUNTERS = {
    "model_requests": "Requests to models",
    "model_input_tokens": "Tokens sent to models",
    "model_output_tokens": "Tokens that models gave",
    "model_usd": "US dollars for requests to models",
}


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
        self._requests = Histogram(
            "errands_http_request_seconds",
            "Time until an answer began",
            ("method", "route", "status"),
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._held = Histogram(
            "errands_run_held_seconds",
            "Time that this process held a run, by how it let go",
            ("how",),
            registry=self.registry,
            buckets=_RUN_SECONDS,
        )
        self._since: dict[UUID, float] = {}
        self._taken = Counter("errands_runs_taken", "Runs that this process took", registry=self.registry)

        self._measured = {
            name: Histogram(f"errands_{name}", about, labels, registry=self.registry, buckets=buckets)
            for name, (about, labels, buckets) in _HISTOGRAMS.items()
        }
        self._counted = {
            name: Counter(f"errands_{name}", about, registry=self.registry) for name, about in _COUNTERS.items()
        }

    def measured(self, measure: str, value: float, label: tuple[str, ...]) -> None:
        """The engine of this process tells one measure."""
        counter = self._counted.get(f"model_{measure}" if f"model_{measure}" in _COUNTERS else measure)
        if counter is not None:
            counter.inc(value)
            return
        histogram = self._measured[measure]
        (histogram.labels(*label) if label else histogram).observe(value)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """An answer has begun. `route` is the pattern, so that ids make no series of their own."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    def happened(self, happening: Happening) -> None:
        """This process has taken a run, or let it go: ended, waiting, handed over, lost."""
        match happening.kind:
            case "taken":
                self._taken.inc()
                self._since[happening.run_id] = time.monotonic()
            case "released" if (since := self._since.pop(happening.run_id, None)) is not None:
                self._held.labels(happening.text).observe(time.monotonic() - since)
            case _:
                pass

    def text(self, figures: Figures, followers: int) -> bytes:
        """Everything in the text format of Prometheus."""
        return generate_latest(self.registry) + generate_latest(_at_this_moment(figures, followers))


def _at_this_moment(figures: Figures, followers: int) -> CollectorRegistry:
    now = CollectorRegistry()
    runs = Gauge("errands_runs", "Runs that have not ended, by state, on all servers", ("status",), registry=now)
    for status, count in figures.active.items():
        runs.labels(status).set(count)
    plain = {
        "errands_queue_oldest_seconds": ("Age of the oldest queued run", figures.oldest_queued_seconds),
        "errands_database_connections": ("Connections of the pool", figures.connections_open),
        "errands_database_connections_idle": ("Connections that nobody uses", figures.connections_idle),
        "errands_workers": ("Workers that are alive, on all machines", figures.workers),
        "errands_followers": ("Streams of events that are open in this process", followers),
    }
    for name, (meaning, value) in plain.items():
        Gauge(name, meaning, registry=now).set(value)
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
