"""Work in a child process: limited, measured, and gone when we say so."""

import asyncio
import sys
from collections.abc import Awaitable

import pytest

from errands.core.outcomes import ErrorKind, StepError, StepFailed
from errands.tools.children import ChildLimits, run_in_child
from tests.tools.bench import has_died, left_behind
from tests.tools.loopback import Web, response

LIMITS = ChildLimits(seconds=20, memory_bytes=64 * 2**20)
REPORT = """
import os, subprocess, urllib.request
os.environ["no_proxy"] = "*"
pid = {pid}
urllib.request.urlopen("{url}?" + str(pid)).read()
"""


async def failure(call: Awaitable[object]) -> StepError:
    with pytest.raises(StepFailed) as raised:
        await call
    return raised.value.error


def reporting(web: Web, pid: str = "os.getpid()") -> str:
    """Python that tells the server a process id and then waits for an answer that never comes."""
    web.routes["/hang"] = lambda _: forever()
    return REPORT.format(url=web.url("/hang"), pid=pid)


async def reported(web: Web) -> int:
    async with asyncio.timeout(10):
        await web.arrived.wait()
    return int(web.requests[0].target.partition("?")[2])


async def forever() -> bytes:
    await asyncio.Event().wait()
    return response()


async def test_the_result_comes_back_with_what_it_took() -> None:
    result = await run_in_child("builtins:eval", "[sum(range(1_000_000)), 'ü']", LIMITS)
    assert result.value == [499999500000, "ü"]
    assert 0 < result.resources.cpu_seconds < 10
    assert result.resources.max_rss_bytes > 2**20


async def test_what_the_function_prints_is_not_its_result() -> None:
    result = await run_in_child("builtins:eval", "print('noise') or 7", LIMITS)
    assert result.value == 7


async def test_the_child_sees_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERRANDS_SECRET_KEY", "key")
    result = await run_in_child("builtins:eval", "dict(__import__('os').environ)", LIMITS)
    assert isinstance(result.value, dict)
    assert set(result.value) <= {
        "PATH",
        "LANG",
        "HOME",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MALLOC_ARENA_MAX",
        "LC_CTYPE",
    }


async def test_memory_beyond_the_limit_fails_with_the_limit() -> None:
    error = await failure(run_in_child("builtins:bytearray", 10**9, LIMITS))
    assert error.kind is ErrorKind.LIMIT
    assert "64 MiB" in error.message


async def test_cpu_time_beyond_the_limit_fails() -> None:
    limits = ChildLimits(seconds=20, memory_bytes=2**26, cpu_seconds=1)
    error = await failure(run_in_child("builtins:exec", "while True: pass", limits))
    assert error.kind is ErrorKind.LIMIT
    assert "CPU time" in error.message


async def test_a_hanging_child_is_killed_at_its_time_limit(web: Web) -> None:
    limits = ChildLimits(seconds=1, memory_bytes=2**26)
    error = await failure(run_in_child("builtins:exec", reporting(web), limits))
    assert error.kind is ErrorKind.TIMEOUT
    assert left_behind() == set()


async def test_an_answer_beyond_its_limit_fails() -> None:
    limits = ChildLimits(seconds=20, memory_bytes=2**28, result_bytes=1000)
    error = await failure(run_in_child("builtins:eval", "'x' * 10**7", limits))
    assert error.kind is ErrorKind.LIMIT
    assert "1000 bytes" in error.message


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        ("__import__('os')._exit(3)", "exit code 3"),
        ("__import__('os').kill(__import__('os').getpid(), 9)", "SIGKILL"),
        ("1/0", "ZeroDivisionError"),
    ],
)
async def test_a_crash_says_how_it_ended(code: str, ended: str) -> None:
    error = await failure(run_in_child("builtins:eval", code, LIMITS))
    assert error.kind is ErrorKind.CRASH
    assert ended in error.message


async def test_deep_recursion_is_a_limit_not_a_crash() -> None:
    code = "(lambda f: f(f))(lambda f: f(f))"
    assert (await failure(run_in_child("builtins:eval", code, LIMITS))).kind is ErrorKind.LIMIT


async def test_a_cancelled_call_leaves_no_child_and_no_grandchild_behind(web: Web) -> None:
    code = reporting(web, pid="subprocess.Popen(['sleep', '1000']).pid")
    call = asyncio.ensure_future(run_in_child("builtins:exec", code, LIMITS))
    grandchild = await reported(web)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert left_behind() == set()
    assert has_died(grandchild)


@pytest.mark.parametrize("turns", range(12))
async def test_a_cancel_in_the_middle_of_the_start_leaves_no_child(turns: int) -> None:
    call = asyncio.ensure_future(run_in_child("builtins:exec", "while True: pass", LIMITS))
    for _ in range(turns):
        await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert left_behind() == set()


async def test_a_child_whose_worker_was_killed_dies_with_it(web: Web) -> None:
    program = (
        "import asyncio, sys; from errands.tools.children import *;"
        "asyncio.run(run_in_child('builtins:exec', sys.argv[1], ChildLimits(60, 2**26)))"
    )
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", program, reporting(web))
    child = await reported(web)
    worker.kill()
    await worker.wait()
    assert has_died(child)
