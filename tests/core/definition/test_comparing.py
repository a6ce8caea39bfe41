"""Two versions compared: what was added, removed, changed and moved, in the task's own words."""

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from errands.core.definition.comparing import Difference, FieldChange, compare
from errands.core.definition.parsing import parse_document
from errands.core.definition.task import TaskDefinition

_BEFORE = """
task: report
description: Reports.
params:
  region: {type: string}
  limit: {type: integer, default: 5}
grants: {tools: [log, sql.query], secrets: [DB], hosts: [a.example]}
budget: {usd: 0.50, per_day: {usd: 5}}
limits: {timeout: 20m}
steps:
  - {id: one, python: "1"}
  - {id: two, tool: log, with: {message: hello}, timeout: 10s}
  - id: choice
    if: one == 1
    then:
      - {id: inner, python: "2"}
      - {tool: log, with: {message: inside}}
  - {id: last, python: "3"}
triggers:
  - {id: daily, schedule: {daily: "09:00"}}
  - {id: hook, event: {name: paid}}
"""


def task(source: str) -> TaskDefinition:
    definition = parse_document(source).definition
    assert isinstance(definition, TaskDefinition), parse_document(source).problems
    return definition


def told(before: str, after: str) -> list[tuple[str, str, str]]:
    return [(one.area, one.change, one.name) for one in compare(task(before), task(after))]


def test_a_version_does_not_differ_from_itself() -> None:
    assert compare(task(_BEFORE), task(_BEFORE)) == ()


def test_steps_added_removed_and_changed_are_named_with_the_keys_that_differ() -> None:
    after = _BEFORE.replace('  - {id: one, python: "1"}\n', '  - {id: zero, python: "0"}\n').replace("hello", "goodbye")
    after = after.replace("one == 1", "zero == 0").replace("timeout: 10s", "timeout: 90s")
    found = compare(task(_BEFORE), task(after))
    assert [(one.change, one.name, one.kind) for one in found] == [
        ("added", "zero", "transform"),
        ("changed", "two", "tool"),
        ("changed", "choice", "if"),
        ("removed", "one", "transform"),
    ]
    assert found[1].fields == (
        FieldChange("timeout", "10s", "1m30s"),
        FieldChange("with.message", "hello", "goodbye"),
    )
    assert found[2].fields == (FieldChange("if", "one == 1", "zero == 0"),)


def test_a_step_that_goes_into_another_block_has_moved_and_says_from_where() -> None:
    line = '      - {id: inner, python: "2"}\n'
    after = _BEFORE.replace(line, "").replace("triggers:", '  - {id: inner, python: "2"}\ntriggers:')
    assert compare(task(_BEFORE), task(after)) == (
        Difference("step", "moved", "inner", "transform", "steps", "choice.then"),
    )


def test_of_two_steps_that_change_places_one_has_moved() -> None:
    one, two = '  - {id: one, python: "1"}\n', "  - {id: two, tool: log, with: {message: hello}, timeout: 10s}\n"
    found = compare(task(_BEFORE), task(_BEFORE.replace(one, "").replace(two, two + one)))
    assert [(one.change, one.place, one.earlier_place) for one in found] == [("moved", "steps", None)]


def test_a_renamed_step_is_the_same_step_with_another_id() -> None:
    found = compare(task(_BEFORE), task(_BEFORE.replace("id: last", "id: final")))
    assert found == (
        Difference("step", "changed", "final", "transform", "steps", fields=(FieldChange("id", "last", "final"),)),
    )


def test_a_step_without_an_id_is_known_by_what_it_says() -> None:
    after = _BEFORE.replace(
        "      - {tool: log, with: {message: inside}}\n",
        "      - {tool: log, with: {message: before}}\n      - {tool: log, with: {message: inside}}\n",
    )
    assert told(_BEFORE, after) == [("step", "added", "tool#1")]


def test_params_grants_budgets_limits_and_triggers_are_told_apart() -> None:
    after = (
        _BEFORE.replace("limit: {type: integer, default: 5}", "limit: {type: integer}")
        .replace("region: {type: string}", "area: {type: string}")
        .replace("tools: [log, sql.query]", "tools: [log, {name: http.request, arguments: {}}]")
        .replace("hosts: [a.example]", "hosts: [b.example]")
        .replace("usd: 5}", "usd: 8}")
        .replace("limits: {timeout: 20m}", "limits: {timeout: 30m, max_concurrent: 2}")
        .replace('daily: "09:00"', 'daily: "10:00"')
        .replace("  - {id: hook, event: {name: paid}}\n", "")
        .replace("description: Reports.", "description: Reports more.")
    )
    assert told(_BEFORE, after) == [
        ("task", "changed", "description"),
        ("param", "added", "area"),
        ("param", "changed", "limit"),
        ("param", "removed", "region"),
        ("grant", "added", "tools: http.request"),
        ("grant", "removed", "tools: sql.query"),
        ("grant", "added", "hosts: b.example"),
        ("grant", "removed", "hosts: a.example"),
        ("budget", "changed", "per_day.usd"),
        ("limit", "changed", "timeout"),
        ("limit", "added", "max_concurrent"),
        ("trigger", "changed", "daily"),
        ("trigger", "removed", "hook"),
    ]


def _steps(ids: Sequence[int]) -> TaskDefinition:
    lines = "".join(f'  - {{id: s{number}, python: "{number}"}}\n' for number in ids)
    return task(f"task: t\ndescription: x\nsteps:\n{lines}")


@given(st.lists(st.integers(0, 30), min_size=1, max_size=15, unique=True), st.randoms(use_true_random=False))
def test_shuffled_steps_are_only_ever_moved_and_as_few_as_can_be(numbers: list[int], order: random.Random) -> None:
    shuffled = list(numbers)
    order.shuffle(shuffled)
    found = compare(_steps(numbers), _steps(shuffled))
    assert {one.change for one in found} <= {"moved"}
    rest = {one.name for one in found}
    stayed = [number for number in shuffled if f"s{number}" not in rest]
    assert stayed == [number for number in numbers if f"s{number}" not in rest]
    assert len(found) < len(numbers)


@given(st.sets(st.integers(0, 12), min_size=1), st.sets(st.integers(0, 12), min_size=1))
def test_what_is_added_one_way_is_removed_the_other_way(some: set[int], others: set[int]) -> None:
    there = {(one.name, one.change) for one in compare(_steps(sorted(some)), _steps(sorted(others)))}
    back = {(one.name, one.change) for one in compare(_steps(sorted(others)), _steps(sorted(some)))}
    opposite = {"added": "removed", "removed": "added"}
    assert {(name, opposite[change]) for name, change in there} == back
