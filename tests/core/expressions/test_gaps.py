"""Python that the sandbox does not run: it truly does not, it is found beforehand, and the advice works."""

import builtins
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from errands.core.expressions.checking import Finding, Snippet, TypeChecker
from errands.core.expressions.gaps import UNCHECKED
from errands.core.expressions.sandbox import Sandbox
from errands.core.expressions.workers import Workers
from errands.core.outcomes import StepError, StepFailed
from errands.core.ports import Evaluation
from errands.core.values import Json

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "task-format.md"
NAMES: dict[str, Json] = {"rows": [{"n": 1}, {"n": 2}], "words": ["b", "A"], "text": "a-1", "seconds": 1_700_000_000}
ROWS = re.findall(r"^\| `([^`|]+)` \| `([^`|]+)` \|$", PAGE.read_text().split("### What there is of Python")[1], re.M)

FOUND = [
    ("x = [1]\ndel x[0]\nx", 2, 1, "pop"),
    ("def f():\n    yield 1\nf()", 2, 5, "append to a list"),
    ("class A(ValueError):\n    pass\n1", 1, 1, "without a base"),
    ("from math import *\n1", 1, 1, "name what you import"),
    ("from datetime import UTC\n1", 1, 22, "timezone.utc"),
    ("from collections import OrderedDict\n1", 1, 25, "keeps its order"),
    ("import os\nos.environ['HOME']", 2, 1, "declare a param"),
    ("'ä' + open('x').read()", 1, 7, "files.read"),
    ("'ä' + text.translate({})", 1, 7, "text.replace"),
    ("(5.0).is_integer()", 1, 1, "int(x)"),
]
RUNS = [
    "list(map(lambda row: row['n'], rows))",
    "list(filter(None, [0, 1]))",
    "format(3.14159, '.2f')",
    "dict.fromkeys(words, 1)",
    "class Line:\n    def translate(self):\n        return 1\nLine().translate()",
    "try:\n    v = next(row for row in rows)\nexcept TypeError:\n    v = 0\nv",
    "str = words[0]\nstr.lower()",
    "next(iter(words))",
]
LATE = [
    ("now > datetime(2026, 1, 1)", "now.replace(tzinfo=None)"),
    ("now - datetime(2026, 1, 1)", "now.replace(tzinfo=None)"),
    ("', '.join([1, 2])", "str(x) for x in"),
    ("'Total: ' + rows[0]['n']", "f-string"),
    ("json.dumps({'at': now})", "isoformat"),
    ("g = (word for word in words)\nnext(g)", "next(iter("),
    ("kind = str\nsorted(words, key=kind.lower)", "lambda x: x.lower()"),
]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers() -> AsyncIterator[Workers]:
    made = Workers(1)
    yield made
    await made.aclose()


async def found_in(workers: Workers, source: str) -> list[Finding]:
    return await TypeChecker(workers).check_snippets([Snippet(source, "\n" in source, dict.fromkeys(NAMES))])


async def value(workers: Workers, source: str) -> Json:
    [found] = await Sandbox(workers)(Evaluation([source], NAMES, NOW, program=True))
    return found


async def failure(workers: Workers, source: str) -> StepError:
    with pytest.raises(StepFailed) as caught:
        await value(workers, source)
    return caught.value.error


async def test_the_page_lists_more_than_a_few() -> None:
    assert len(ROWS) >= 7


@pytest.mark.parametrize(("lacking", "instead"), ROWS)
async def test_what_the_page_says_is_missing_fails_is_found_and_can_be_said_otherwise(
    workers: Workers, lacking: str, instead: str
) -> None:
    await failure(workers, lacking)
    assert await found_in(workers, lacking)
    assert await found_in(workers, instead) == []
    await value(workers, instead)


@pytest.mark.parametrize(("source", "line", "column", "hint"), FOUND)
async def test_what_is_missing_is_found_at_its_place_with_what_to_write(
    workers: Workers, source: str, line: int, column: int, hint: str
) -> None:
    await failure(workers, source)
    [finding] = await found_in(workers, source)
    assert (finding.line, finding.column) == (line, column)
    assert hint in (finding.hint or "")


@pytest.mark.parametrize("source", RUNS)
async def test_what_runs_is_not_taken_for_missing(workers: Workers, source: str) -> None:
    assert await found_in(workers, source) == []
    await value(workers, source)


async def test_every_built_in_name_that_the_sandbox_has_may_be_used(workers: Workers) -> None:
    """`open` is there and always refused, so it is found beforehand."""
    names = [name for name in dir(builtins) if name.isidentifier() and not name.startswith("_")]
    refused = [name for name in names if await found_in(workers, f"{name}\n1")]
    runs = []
    for name in refused:
        try:
            await value(workers, f"{name}\n1")
        except StepFailed:
            continue
        runs.append(name)
    assert runs == ["open"]
    for name in UNCHECKED:
        await value(workers, f"{name}\n1")


@pytest.mark.parametrize(("source", "hint"), LATE)
async def test_what_only_its_values_show_fails_with_what_to_write(workers: Workers, source: str, hint: str) -> None:
    assert hint in ((await failure(workers, source)).hint or "")
