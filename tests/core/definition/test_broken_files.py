"""The ten broken files of `tests/core/broken/`: each problem at its line and column, with a hint that helps."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from errands.core.catalog import Surroundings
from errands.core.definition.checks import check_file
from errands.core.expressions.checking import TypeChecker

BROKEN = Path(__file__).parents[1] / "broken"

EXPECTED: dict[str, list[tuple[int, int, str, str]]] = {
    "tab": [(5, 1, "syntax", "two for each level")],
    "unknown-keys": [
        (2, 1, "unknown-key", '"description"'),
        (3, 10, "unknown-key", '"max_concurrent"'),
        (6, 11, "grant-missing", "add `log` to grants.tools"),
        (8, 13, "unknown-key", '"attempts"'),
        (8, 34, "bad-choice", '"exponential"'),
        (10, 5, "unknown-key", '"python"'),
    ],
    "unknown-names": [
        (3, 8, "unknown-agent", '"analyst"'),
        (11, 11, "unknown-tool", '"sql.query"'),
        (12, 24, "unknown-secret", '"SALES_DB"'),
        (14, 12, "unknown-model", '"fast"'),
        (15, 26, "unknown-name", '"orders"'),
        (15, 43, "unknown-name", '"region"'),
        (16, 10, "unknown-task", '"nightly-load"'),
    ],
    "scopes": [
        (5, 13, "not-yet", "line 6"),
        (14, 13, "out-of-scope", "`rounds` lists the rounds' outputs"),
        (14, 22, "out-of-scope", "only inside the loop"),
        (17, 35, "out-of-scope", "after `parallel`"),
        (18, 9, "duplicate-id", "line 6"),
        (20, 9, "shadows-name", "choose another name"),
    ],
    "grants": [
        (4, 25, "grant-unused", "remove it"),
        (5, 13, "grant-unused", "remove it"),
        (9, 11, "grant-missing", "add `sql.query` to grants.tools"),
        (11, 19, "grant-missing", "add `SALES_DB` to grants.secrets"),
        (15, 17, "grant-missing", "add `new.example` to grants.hosts"),
    ],
    "values": [
        (4, 48, "bad-default", "at most 10, not 50"),
        (5, 16, "bad-schema", '"string"'),
        (8, 19, "bad-value", "20s"),
        (8, 32, "bad-choice", '"queue_one"'),
        (11, 5, "missing-argument", "add `url`"),
        (11, 12, "unknown-argument", '"url"'),
        (11, 46, "bad-argument", "GET or POST"),
        (14, 11, "bad-argument", "write [ana@example.com]"),
        (16, 13, "bad-argument", "quotes"),
        (18, 36, "bad-argument", "2026-12-24"),
        (18, 54, "unknown-step", "tool#1"),
    ],
    "endless-loop": [
        (4, 5, "missing-key", "a loop needs a cap"),
        (9, 15, "wrong-type", "in quotes"),
    ],
    "circle": [
        (4, 33, "param-cycle", "uses no other"),
        (5, 33, "param-cycle", "uses no other"),
        (8, 10, "task-cycle", "self -> ping -> pong -> self"),
        (10, 31, "task-cycle", "never stops"),
    ],
    "triggers": [
        (8, 27, "never-fires", "no time fits"),
        (9, 53, "bad-schedule", "Europe/Berlin"),
        (9, 89, "bad-argument", '"emea"'),
        (10, 5, "missing-argument", "`region`"),
        (11, 25, "open-webhook", "signature"),
        (11, 29, "missing-argument", "`region`"),
        (11, 41, "unknown-param", '"region"'),
    ],
    "expressions": [
        (7, 79, "bad-template", "missing after +"),
        (11, 32, "bad-expression", "expected ':'"),
        (18, 19, "type", "`rows`"),
        (20, 27, "bad-expression", "invalid syntax"),
        (21, 56, "type", "`count`"),
    ],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def checker() -> AsyncIterator[TypeChecker]:
    """The real type checker, started once."""
    one = TypeChecker()
    yield one
    await one.aclose()


def test_every_broken_file_has_its_expectation() -> None:
    assert {path.stem for path in BROKEN.glob("*.yaml")} == set(EXPECTED)
    assert len(EXPECTED) == 10


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", EXPECTED)
async def test_a_broken_file_is_refused_with_all_of_its_problems(
    name: str, around: Surroundings, checker: TypeChecker
) -> None:
    source = (BROKEN / f"{name}.yaml").read_text(encoding="utf-8")
    checked = await check_file(source, around, checker)
    assert checked.definition is None
    found = [(one.line, one.column, one.code) for one in checked.problems]
    assert found == [(line, column, code) for line, column, code, _ in EXPECTED[name]]
    for problem, (_, _, _, words) in zip(checked.problems, EXPECTED[name], strict=True):
        assert words in f"{problem.message} | {problem.hint}"
        assert problem.hint, problem.message


@pytest.mark.asyncio(loop_scope="module")
async def test_the_example_of_the_format_has_no_problem_at_all(around: Surroundings, checker: TypeChecker) -> None:
    source = Path(__file__).with_name("example.yaml").read_text(encoding="utf-8")
    checked = await check_file(source, around, checker)
    assert checked.problems == []
    assert checked.definition is not None
