"""The one way to run blocking or dangerous Python work: in a child process that is limited, measured and killed."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.values import Json, from_text, to_text

_READ_SIZE = 256 * 1024
_STDERR_KEPT = 4096


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """Bounds on one child process."""

    seconds: float
    """Wall time, start-up included."""
    memory_bytes: int
    """Address space beyond what its libraries take."""
    cpu_seconds: int | None = None
    """CPU time; `None`: the wall time, rounded up."""
    result_bytes: int = 64 * 2**20
    """Its answer as JSON text."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a child process used."""

    cpu_seconds: float
    max_rss_bytes: int


@dataclass(frozen=True, slots=True)
class ChildResult:
    """What the function gave and what that took."""

    value: Json
    resources: Resources


async def run_in_child(
    function: str, arguments: Json, limits: ChildLimits, *, files: Sequence[int] = ()
) -> ChildResult:
    """Call `package.module:function` with one JSON value in a child process.

    The child has a bare environment and a process group of its own, inherits only the descriptors in `files`
    (under the same numbers), and is gone when this returns or raises, cancellation included.
    Raises StepFailed: what the function refused; timeout; limit (memory, CPU, size of the answer); crash.
    """
    process = await _started(files)
    try:
        async with asyncio.timeout(limits.seconds):
            answer, complaint, _ = await asyncio.gather(
                _read(process.stdout, limits.result_bytes, function),
                _read_tail(process.stderr),
                _send(process.stdin, _job(function, arguments, limits)),
            )
            code = await process.wait()
    except TimeoutError:
        raise StepFailed(
            ErrorKind.TIMEOUT,
            f"{_short(function)} took longer than {limits.seconds:g} s and was stopped",
            hint="give it less to do, or a longer timeout",
        ) from None
    finally:
        await _kill(process)
    return _outcome(function, answer, complaint, code, limits)


async def _started(files: Sequence[int]) -> asyncio.subprocess.Process:
    """A child process. A cancel in the middle of its start waits for it, so as to kill it."""
    starting = asyncio.ensure_future(_start(files))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await _kill(await starting)
        raise


async def _start(files: Sequence[int]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        "errands.tools.child",
        str(os.getpid()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_bare_environment(),
        start_new_session=True,
        pass_fds=tuple(files),
    )


def _bare_environment() -> Mapping[str, str]:
    # One thread and few malloc arenas: each would take address space that the work could use.
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }


def _job(function: str, arguments: Json, limits: ChildLimits) -> bytes:
    cpu = limits.cpu_seconds if limits.cpu_seconds is not None else int(limits.seconds) + 1
    return to_text(
        {
            "function": function,
            "arguments": arguments,
            "memory_bytes": limits.memory_bytes,
            "cpu_seconds": cpu,
        }
    ).encode()


async def _send(stdin: asyncio.StreamWriter | None, job: bytes) -> None:
    assert stdin is not None
    try:
        stdin.write(job)
        await stdin.drain()
        stdin.close()
    except ConnectionError:
        pass  # It died before it read all; its exit code tells why.


async def _read(stdout: asyncio.StreamReader | None, limit: int, function: str) -> bytes:
    assert stdout is not None
    parts: list[bytes] = []
    size = 0
    while part := await stdout.read(_READ_SIZE):
        size += len(part)
        if size > limit:
            raise StepFailed(
                ErrorKind.LIMIT,
                f"{_short(function)} gave more than {limit} bytes",
                hint="ask for less, or write the result to a file",
            )
        parts.append(part)
    return b"".join(parts)


async def _read_tail(stderr: asyncio.StreamReader | None) -> str:
    assert stderr is not None
    tail = b""
    while part := await stderr.read(_READ_SIZE):
        tail = (tail + part)[-_STDERR_KEPT:]
    return tail.decode(errors="replace").strip()


async def _kill(process: asyncio.subprocess.Process) -> None:
    """SIGKILL to the whole group, then wait until the child is reaped. Harmless once all have ended."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(asyncio.ensure_future(_reap(process)))


async def _reap(process: asyncio.subprocess.Process) -> None:
    """Wait for a killed child. `wait` ends only when its pipes have, and a pipe that nobody reads does not."""
    await asyncio.gather(_drain(process.stdout), _drain(process.stderr), process.wait())


async def _drain(stream: asyncio.StreamReader | None) -> None:
    assert stream is not None
    with suppress(RuntimeError):  # Somebody still reads it: that will do as well.
        while await stream.read(_READ_SIZE):
            pass


def _outcome(function: str, answer: bytes, complaint: str, code: int, limits: ChildLimits) -> ChildResult:
    if not answer:
        raise _death(function, complaint, code, limits)
    parsed = from_text(answer)
    assert isinstance(parsed, Mapping)
    error = parsed.get("error")
    if isinstance(error, Mapping):
        hint = error.get("hint")
        message = str(error["message"])
        if message == "out of memory":
            raise _out_of_memory(function, limits)
        raise StepFailed(ErrorKind(str(error["kind"])), message, hint=None if hint is None else str(hint))
    used = parsed["resources"]
    assert isinstance(used, Mapping)
    resources = Resources(float(str(used["cpu_seconds"])), int(str(used["max_rss_bytes"])))
    return ChildResult(parsed["result"], resources)


def _death(function: str, complaint: str, code: int, limits: ChildLimits) -> StepFailed:
    if code == -signal.SIGXCPU:
        return StepFailed(
            ErrorKind.LIMIT,
            f"{_short(function)} used up its CPU time ({limits.cpu_seconds or limits.seconds:g} s)",
            hint="give it less to do, or a longer timeout",
        )
    if "bad_alloc" in complaint or "MemoryError" in complaint or "Cannot allocate memory" in complaint:
        return _out_of_memory(function, limits)
    ended = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    last = complaint.splitlines()[-1][:300] if complaint else ""
    return StepFailed(
        ErrorKind.CRASH,
        f"the child process of {_short(function)} {ended}" + (f": {last}" if last else ""),
        hint="a SIGKILL from outside mostly means a machine short of memory" if code == -signal.SIGKILL else None,
    )


def _out_of_memory(function: str, limits: ChildLimits) -> StepFailed:
    return StepFailed(
        ErrorKind.LIMIT,
        f"{_short(function)} needed more than {limits.memory_bytes // 2**20} MiB of memory",
        hint="raise limits.memory of the task, or give it less to do",
    )


def _short(function: str) -> str:
    """`errands.tools.archive_child:create` -> `archive create`."""
    module, _, name = function.partition(":")
    return f"{module.rsplit('.', 1)[-1].removesuffix('_child')} {name}"
