"""The file's shape becomes the models' shape."""

from datetime import timedelta
from pathlib import Path

import pytest

from errands.core.definition.agents import AgentDefinition, ModelDefinition
from errands.core.definition.parsing import ParsedAgent, ParsedModel, ParsedTask, load_task, parse_document, parse_task
from errands.core.definition.steps import (
    AgentStep,
    ApproveStep,
    EventStep,
    FinishStep,
    ForEachStep,
    IfStep,
    NotifyStep,
    ParallelStep,
    RepeatStep,
    SubtaskStep,
    SwitchStep,
    ToolStep,
    TransformStep,
    WaitStep,
)
from errands.core.definition.task import ExpressionSource, LastRunSource, TaskDefinition, ToolSource
from errands.core.definition.texts import every_step
from errands.core.definition.triggers import EventTrigger, WebhookTrigger
from errands.core.problems import DefinitionInvalid

EXAMPLE = Path(__file__).with_name("example.yaml").read_text(encoding="utf-8")
HEAD = "task: t\ndescription: d\n"


def task(rest: str) -> TaskDefinition:
    parsed = parse_task(HEAD + rest)
    assert parsed.problems == []
    assert parsed.definition is not None
    return parsed.definition


def test_the_example_of_the_format_parses_without_a_problem() -> None:
    definition = load_task(EXAMPLE)
    assert [step.key for step, _ in every_step(definition)] == [
        "orders", "totals", "if#1", "nothing", "summary", "notes", "note", "ok", "switch#1", "mail", "notify#1",
    ]  # fmt: skip
    approval = definition.steps[4]
    assert isinstance(approval, ApproveStep)
    assert approval.deadline is not None
    assert (approval.deadline.after, approval.deadline.choose, approval.timeout) == (timedelta(days=2), "drop", None)
    assert approval.not_ == ("starter",)
    assert definition.budget is not None
    assert definition.budget.tokens == 200_000
    assert isinstance(definition.params[3].options, ToolSource)
    assert definition.params[4].source == LastRunSource(expression="output['floor']", else_=0)
    assert [param.required for param in definition.params] == [True, False, False, False, False]


def test_every_kind_of_step_is_told_by_its_key() -> None:
    definition = task(
        """steps:
  - {tool: log, with: {message: hi}}
  - {prompt: "Hello", files: [a.txt]}
  - {python: 1 + 1}
  - {if: x, then: [], else: []}
  - {switch: x, cases: {200: [], true: []}}
  - {for_each: x, do: []}
  - {repeat: [], until: true, max: 3}
  - {parallel: {a: [], b: []}}
  - {run: other, with: {a: 1}, wait: false}
  - {wait: 2h}
  - {wait_for: {event: paid, key: "{{ x }}", timeout: 1d}}
  - {approve: {question: "Go?"}}
  - {notify: {to: "secret:OPS", title: T, body: B}}
  - {finish: {status: failed, message: no, output: {a: null}}}
  - {wait: {until: "2026-12-24T09:00"}}
"""
    )
    assert [type(step) for step in definition.steps] == [
        ToolStep, AgentStep, TransformStep, IfStep, SwitchStep, ForEachStep, RepeatStep, ParallelStep, SubtaskStep,
        WaitStep, EventStep, ApproveStep, NotifyStep, FinishStep, WaitStep,
    ]  # fmt: skip
    switch, subtask, event, moment = (
        definition.steps[4],
        definition.steps[8],
        definition.steps[10],
        definition.steps[14],
    )
    assert isinstance(switch, SwitchStep)
    assert list(switch.cases) == ["200", "true"]
    assert isinstance(subtask, SubtaskStep)
    assert subtask.wait is False
    assert isinstance(event, EventStep)
    assert (event.match, event.expires, event.timeout) == ("{{ x }}", timedelta(days=1), None)
    assert isinstance(moment, WaitStep)
    assert (moment.duration, moment.until, moment.key) == (None, "2026-12-24T09:00", "wait#2")


