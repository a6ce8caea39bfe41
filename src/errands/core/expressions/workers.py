"""The sandbox's worker processes: start them lazily, feed one source at a time, kill what is cancelled.

Monty's synchronous pool behind a few threads is used, not its asynchronous one: measured on two cores in one run,
`AsyncMonty` took 1.4-2.1 times as long for a small expression (one after the other 1.4, many at once 2.1), and a
cancelled feed went on running there. A source costs about as much as two context switches between processes.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic_monty import Monty, MontyRuntimeError, MontySession, OSPolicy, ResourceLimits

from errands.core.values import Json

_RECYCLE_AFTER: Final = 2000
"""Sessions after which a worker process is replaced, so that fragmented memory goes back to the system."""
_RECURSION: Final = 200
_GRACE_SECONDS: Final = 0.5
"""What a worker may take beyond its time limit (to stop, to hand over) before it is killed."""
_MOST_PRINTED: Final = 2**16
"""Characters that are kept of what a source prints."""


def _keep_interrupts_off() -> None:
    """Block SIGINT in the threads that start processes, which take the mask along.

    Ctrl-C on a terminal goes to every process of the group. It is ours to say what it means: a transform in flight
    may end, or is stopped by us.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


@dataclass(frozen=True, slots=True)
class Feed:
    """One source for a fresh session."""

    code: str
    inputs: Mapping[str, Json | datetime]
    seconds: float
    memory_bytes: int
    clock: datetime
    """What every clock in the sandbox says; it does not move."""
    repair: str | None = None
    """Fed to the same session where `code` ended in a value that is not JSON as it is."""
    stubs: str | None = None
    """Declarations for the type checker. `None`: not checked."""
    printed: "Printed | None" = None
    """Gathers what the source prints. `None`: that is for nobody."""


class Printed:
    """What a source prints: its beginning, so that a loop that prints without end fills nobody's memory."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._room = _MOST_PRINTED

    def __call__(self, _stream: str, text: str) -> None:
        """Takes some 4 KiB at a time, in the thread that waits for the worker."""
        if self._room >= 0:  # Below: more was printed than there is room for.
            self._parts.append(text[: self._room])
            self._room -= len(text)

    @property
    def text(self) -> str:
        """What was printed. Of too much, all whole lines that there is room for, and a last one that says so."""
        text = "".join(self._parts)
        if self._room >= 0:
            return text
        whole_lines = text.rpartition("\n")[0] or text
        return f"{whole_lines}\n… what it printed after {_MOST_PRINTED:,} characters is not kept\n"


class Workers:
    """A pool of sandbox processes. Use from any event loop; `await aclose()` at the end."""

    def __init__(self, processes: int | None = None) -> None:
        self._size = processes or max(2, os.cpu_count() or 1)
        self._starting = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._pool: Monty | None = None
        self._busy: set[_Turn] = set()

    @property
    def busy(self) -> int:
        """How many workers are computing now."""
        return sum(turn.computing for turn in tuple(self._busy))

    async def feed(self, feed: Feed) -> object:
        """Run a source and give its value. Raises what Monty raises; on cancellation kills the worker at once."""
        with self._starting:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self._size, "sandbox", _keep_interrupts_off)
            threads = self._threads
        turn = _Turn(feed)
        self._busy.add(turn)
        try:
            return await asyncio.wrap_future(threads.submit(turn.run, self))
        except asyncio.CancelledError:
            turn.stop()
            raise
        finally:
            self._busy.discard(turn)

    async def aclose(self) -> None:
        """Stop what runs and end the processes. The next `feed` would start them again."""
        for turn in tuple(self._busy):
            turn.stop()
        with self._starting:
            threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.to_thread(threads.shutdown, cancel_futures=True)
        with self._starting:
            pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.__exit__, None, None, None)

    def pool(self) -> Monty:
        """The running pool, started on first use; blocks for some 10 ms then."""
        with self._starting:
            if self._pool is None:
                self._pool = Monty(
                    min_processes=1,
                    max_processes=self._size,
                    max_checkouts_per_worker=_RECYCLE_AFTER,
                    feed_duration_limit_grace=_GRACE_SECONDS,
                ).__enter__()
            return self._pool


class _Turn:
    """One feed's time with a worker."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._lock = threading.Lock()
        self._worker: int | None = None
        self._stopped = False

    def run(self, workers: Workers) -> object:
        """Blocks until the source has ended. Runs in one of the pool's threads."""
        feed = self._feed
        checking = feed.stubs is not None
        with workers.pool().checkout(
            limits=_limits(feed),
            os_policy=_frozen(feed.clock),
            type_check=checking,
            type_check_stubs=feed.stubs,
            type_check_format="jsonlines" if checking else None,
        ) as session:
            self._take(session)
            try:
                return _run(session, feed)
            finally:
                self._give_back()

    @property
    def computing(self) -> bool:
        return self._worker is not None

    def stop(self) -> None:
        """Kill the worker if this turn holds one now, and never start if it does not yet."""
        with self._lock:
            self._stopped = True
            if self._worker is not None:
                os.kill(self._worker, getattr(signal, "SIGKILL", signal.SIGTERM))

    def _take(self, session: MontySession) -> None:
        with self._lock:
            if self._stopped:
                raise asyncio.CancelledError
            self._worker = session.worker_pid

    def _give_back(self) -> None:
        with self._lock:
            self._worker = None


def _run(session: MontySession, feed: Feed) -> object:
    value: object
    printed = feed.printed or _discard
    try:
        value = session.feed_run(feed.code, inputs=dict(feed.inputs), print_callback=printed)
    except MontyRuntimeError as error:
        if feed.repair is None or not _at_the_end(error, feed.code):
            raise
        value = session.feed_run(feed.repair, print_callback=printed)
    return value


def _at_the_end(error: MontyRuntimeError, code: str) -> bool:
    """Whether everything was computed and only the last lines, ours, met a value that is not JSON as it is."""
    if not str(error).startswith(("TypeError: Object of type", "TypeError: keys must be")):
        return False
    frames = error.traceback()
    return bool(frames) and "_errands_json.dumps(" in code.split("\n")[frames[0].line - 1]


def _limits(feed: Feed) -> ResourceLimits:
    return {
        "max_feed_duration_secs": feed.seconds,
        "max_memory": feed.memory_bytes,
        "max_recursion_depth": _RECURSION,
    }


def _frozen(clock: datetime) -> OSPolicy:
    """No clock moves, no sleep waits and chance repeats itself: a replay computes the same."""
    return {
        "datetime": clock,
        "timezone": "utc",
        "sleep": "zero",
        "process_time": "zero",
        "random_start": {"seed": int(clock.timestamp())},
    }


def _discard(_stream: str, _text: str) -> None:
    """What an expression prints is for nobody."""
