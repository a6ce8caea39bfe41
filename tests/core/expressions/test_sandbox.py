"""The sandbox: what it computes, what it says of what fails, and that nothing hostile hurts us."""

import asyncio
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errands.core.expressions.sandbox import Sandbox
from errands.core.expressions.templates import compile_expression, try_lookup
from errands.core.outcomes import ErrorKind, StepError, StepFailed
from errands.core.ports import Evaluation, Evaluator, SandboxLimits
from errands.core.values import Json

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BRISK = SandboxLimits(seconds=0.3, memory_bytes=64 * 2**20)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    made = Sandbox(processes=2)
    yield made
    await made.aclose()


async def compute(sandbox: Evaluator, *sources: str, program: bool = False, **names: Json) -> list[Json]:
    return await sandbox(Evaluation(sources, names, NOW, NOW + timedelta(hours=1), program, BRISK))


async def failure(sandbox: Sandbox, source: str, *, program: bool = False, **names: Json) -> StepError:
    with pytest.raises(StepFailed) as caught:
        await compute(sandbox, source, program=program, **names)
    return caught.value.error


async def test_all_expressions_of_an_evaluation_are_computed_in_order(sandbox: Sandbox) -> None:
    assert await compute(sandbox, "x > 1", "y['a']", "1\n+ x", x=2, y={"a": [1]}) == [True, [1], 3]


async def test_no_expression_needs_no_process() -> None:
    assert await Sandbox()(Evaluation((), {}, NOW)) == []


async def test_clocks_stand_still_and_dates_leave_as_text(sandbox: Sandbox) -> None:
    assert await compute(
        sandbox,
        "(now - timedelta(days=7)).date().isoformat()",
        "now",
        "clock.now - now",
        "datetime.now(now.tzinfo) == now",
        "date(2020, 1, 1)",
        "{date(2020, 1, 1): 1}",
    ) == ["2026-11-16", "2026-11-23T12:00:00+00:00", 3600.0, True, "2020-01-01", {"2020-01-01": 1}]


async def test_sets_tuples_ranges_and_decimals_leave_as_json(sandbox: Sandbox) -> None:
    source = (
        "import decimal\n[(1, 2), {3, 1}, range(2), {'a': 1}.items(), decimal.Decimal('1.5'), decimal.Decimal('2')]"
    )
    assert await compute(sandbox, source, program=True) == [[[1, 2], [1, 3], [0, 1], [["a", 1]], 1.5, 2]]


async def test_the_value_of_a_program_is_its_last_expression(sandbox: Sandbox) -> None:
    source = """\
by_product = {}
for row in orders["rows"]:
    by_product[row["product"]] = by_product.get(row["product"], 0) + row["amount"]
print("not part of the value")
sorted(by_product.items(), key=lambda item: -item[1])  # highest first
"""
    rows: Json = [{"product": "a", "amount": 1}, {"product": "b", "amount": 5}, {"product": "a", "amount": 2}]
    assert await compute(sandbox, source, program=True, orders={"rows": rows}) == [[["b", 5], ["a", 3]]]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("print('a', 1)\nprint('b\\nc', end='')\n1", ["a 1\nb\nc"]),
        ("print('seen')\n{1: {2}}", ["seen\n"]),
        ("print('before')\n1 / 0", ["before\n"]),
        ("1", []),
    ],
)
async def test_what_is_printed_is_handed_over_once_also_where_it_fails(
    sandbox: Sandbox, source: str, said: list[str]
) -> None:
    heard: list[str] = []
    with suppress(StepFailed):
        await sandbox(Evaluation([source], {}, NOW, program=True, printed=heard.append))
    assert heard == said


async def test_of_what_is_printed_without_end_only_the_beginning_is_kept(sandbox: Sandbox) -> None:
    heard: list[str] = []
    source = "for i in range(10**9): print('a' * 99)\n1"
    with pytest.raises(StepFailed):
        await sandbox(Evaluation([source], {}, NOW, program=True, limits=BRISK, printed=heard.append))
    (text,) = heard
    assert len(text) < 66_000
    assert text.endswith("aaa\n… what it printed after 65,536 characters is not kept\n")


@pytest.mark.parametrize("source", ["x = 1; x  # c", "x = 1; x;", "x = 1\n(x\n)", "'é'; x = 1; x\n\n"])
async def test_the_last_expression_is_found_however_it_is_written(sandbox: Sandbox, source: str) -> None:
    assert await compute(sandbox, source, program=True) == [1]


