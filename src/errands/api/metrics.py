"""Every figure that `/metrics` tells Prometheus. docs/reference/metrics.md is made from this table."""

from typing import Literal, NamedTuple

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_RUN_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)
_RECORDS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)


class Metric(NamedTuple):
    """One figure."""

    name: str
    """As Prometheus knows it, without the `_total` that it adds to counters."""
    kind: Literal["gauge", "counter", "histogram"]
    means: str
    """Unit included."""
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram."""
    everywhere: bool = False
    """Counted in the database, the same on every server. Otherwise what this process did since it began."""


METRICS: tuple[Metric, ...] = (
    Metric(
        "errands_runs",
        "gauge",
        "Runs that have not ended, by state: queued (the depth of the queue), running, waiting",
        ("status",),
        everywhere=True,
    ),
    Metric(
        "errands_queue_oldest_seconds",
        "gauge",
        "How long the run that waits longest for a worker has waited",
        everywhere=True,
    ),
    Metric("errands_workers", "gauge", "Workers that are alive, on all machines", everywhere=True),
    Metric(
        "errands_run_seconds",
        "histogram",
        "From a run's first step to its end, waiting included",
        ("status",),
        _RUN_SECONDS,
    ),
    Metric(
        "errands_run_held_seconds",
        "histogram",
        "How long a run was held at a time, by how it was let go",
        ("how",),
        _RUN_SECONDS,
    ),
    Metric("errands_runs_taken", "counter", "Runs that were taken"),
    Metric("errands_step_seconds", "histogram", "What steps took", ("kind", "status"), _SECONDS),
    Metric(
        "errands_start_lateness_seconds",
        "histogram",
        "Between a planned start (its jitter added) and its decision",
        (),
        _SECONDS,
    ),
    Metric(
        "errands_journal_batch",
        "histogram",
        "Records that one commit held: more under load is as it should be",
        (),
        _RECORDS,
    ),
    Metric("errands_model_requests", "counter", "Requests to models"),
    Metric("errands_model_input_tokens", "counter", "Tokens sent to models"),
    Metric("errands_model_output_tokens", "counter", "Tokens that models gave"),
    Metric("errands_model_usd", "counter", "US dollars for requests to models"),
    Metric(
        "errands_http_request_seconds", "histogram", "Until an answer began", ("method", "route", "status"), _SECONDS
    ),
    Metric("errands_database_connections", "gauge", "Connections of the pool"),
    Metric(
        "errands_database_connections_idle",
        "gauge",
        "Connections of the pool that nobody uses: none for long means that it is too small",
    ),
    Metric("errands_followers", "gauge", "Open streams of events"),
)
