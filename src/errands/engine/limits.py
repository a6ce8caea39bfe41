"""The engine's own bounds, handed over by `bootstrap` from the settings."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """Every bound that a run meets; each has a setting of the same meaning."""

    inline_output_bytes: int = 64 * 1024
    """A longer output goes to the artifact store, and the journal keeps a reference."""
    largest_output_bytes: int = 50 * 1024 * 1024
    """A longer output fails its step."""
    run_timeout: timedelta = timedelta(hours=24)
    """Running time of a run whose task sets no `limits.timeout`."""
    finally_timeout: timedelta = timedelta(seconds=60)
    """Running time of `finally` steps."""
    expression_seconds: float = 1.0
    expression_memory_bytes: int = 64 * 2**20
    transform_timeout: timedelta = timedelta(seconds=30)
    """For a transform whose step sets no `timeout`."""
    memory_bytes: int = 512 * 2**20
    """For transforms and child processes of a task that sets no `limits.memory`."""
    chain: int = 10
    """Runs that may start one another in a row; a longer chain is taken for a loop."""
    loop_items: int = 10_000
    """A longer list needs `batch`."""
    held_delay: timedelta = timedelta(seconds=5)
    """A retry delay up to this long is waited for in place; a longer one lets the run go."""
    heartbeat: timedelta = timedelta(seconds=30)
    """A worker that is silent for this long is taken for dead."""
    grace: timedelta = timedelta(seconds=30)
    """What a stopping worker gives its steps before it hands their runs over."""
    timezone: str = "UTC"
    """Zone whose midnight ends a day of a task's budget where the budget names none."""
    retention: timedelta | None = None
    """Ended runs are removed after this long. `None`: never."""
    parked_records: int = 50_000
    """Journal records of waiting runs that a worker may keep in memory, so that a wake-up need not read them again."""