async def test_names_given_and_names_assigned_may_shadow_built_in_ones(sandbox: Sandbox) -> None:
    assert await compute(sandbox, "[date, type['a'], len(list), {1}]", date="d", type={"a": 1}, list=[1]) == [
        ["d", 1, 1, [1]]
    ]
    assert await compute(sandbox, "list = (1,)\ntype = {2}\nstr = 3\n[list, type, str]", program=True) == [
        [[1], [2], 3]
    ]


async def test_one_evaluation_sees_nothing_of_another(sandbox: Sandbox) -> None:
    await compute(sandbox, "leftover = 1\nleftover", program=True)
    assert "leftover" in (await failure(sandbox, "leftover")).message


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=json_values)
async def test_every_json_value_comes_back_as_it_went_in(sandbox: Sandbox, value: Json) -> None:
    assert await compute(sandbox, "x", x=value) == [value]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=json_values,
    keys=st.lists(st.sampled_from(["['a']", "[0]", "[-1]", "[1]", "['']"]), max_size=2).map("".join),
)
async def test_a_lookup_gives_what_the_sandbox_gives(sandbox: Sandbox, value: Json, keys: str) -> None:
    looked_up = try_lookup(compile_expression("x" + keys), {"x": value})
    if looked_up is not None:
        assert await compute(sandbox, "x" + keys, x=value) == looked_up


@pytest.mark.parametrize(
    ("source", "program", "parts"),
    [
        ("x['rowz']", False, ["`x['rowz']`", "line 1, column 1", "KeyError"]),
        ("1 +\\\n x['q']", False, ["line 2, column 2", "KeyError"]),
        ("def f(a):\n    return a['q']\nz = 1\nf({})", True, ["`return a['q']`", "line 2, column 12"]),
        ("y = 'é'; y + 1", True, ["line 1, column 10", "TypeError"]),
        ("unknown", False, ["`unknown`", "not defined"]),
        ("len", False, ["`len`", "JSON cannot carry"]),
        ("b'a'", False, ["bytes", "JSON cannot carry"]),
        ("{(1, 2): 3}", False, ["tuple", "JSON cannot carry"]),
        ("float('nan')", False, ["NaN"]),
        ("[float('inf')]", False, ["Infinity"]),
        ("x = []\nx.append(x)\nx", True, ["contains itself"]),
        ("import os\nos.listdir('/')", True, ["Permission denied", "line 2"]),
        ("open('/etc/passwd')", False, ["Permission denied"]),
        ("().__class__.__bases__", False, ["__class__"]),
        ("'{0.__class__}'.format(1)", False, ["__class__"]),
        ("import subprocess\n1", True, ["subprocess"]),
        ("x +", False, ["line 1, column 4", "ends too early"]),
        ("raise TimeoutError('mine')\n1", True, ["mine"]),
        ("while True: pass", True, ["no output"]),
        ("(" * 5000 + "1" + ")" * 5000, False, ["too many nested"]),
        ("1" + "+1" * 100_000, False, ["nested too deeply"]),
        ("eval('(' * 5000)", False, ["too deeply nested"]),
    ],
)
async def test_a_failure_names_source_place_and_reason(
    sandbox: Sandbox, source: str, program: bool, parts: list[str]
) -> None:
    error = await failure(sandbox, source, program=program, x={"rows": 1})
    assert error.kind is ErrorKind.EXPRESSION
    for part in parts:
        assert part in error.message
    assert len(error.message) < 700


