"""Dry runs and tests of task files: nothing is kept, and a difference is said in one sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errands.bootstrap import Runtime
from errands.core.outcomes import RunStatus
from errands.core.params import ArgumentsInvalid
from errands.core.values import Json
from errands.services import Services
from errands.services.differences import differences
from errands.services.errors import FilesInvalid, Invalid
from errands.services.principals import operator
from errands.services.views import SourceFile

ANA = operator("ana")

_ORDERS = """
task: orders
description: Sums up orders.
grants: {tools: [http.request], hosts: [shop.example]}
params:
  since: {type: string, default: "{{ now.date().isoformat() }}"}
steps:
  - {id: page, tool: http.request, with: {url: "https://shop.example/orders"}}
  - {id: total, python: "sum(order['price'] for order in page['json'])"}
  - if: total == 0
    then:
      - {id: nothing, finish: {status: failed, message: "No orders since {{ since }}"}}
output: {total: "{{ total }}", since: "{{ since }}"}
tests:
  - name: adds up
    stub: {page: {json: [{price: 2}, {price: 3}]}}
    now: "2026-03-01T08:00:00Z"
    expect: {output: {total: 5, since: "2026-03-01"}, steps: {total: 5}}
  - name: expectations may use the run's names
    arguments: {since: yesterday}
    stub: {page: {json: [{price: 2}]}}
    expect: {output: {total: "{{ total }}", since: "{{ since }}"}}
  - name: says when there are none
    arguments: {since: today}
    stub: {page: {json: []}}
    expect: {status: failed, error: "No orders since today"}
"""


def _file(source: str) -> SourceFile:
    return SourceFile("orders.yaml", source)


async def test_tests_that_hold_pass_and_keep_nothing(services: Services, runtime: Runtime) -> None:
    results = await services.tasks.test(ANA, "default", _file(_ORDERS))
    assert [(result.name, result.passed, result.differences) for result in results] == [
        ("adds up", True, ()),
        ("expectations may use the run's names", True, ()),
        ("says when there are none", True, ()),
    ]
    assert (await services.runs.list(ANA, "default")).items == ()
    assert (await services.tasks.list(ANA, "default")).items == ()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("total: 5, since", "total: 6, since", "output.total: expected 6, came 5"),
        ('since: "2026-03-01"}', 'since: "2026-03-02"}', 'output.since: expected "2026-03-02", came "2026-03-01"'),
        ("steps: {total: 5}", "steps: {total: 7}", "steps.total: expected 7, came 5"),
        ("steps: {total: 5}", "steps: {nothing: 7}", "steps.nothing: expected an output, but the step was not reached"),
        ("expect: {output: {total: 5", "expect: {status: failed, output: {total: 5", "status: expected failed"),
        ("stub: {page: {json: [{price: 2}, {price: 3}]}}", "stub: {}", "status: expected succeeded, came failed"),
        ("since: {type: string,", "since: {type: string, pattern: '^[a-z]+$',", "arguments.since: "),
    ],
)
async def test_a_test_that_fails_says_what_was_expected_and_what_came(
    services: Services, before: str, after: str, said: str
) -> None:
    assert before in _ORDERS
    first = (await services.tasks.test(ANA, "default", _file(_ORDERS.replace(before, after))))[0]
    assert not first.passed
    assert [found for found in first.differences if found.startswith(said)], first.differences


async def test_an_error_that_says_something_else_is_a_difference(services: Services) -> None:
    results = await services.tasks.test(
        ANA, "default", _file(_ORDERS.replace('error: "No orders', 'error: "No offers'))
    )
    assert results[2].differences == (
        'error: expected one that says "No offers since today", came "No orders since today"',
    )


async def test_a_dry_run_makes_up_what_it_is_not_given_and_reaches_nobody(services: Services) -> None:
    source = _ORDERS.replace("sum(order['price'] for order in page['json'])", "1 if page['status'] else 2")
    came = await services.runs.dry_run(ANA, "default", _file(source), {})
    assert came.status is RunStatus.SUCCEEDED
    assert [(step.path, step.status.value) for step in came.steps][:2] == [
        ("page", "succeeded"),
        ("total", "succeeded"),
    ]
    stubbed = await services.runs.dry_run(ANA, "default", _file(_ORDERS), {}, stubs={"page": {"json": [{"price": 4}]}})
    assert isinstance(stubbed.output, dict)
    assert stubbed.output["total"] == 4


async def test_a_dry_run_tells_what_would_be_logged_and_what_transforms_print(services: Services) -> None:
    source = """
task: counts
description: Counts.
grants: {tools: [log]}
steps:
  - {id: said, tool: log, with: {message: begun, level: warning}}
  - id: total
    python: |
      print("counting")
      3
"""
    came = await services.runs.dry_run(ANA, "default", _file(source), {})
    assert [(line.path, line.level, line.message) for line in came.logs] == [
        ("said", "warning", "begun"),
        ("total", "info", "counting"),
    ]


async def test_a_dry_run_of_a_bad_file_or_with_bad_arguments_is_refused(services: Services) -> None:
    with pytest.raises(FilesInvalid):
        await services.runs.dry_run(ANA, "default", _file("task: x\n"), {})
    with pytest.raises(ArgumentsInvalid):
        await services.runs.dry_run(ANA, "default", _file(_ORDERS), {"sinec": "today"})
    with pytest.raises(Invalid, match="declares no task"):
        await services.runs.dry_run(ANA, "default", _file("agent: writer\ndescription: Writes.\n"), {})


@pytest.mark.parametrize(
    ("expected", "came", "said"),
    [
        ({"rows": [{"price": 5}]}, {"rows": [{"price": 6}]}, ["output.rows[0].price: expected 5, came 6"]),
        (
            [1, 2, 3],
            [1],
            ["output[1]: expected 2, but the list ends before", "output[2]: expected 3, but the list ends before"],
        ),
        ([1], [1, 2], ["output[1]: not expected, came 2"]),
        ({"a": 1}, {}, ["output.a: expected 1, but there is no such key"]),
        ({}, {"a": None}, ["output.a: not expected, came null"]),
        (True, 1, ["output: expected true, came 1"]),
        (1, 1.0, []),
        ("1", 1, ['output: expected "1", came 1']),
        (None, {}, ["output: expected null, came {}"]),
        ("x" * 300, "y", [f'output: expected "{"x" * 199}… (302 characters), came "y"']),
    ],
)
def test_each_difference_is_one_sentence(expected: Json, came: Json, said: list[str]) -> None:
    assert differences(expected, came, "output") == said


def test_many_differences_are_cut_and_counted() -> None:
    found = differences(list(range(100)), [-1] * 100, "output")
    assert len(found) == 21
    assert found[-1] == "and 80 more differences"


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES)
def test_a_value_does_not_differ_from_itself(value: Json) -> None:
    assert differences(value, value, "output") == []


@given(_VALUES, _VALUES)
def test_different_values_differ_either_way(one: Json, other: Json) -> None:
    assert bool(differences(one, other, "output")) is bool(differences(other, one, "output"))