def test_unnamed_steps_are_numbered_by_kind_in_the_order_of_the_file() -> None:
    definition = task(
        """finally: [{python: "0"}]
steps:
  - if: x
    else: [{python: "1"}]
    then: [{python: "2"}, {if: y, then: []}]
    on_error: [{python: "3"}]
  - {python: "4"}
"""
    )
    keys = {step.python: step.key for step, _ in every_step(definition) if isinstance(step, TransformStep)}
    assert keys == {"0": "transform#1", "1": "transform#2", "2": "transform#3", "3": "transform#4", "4": "transform#5"}
    assert [step.key for step, _ in every_step(definition) if isinstance(step, IfStep)] == ["if#1", "if#2"]


def test_a_notification_keeps_its_own_title_beside_that_of_its_step() -> None:
    first, second = task(
        """steps:
  - {title: Step, notify: {to: x, title: Message, body: b}}
  - {notify: {to: x, title: Message, body: b}, title: Step}
"""
    ).steps
    assert first.title == second.title == "Message"


def test_an_output_of_null_is_told_from_no_output() -> None:
    assert task("steps: [{python: '1'}]\noutput: null").has_output
    assert not task("steps: [{python: '1'}]").has_output
    tested = task("steps: [{python: '1'}]\ntests: [{name: a, expect: {output: null}}, {name: b}]").tests
    assert [one.expect.has_output for one in tested] == [True, False]


def test_params_take_their_value_from_a_tool_the_last_run_or_an_expression() -> None:
    params = task(
        """steps: [{python: '1'}]
params:
  a: {type: string, from: {tool: http.request, with: {url: x}}}
  b: {from: {expression: a + 1}}
"""
    ).params
    assert params[0].source == ToolSource(tool="http.request", with_={"url": "x"}, value="result")
    assert params[1].source == ExpressionSource(expression="a + 1")
    assert params[0].schema_ == {"type": "string"}


def test_webhooks_and_events_have_models_of_their_own() -> None:
    hook, event = task(
        """steps: [{python: '1'}]
triggers:
  - {id: h, webhook: {signature: {style: stripe, secret: "secret:S"}, max_body: 2MiB}}
  - {id: e, event: {task: load, outcome: [failed, timed_out]}}
"""
    ).triggers
    assert isinstance(hook, WebhookTrigger)
    assert hook.webhook.signature is not None
    assert (hook.webhook.signature.style, hook.webhook.max_body) == ("stripe", 2 * 2**20)
    assert isinstance(event, EventTrigger)
    assert event.event.outcome == ("failed", "timed_out")


def test_the_top_level_key_tells_what_a_file_is() -> None:
    assert isinstance(parse_document(EXAMPLE), ParsedTask)
    agent = parse_document("agent: analyst\nmodel: fast\ntools: ['crm/*']")
    assert isinstance(agent, ParsedAgent)
    assert agent.definition == AgentDefinition(agent="analyst", model="fast", tools=("crm/*",))
    model = parse_document("model: fast\nprovider: anthropic\nname: small\ntimeout: 30s")
    assert isinstance(model, ParsedModel)
    expected = ModelDefinition(model="fast", provider="anthropic", name="small", timeout=timedelta(seconds=30))
    assert model.definition == expected
    neither = parse_document("tsak: x")
    assert [problem.hint for problem in neither.problems] == ['did you mean "task"?']


@pytest.mark.parametrize(
    ("source", "code", "path"),
    [
        ("model: m\nprovider: openai", "missing-key", "name"),
        ("model: m\nprovider: openai-compatible\nname: x", "missing-key", "base_url"),
        ("model: m\nprovider: openai\nname: x\napi_key: sk-123", "bad-value", "api_key"),
        ("model: M\nprovider: embedded", "bad-name", "model"),
        ("agent: a\nmax_turns: 0", "out-of-range", "max_turns"),
        ("agent: a\nintructions: x", "unknown-key", "intructions"),
    ],
)
def test_agents_and_models_are_checked_too(source: str, code: str, path: str) -> None:
    assert [(one.code, one.path) for one in parse_document(source).problems] == [(code, path)]