@pytest.mark.parametrize(
    ("source", "program", "reason"),
    [
        ("sum(range(10**12))", False, "took more than 0.3 s"),
        ("while True: pass\n1", True, "took more than 0.3 s"),
        ("while True:\n  try:\n    while True: pass\n  except BaseException: pass\n1", True, "took more than 0.3 s"),
        ("for i in range(10**9): print('a' * 100)\n1", True, "took more than 0.3 s"),
        ("'a' * 10**9", False, "64 MiB of memory"),
        ("10**10**10", False, "64 MiB of memory"),
        ("'%1000000000d' % 1", False, "64 MiB of memory"),
        ("[[i] * 100_000 for i in range(10**9)]", False, "was stopped"),
        ("x = [1]\nfor i in range(60): x = [x, x]\nx", True, "was stopped"),
        ("x = [1]\nfor i in range(60): x = [x, x]\nstr(x)", True, "was stopped"),
        ("def f(): return f()\nf()", True, "levels deep"),
        ("(lambda f: f(f))(lambda f: f(f))", False, "levels deep"),
        ("x = {}\nfor i in range(10000): x = {'a': x}\nx", True, "levels deep"),
    ],
)
async def test_what_has_no_bounds_is_stopped_in_time(sandbox: Sandbox, source: str, program: bool, reason: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    error = await failure(sandbox, source, program=program)
    assert time.monotonic() - began < 5
    assert error.kind is ErrorKind.LIMIT
    assert reason in error.message
    assert error.hint
    assert await compute(sandbox, "1 + 1") == [2]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024  # KiB


@pytest.mark.parametrize(
    ("source", "program"),
    [
        ("import time\ntime.sleep(30)\n1", True),
        ("import re\nre.match('(a+)+$', 'a' * 5000 + 'b')\n1", True),
        ("_errands_json = None\n_errands_all = [1]\n1", True),
    ],
)
async def test_what_is_harmless_here_just_runs(sandbox: Sandbox, source: str, program: bool) -> None:
    began = time.monotonic()
    try:
        assert await compute(sandbox, source, program=program) == [1]
    except StepFailed as error:
        assert "_errands_json" in source
        assert error.error.kind is ErrorKind.EXPRESSION
    assert time.monotonic() - began < 5


async def test_a_value_over_the_output_limit_never_leaves_the_sandbox(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from errands.core.expressions import programs
    from errands.core.expressions import sandbox as module

    monkeypatch.setattr(programs, "LARGEST_OUTPUT", 1000)
    monkeypatch.setattr(module, "LARGEST_OUTPUT", 1000)
    error = await failure(sandbox, "'only here' + 'a' * 995")
    assert error.kind is ErrorKind.LIMIT
    assert "as JSON" in error.message


async def test_half_a_surrogate_pair_is_refused_and_a_nul_is_kept(sandbox: Sandbox) -> None:
    assert await compute(sandbox, "x", x="a\0b") == ["a\0b"]
    assert "surrogate" in (await failure(sandbox, "x", x="\ud800")).message


async def test_cancelling_kills_the_worker_and_the_pool_recovers(sandbox: Sandbox) -> None:
    endless = Evaluation(["while True: pass\n1"], {}, NOW, program=True, limits=SandboxLimits(seconds=60))
    running = [asyncio.create_task(sandbox(endless)) for _ in range(4)]
    await until_computing(sandbox, 2)
    for task in running:
        task.cancel()
    began = time.monotonic()
    assert all(
        isinstance(one, asyncio.CancelledError) for one in await asyncio.gather(*running, return_exceptions=True)
    )
    assert await asyncio.gather(*(compute(sandbox, "x", x=index) for index in range(8))) == [[i] for i in range(8)]
    assert time.monotonic() - began < 5


async def until_computing(sandbox: Sandbox, workers: int) -> None:
    """Return once so many workers are computing; a test that waits in vain fails."""
    async with asyncio.timeout(10):
        for _ in iter(lambda: sandbox.workers.busy < workers, False):
            await asyncio.sleep(0)


def children() -> set[str]:
    """Process ids of our children."""
    return {pid for path in Path(f"/proc/{os.getpid()}/task").glob("*/children") for pid in path.read_text().split()}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts processes by way of /proc")
async def test_closing_stops_what_runs_and_leaves_no_process() -> None:
    before = children()
    own = Sandbox(processes=1)
    endless = Evaluation(["while True: pass\n1"], {}, NOW, program=True, limits=SandboxLimits(seconds=60))
    task = asyncio.create_task(own(endless))
    await until_computing(own, 1)
    assert children() - before
    await own.aclose()
    assert not children() - before
    with pytest.raises((StepFailed, asyncio.CancelledError)):
        await task


def _blocked_signals_of_workers() -> list[int]:
    tasks = Path(f"/proc/{os.getpid()}/task").iterdir()
    children = {child for task in tasks for child in (task / "children").read_text().split()}
    return [
        int(line.split()[1], 16)
        for child in children
        if "monty" in Path(f"/proc/{child}/cmdline").read_text()
        for line in Path(f"/proc/{child}/status").read_text().splitlines()
        if line.startswith("SigBlk")
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_an_interrupt_from_the_terminal_does_not_reach_a_computation() -> None:
    """Ctrl-C goes to every process of the group; the workers must not take it for themselves."""
    sandbox = Sandbox(processes=1)
    try:
        await compute(sandbox, "1")
        blocked = _blocked_signals_of_workers()
    finally:
        await sandbox.aclose()
    assert blocked
    assert all(mask >> (signal.SIGINT - 1) & 1 for mask in blocked)
