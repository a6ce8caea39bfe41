"""`alarms:` of a task: read, checked, kept, and laid over a project's defaults."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errands.core.catalog import Surroundings
from errands.core.definition.alarms import (
    AlarmRules,
    LongRun,
    long_factor,
    long_seconds,
    merged,
    read_stored,
    stored,
    tells_budget,
    watches,
)
from errands.core.definition.checks import check_file
from errands.core.definition.parsing import parse_task
from errands.core.definition.schema import format_schema
from errands.core.json_schema import compile_schema
from errands.core.values import from_text

_HEAD = "task: t\ndescription: x\n"
_STEPS = "steps: [{id: a, python: '1'}]\n"
_HOURLY = "triggers: [{id: hourly, schedule: {every: 1h}}]\n"

_spans = st.integers(1, 10**7).map(lambda seconds: timedelta(seconds=seconds))
_bounds = st.one_of(st.none(), st.just("never"), _spans)
_rules = st.builds(
    AlarmRules,
    failed=st.sampled_from([None, "episode", "each", "never"]),
    recovered=st.sampled_from([None, True, False]),
    late=_bounds,
    silent=_bounds,
    long=st.one_of(st.none(), st.builds(LongRun, after=_bounds, times_p95=st.one_of(st.none(), st.just(2.5)))),
    budget=st.sampled_from([None, True, False]),
    overdue=_bounds,
    pause_after_failures=st.one_of(st.none(), st.integers(0, 9)),
    channels=st.one_of(st.none(), st.just(("ops",))),
)


@given(_rules)
def test_rules_come_back_as_they_were_kept(rules: AlarmRules) -> None:
    assert read_stored(stored(rules)) == rules
    assert AlarmRules.model_validate_json(rules.model_dump_json()) == rules
    assert from_text(AlarmRules.model_validate(rules).model_dump_json()) is not None


@given(_rules, _rules)
def test_what_a_task_says_goes_before_what_its_project_says(own: AlarmRules, default: AlarmRules) -> None:
    both = merged(own, default)
    for name in AlarmRules.model_fields:
        said = getattr(own, name)
        assert getattr(both, name) == (getattr(default, name) if said is None else said)
    assert merged(AlarmRules(), default) == default


@pytest.mark.parametrize(
    ("rules", "looks"),
    [
        (AlarmRules(), False),
        (AlarmRules(failed="never", late="never", silent="never", overdue="never"), False),
        (AlarmRules(recovered=True, channels=("ops",), pause_after_failures=0, budget=False), False),
        (AlarmRules(long=LongRun(after="never", times_p95=3)), False),
        (AlarmRules(failed="each"), True),
        (AlarmRules(late=timedelta(minutes=1)), True),
        (AlarmRules(long=LongRun(times_p95=3)), True),
        (AlarmRules(pause_after_failures=1), True),
        (AlarmRules(budget=True), True),
    ],
)
def test_a_task_is_watched_if_a_rule_looks_at_anything(rules: AlarmRules, looks: bool) -> None:
    assert watches(rules) is looks


def test_a_used_up_budget_is_told_where_failures_are() -> None:
    assert tells_budget(AlarmRules(failed="episode"))
    assert not tells_budget(AlarmRules(failed="episode", budget=False))
    assert not tells_budget(AlarmRules(late=timedelta(minutes=1)))
    assert tells_budget(AlarmRules(budget=True, failed="never"))


def test_a_file_says_what_raises_an_alarm() -> None:
    source = (
        f"{_HEAD}alarms:\n  failed: each\n  late: 10m\n  silent: never\n  long: {{after: 1h30m, times_p95: 3}}\n"
        f"  overdue: 4h\n  pause_after_failures: 5\n  channels: [ops]\n{_STEPS}"
    )
    found = parse_task(source)
    assert found.problems == []
    assert found.definition is not None
    rules = found.definition.alarms
    assert rules is not None
    assert (rules.failed, rules.late, rules.silent) == ("each", timedelta(minutes=10), "never")
    assert (long_seconds(rules), long_factor(rules)) == (5400, 3)
    assert rules.channels == ("ops",)
    assert type(found.definition).model_validate_json(found.definition.model_dump_json(by_alias=True)) == (
        found.definition
    )


@pytest.mark.parametrize(
    ("alarms", "path", "said"),
    [
        ("{failed: sometimes}", "alarms.failed", "must be episode, each or never"),
        ("{late: 10}", "alarms.late", "10 has no unit"),
        ("{silent: 5 parsecs}", "alarms.silent", "is not a duration"),
        ("{long: {times: 3}}", "alarms.long.times", "unknown key `times`"),
        ("{long: {}}", "alarms.long", "does not say how long is too long"),
        ("{pause_after_failures: -1}", "alarms.pause_after_failures", "at least 0"),
        ("{chanels: [ops]}", "alarms.chanels", "unknown key `chanels`"),
        ("[failed]", "alarms", "must be a mapping"),
    ],
)
async def test_a_rule_that_cannot_be_meant_is_an_error_at_its_place(alarms: str, path: str, said: str) -> None:
    checked = await check_file(f"{_HEAD}alarms: {alarms}\n{_HOURLY}{_STEPS}", Surroundings({}))
    errors = [one for one in checked.problems if one.severity == "error"]
    assert [one.path for one in errors] == [path]
    assert said in errors[0].message


@pytest.mark.parametrize(
    ("alarms", "said"),
    [
        ("{late: 10m}", "`late` looks at triggers, and the task has none"),
        ("{pause_after_failures: 3}", "looks at triggers"),
        ("{budget: true}", "no `budget`"),
        ("{overdue: 4h}", "no step asks people"),
        ("{failed: each, channels: [opps]}", "no channel `opps`"),
    ],
)
async def test_a_rule_that_is_said_in_vain_is_a_warning(alarms: str, said: str) -> None:
    around = Surroundings({}, channels=frozenset({"ops"}))
    checked = await check_file(f"{_HEAD}alarms: {alarms}\n{_STEPS}", around)
    (warning,) = checked.problems
    assert (warning.severity, said in warning.message) == ("warning", True)
    assert checked.definition is not None


@pytest.mark.parametrize(
    ("alarms", "fits"),
    [
        ({"failed": "each", "late": "10m", "silent": "never", "long": {"after": "1h", "times_p95": 2}}, True),
        ({"late": 10}, False),
        ({"late": "sometimes"}, False),
        ({"failed": True}, False),
        ({"boom": 1}, False),
    ],
)
def test_the_published_schema_agrees_with_what_is_read(alarms: dict[str, object], fits: bool) -> None:
    task = {"task": "t", "description": "x", "steps": [{"id": "a", "python": "1"}], "alarms": alarms}
    assert bool(compile_schema(format_schema()).misfits(task, subject="the file")) is not fits  # type: ignore[arg-type]