@pytest.mark.parametrize(
    ("rest", "place", "code", "words"),
    [
        ("steps: []", (3, 1), "missing-key", "no step"),
        ("", (1, 1), "missing-key", "add `steps:`"),
        ("steps: [{id: a}]", (3, 9), "no-kind", "add one of tool"),
        ("steps: [{agent: a}]", (3, 9), "no-kind", "add `prompt:`"),
        ("steps: [{tool: a, python: b}]", (3, 19), "two-kinds", "two steps"),
        ("steps: [{if: a}]", (3, 9), "missing-key", "add `then:`"),
        ("steps: [{wait: 5}]", (3, 16), "bad-value", "5s"),
        ("steps: [{wait: soon}]", (3, 16), "bad-value", "number and a unit"),
        ("steps: [{wait: 99999999d}]", (3, 16), "bad-value", "too long"),
        ("steps: [{tool: 5}]", (3, 16), "wrong-type", "quotes"),
        ("steps: [{tool: a, with: [1]}]", (3, 25), "wrong-type", "a mapping"),
        ("steps: [{tool: a, on_error: go}]", (3, 29), "bad-choice", "fail or continue"),
        ("steps: [{notify: {to: x, body: y, tilte: z}}]", (3, 35), "unknown-key", '"title"'),
        ("steps: [{wait_for: {event: x, timeout: z}}]", (3, 40), "bad-value", "`timeout`"),
        ("steps: [{python: a}]\ntags: x", (4, 7), "wrong-type", "write [x]"),
        ("steps: [{python: a}]\nparams: {p: string}", (4, 13), "wrong-type", "{type: string}"),
        ("steps: [{python: a}]\nparams: {p: {default: 1, from: {expression: x}}}", (4, 26), "two-kinds", "both"),
        ("steps: [{python: a}]\ntriggers: [{id: x}]", (4, 12), "no-kind", "schedule"),
        ("steps: [{python: a}]\nbudget: {usd: -1}", (4, 15), "out-of-range", "at least 0"),
        ("steps: [{python: a, retry: {on: [netwrk]}}]", (3, 34), "bad-choice", '"network"'),
    ],
)
def test_what_does_not_fit_is_said_in_plain_words(rest: str, place: tuple[int, int], code: str, words: str) -> None:
    problems = parse_task(HEAD + rest).problems
    assert [((one.line, one.column), one.code) for one in problems] == [(place, code)]
    assert words in f"{problems[0].message} {problems[0].hint}"
    assert "pydantic" not in str(problems[0])


def test_all_problems_of_a_file_are_reported_in_the_order_of_the_file() -> None:
    parsed = parse_task("task: T\nlimits: {timeout: 5}\nsteps:\n - {tol: x}\n - {tool: y, wiht: {}}\n - 3\nfoo: 1")
    found = [(one.line, one.code) for one in parsed.problems]
    assert found == [
        (1, "missing-key"), (1, "bad-name"), (2, "bad-value"), (4, "unknown-key"), (5, "unknown-key"),
        (6, "wrong-type"), (7, "unknown-key"),
    ]  # fmt: skip
    assert parsed.definition is None
    assert parsed.draft is not None


def test_more_than_500_steps_are_one_problem() -> None:
    steps = "".join("  - {python: '1'}\n" for _ in range(520))
    problems = parse_task(f"{HEAD}steps:\n{steps}").problems
    assert [(one.line, one.code) for one in problems] == [(504, "too-many-steps")]


def test_blocks_deeper_than_twelve_levels_are_refused() -> None:
    def nested(levels: int) -> str:
        return "[{python: '1'}]" if levels == 1 else f"[{{if: x, then: {nested(levels - 1)}}}]"

    assert parse_task(f"{HEAD}steps: {nested(12)}").problems == []
    assert [one.code for one in parse_task(f"{HEAD}steps: {nested(13)}").problems] == ["too-deep"]


def test_loading_a_broken_task_raises_all_of_its_problems() -> None:
    with pytest.raises(DefinitionInvalid) as caught:
        load_task("task: T\nfoo: 1")
    assert len(caught.value.problems) == 4


def test_a_definition_survives_its_stored_form() -> None:
    definition = load_task(EXAMPLE)
    assert TaskDefinition.model_validate_json(definition.model_dump_json()) == definition
    assert TaskDefinition.model_validate_json(definition.model_dump_json(by_alias=True)) == definition
