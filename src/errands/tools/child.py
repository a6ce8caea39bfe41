"""The entry of a child process: `python -I -m errands.tools.child`. See `children.py` for the other side.

Reads one job as JSON from standard input, limits itself, calls the function and writes one JSON answer to what
was its standard output. Whatever the function prints goes to standard error.
"""

import ctypes
import importlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable

from errands.tools.refusal import Refusal, refusal_of

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Do the one job; exit code 0 whenever an answer was written."""
    _die_with_parent(int(sys.argv[1]))
    answer_to = os.dup(1)
    os.dup2(2, 1)
    answer = _perform(json.load(sys.stdin.buffer))
    with os.fdopen(answer_to, "wb") as out:
        out.write(json.dumps(answer | {"resources": _resources()}, separators=(",", ":")).encode())


def _perform(job: dict[str, object]) -> dict[str, object]:
    module, _, name = str(job["function"]).partition(":")
    try:
        function: Callable[[object], object] = getattr(importlib.import_module(module), name)
        # Libraries are loaded by now: the limit is what the work itself may take.
        _limit(job["memory_bytes"], job["cpu_seconds"])
        return {"result": function(job["arguments"])}
    except Refusal as refusal:
        return _failure(refusal)
    except MemoryError:
        return _failure(Refusal("limit", "out of memory"))
    except RecursionError:
        return _failure(Refusal("limit", "nested too deeply"))
    except OSError as error:
        return _failure(refusal_of(error, str(error.filename or job["function"])))


def _failure(refusal: Refusal) -> dict[str, object]:
    return {"error": {"kind": refusal.kind, "message": refusal.message, "hint": refusal.hint}}


def _limit(memory_bytes: object, cpu_seconds: object) -> None:
    if isinstance(memory_bytes, int):
        ceiling = _address_space() + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))
    if isinstance(cpu_seconds, int):
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _address_space() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123
            return int(statm.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _resources() -> dict[str, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    unit = 1 if sys.platform == "darwin" else 1024
    return {"cpu_seconds": round(used.ru_utime + used.ru_stime, 3), "max_rss_bytes": used.ru_maxrss * unit}


def _die_with_parent(parent: int) -> None:
    """A worker that is killed outright cannot clean up; the kernel does it instead."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
