"""Checks of a definition: names and their scopes, types, grants, literal values, and what is left alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from errands.core.catalog import Surroundings
from errands.core.definition.checks import check_file
from errands.core.expressions.checking import Finding, Snippet
from errands.core.problems import Problem
from errands.core.values import Json, JsonObject

LOG = "steps: [{tool: log, with: {message: hi}}]"
HEAD = "task: t\ndescription: d\n"


@dataclass
class Spy:
    """A type checker that remembers what it was asked, and finds what it is told to."""

    findings: list[Finding] = field(default_factory=list)
    calls: list[list[Snippet]] = field(default_factory=list)

    async def check_snippets(self, snippets: Sequence[Snippet]) -> list[Finding]:
        self.calls.append(list(snippets))
        return self.findings

    def shape(self, source: str, name: str) -> JsonObject | None:
        found = [one for one in self.calls[0] if one.source == source]
        return found[0].names[name]


async def problems_of(rest: str, around: Surroundings, now: datetime | None = None) -> list[Problem]:
    return (await check_file(HEAD + rest, around, now=now)).problems


async def codes_of(rest: str, around: Surroundings) -> list[tuple[int, str]]:
    return [(one.line, one.code) for one in await problems_of(rest, around)]


async def shapes_of(rest: str, around: Surroundings) -> Spy:
    spy = Spy()
    assert (await check_file(HEAD + rest, around, spy)).problems == []
    return spy


def optional(shape: Json) -> JsonObject:
    return {"anyOf": [shape, {"type": "null"}]}


TEXT: JsonObject = {"type": "string"}


async def test_all_expressions_of_a_file_go_to_the_checker_in_one_call(around: Surroundings) -> None:
    spy = await shapes_of("params: {n: {type: integer}}\nsteps: [{python: n + 1}, {when: n, python: n}]", around)
    assert len(spy.calls) == 1
    assert [(one.source, one.program) for one in spy.calls[0]] == [("n + 1", True), ("n", False), ("n", True)]
    assert spy.shape("n + 1", "n") == {"type": "integer"}


async def test_a_finding_is_put_at_its_place_in_the_file(around: Surroundings) -> None:
    source = f"{HEAD}params: {{y_: {{}}}}\nsteps:\n  - id: a\n    python: |\n      x = 1\n      x + y_\n    # end\n"
    spy = Spy([Finding(0, 2, 5, "no", "yes")])
    found = (await check_file(source, around, spy)).problems
    assert [(one.line, one.column, one.path, one.code) for one in found] == [(8, 11, "steps[0].python", "type")]


BRANCHES = """steps:
  - {id: first, prompt: a}
  - if: first == "x"
    then: [{id: one, prompt: b}]
    else: [{id: two, prompt: c}]
  - python: (one, two)
"""


async def test_what_a_branch_gives_may_be_none_after_the_decision(around: Surroundings) -> None:
    spy = await shapes_of(BRANCHES, around)
    assert spy.shape("(one, two)", "one") == optional(TEXT)
    assert spy.shape("(one, two)", "two") == optional(TEXT)


async def test_a_branch_that_ends_the_run_narrows_what_follows(around: Surroundings) -> None:
    ending = BRANCHES.replace("[{id: one, prompt: b}]", "[{id: one, prompt: b}, {finish: {}}]")
    spy = await shapes_of(ending, around)
    assert spy.shape("(one, two)", "two") == TEXT
    assert spy.shape("(one, two)", "one") == optional(TEXT)


async def test_a_condition_about_none_narrows_its_branches_and_what_follows(around: Surroundings) -> None:
    spy = await shapes_of(
        """steps:
  - {id: maybe, when: trigger, prompt: a}
  - {when: maybe, python: maybe + "w"}
  - if: maybe is None or run
    then: [{python: maybe}]
    else: [{python: maybe + "e"}]
  - if: not maybe
    then: [{finish: {}}]
  - python: maybe + "after"
""",
        around,
    )
    assert spy.shape('maybe + "w"', "maybe") == TEXT
    assert spy.shape("maybe", "maybe") == optional(TEXT)
    assert spy.shape('maybe + "e"', "maybe") == TEXT
    assert spy.shape('maybe + "after"', "maybe") == TEXT


async def test_a_switch_leaves_its_names_optional_unless_all_other_cases_end(around: Surroundings) -> None:
    spy = await shapes_of(
        """steps:
  - switch: "'a'"
    cases: {a: [{id: one, prompt: a}], b: [{finish: {}}]}
  - switch: "'a'"
    cases: {a: [{id: two, prompt: a}], b: [{finish: {}}]}
    default: [{finish: {}}]
  - python: (one, two)
""",
        around,
    )
    assert spy.shape("(one, two)", "one") == optional(TEXT)
    assert spy.shape("(one, two)", "two") == TEXT


async def test_loops_and_parallel_branches_give_lists_and_objects(around: Surroundings) -> None:
    spy = await shapes_of(
        """params: {names: {type: array, items: {type: string}}}
steps:
  - id: each
    for_each: names
    as: name
    on_item_error: continue
    do: [{prompt: "{{ name }}"}]
  - {id: tries, repeat: [{id: answer, prompt: a}], until: answer == "x", max: 3}
  - id: both
    parallel: {left: [{id: l, prompt: a}], right: [{python: "1"}]}
  - python: (each, tries, both, l)
  - {for_each: names, batch: 2, as: pair, do: [{python: pair}]}
""",
        around,
    )
    source = "(each, tries, both, l)"
    assert spy.shape("name", "name") == TEXT
    assert spy.shape('answer == "x"', "answer") == TEXT
    assert spy.shape(source, "each") == {"type": "array", "items": optional(TEXT)}
    assert spy.shape(source, "tries") == {"type": "array", "items": TEXT}
    both = spy.shape(source, "both")
    assert both is not None
    assert both["properties"] == {"left": TEXT, "right": {}}
    assert spy.shape(source, "l") == TEXT
    assert spy.shape("pair", "pair") == {"type": "array", "items": TEXT}


async def test_outputs_have_the_types_that_their_tools_agents_and_tasks_declare(around: Surroundings) -> None:
    spy = await shapes_of(
        """grants: {tools: [crm/find_account]}
steps:
  - {id: account, tool: crm/find_account, with: {name: x}, on_error: continue}
  - {id: load, run: nightly-load, with: {day: "2026-01-01"}}
  - {id: started, run: nightly-load, with: {day: "2026-01-01"}, wait: false}
  - {id: answer, approve: {question: "Go?", choices: ["yes", "no"]}}
  - {id: facts, agent: writer, prompt: x, output: {type: object, properties: {n: {type: integer}}}}
  - python: (account, load, started, answer, facts)
""",
        around,
    )
    source = "(account, load, started, answer, facts)"
    account = around.tools["crm/find_account"].output_schema
    assert around.tasks is not None
    assert spy.shape(source, "account") == optional(account)
    assert spy.shape(source, "load") == around.tasks["nightly-load"].output_schema
    started, answer = spy.shape(source, "started"), spy.shape(source, "answer")
    assert started is not None
    assert answer is not None
    assert started["properties"] == {"run": TEXT}
    assert answer["properties"] == {
        "choice": {"type": "string", "enum": ["yes", "no"]}, "form": {}, "by": {}, "at": TEXT,
    }  # fmt: skip
    assert spy.shape(source, "facts") == {"type": "object", "properties": {"n": {"type": "integer"}}}


async def test_handlers_see_the_error_and_names_that_may_be_none(around: Surroundings) -> None:
    spy = await shapes_of(
        """steps:
  - {id: one, prompt: a}
  - {id: two, prompt: b, on_error: [{python: 'error["message"] + one'}]}
  - {python: one + two}
on_error: [{python: 'error["kind"] + one'}]
finally: [{python: '(error, one)'}]
""",
        around,
    )
    assert spy.shape('error["message"] + one', "one") == TEXT
    assert spy.shape("one + two", "two") is None
    assert spy.shape('error["kind"] + one', "one") == optional(TEXT)
    in_finally = spy.shape("(error, one)", "error")
    assert in_finally is not None
    assert {"type": "null"} in in_finally["anyOf"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("rest", "line", "code"),
    [
        ("steps: [{python: error}]", 3, "unknown-name"),
        ("steps: [{id: a, python: a}]", 3, "not-yet"),
        ("steps: [{python: result}]", 3, "unknown-name"),
        ("steps: [{python: x}]\nfinally: [{id: x, python: '1'}]", 3, "out-of-scope"),
        ("steps:\n - if: run\n   then: [{id: x, python: '1'}]\n   else: [{python: x}]", 6, "out-of-scope"),
        ("steps: [{repeat: [{id: x, python: '1'}], until: x, max: 2}, {python: x}]", 3, "out-of-scope"),
        ("steps: [{repeat: [{python: '1'}], as: x, until: x, max: 2}, {python: x}]", 3, "out-of-scope"),
        ("steps: [{python: '1'}]\nparams: {a: {default: '{{ b }}'}}", 4, "unknown-name"),
        ("steps: [{python: '1'}]\nparams: {a: {default: '{{ a }}'}}", 4, "param-cycle"),
        ("steps: [{python: '1'}]\nlimits: {key: '{{ run }}'}", 4, "unknown-name"),
        ("steps: [{python: '1'}]\nparams: {a: {default: '{{ trigger }}'}}", 4, "unknown-name"),
        (
            "steps: [{python: '1'}]\nparams: {a: {from: {last_run: b}}, b: {type: string, default: x}}",
            4,
            "unknown-name",
        ),
        ("steps: [{prompt: a, on_error: [{id: x, prompt: b}]}, {python: x}]", 3, "out-of-scope"),
        ("steps: [{python: '1'}]\noutput: '{{ nope }}'", 4, "unknown-name"),
        ("steps: [{python: '1'}]\nkeep: {a: '{{ nope }}'}", 4, "unknown-name"),
        ("steps: [{python: '1', cache: {ttl: 1h, key: '{{ nope }}'}}]", 3, "unknown-name"),
    ],
)
async def test_a_name_that_cannot_be_seen_is_an_error(rest: str, line: int, code: str, around: Surroundings) -> None:
    found = await codes_of(rest, around)
    assert (line, code) in found


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ("steps: [{id: A, python: '1'}]", "bad-id"),
        ("steps: [{id: a-b, python: '1'}]", "bad-id"),
        ("steps: [{id: lambda, python: '1'}]", "shadows-name"),
        ("steps: [{id: math, python: '1'}]", "shadows-name"),
        ("params: {payload: {}}\nsteps: [{python: '1'}]", "shadows-name"),
        ("params: {a: {type: string}}\nsteps: [{id: a, python: '1'}]", "shadows-name"),
        ("params: {item: {type: string}}\nsteps: [{for_each: '[1]', do: []}]", "shadows-name"),
        ("steps: [{for_each: '[1]', do: [{for_each: '[2]', do: []}]}]", "shadows-name"),
        ("steps: [{id: item, for_each: '[1]', do: []}]", "shadows-name"),
        ("steps: [{repeat: [{id: x, python: '1'}], as: x, until: 'True', max: 2}]", "shadows-name"),
        ("steps: [{python: '1'}]\ntriggers: [{id: X, event: {name: a}}]", "bad-id"),
        ("steps: [{switch: '1', cases: {default: [{wait: 1s}]}}]", "bad-name"),
        ("steps: [{python: '1'}]\ntriggers: [{id: x, event: {name: a}}, {id: x, event: {name: b}}]", "duplicate-id"),
        ("steps: [{python: '1'}]\ntriggers: [{id: x, event: {}}]", "bad-value"),
        ("steps: [{approve: {question: q, choices: []}}]", "bad-value"),
        ("steps: [{approve: {question: q, approvers: [ana]}}]", "bad-value"),
        ("steps: [{approve: {question: q, timeout: {after: 1d, choose: x}}}]", "bad-choice"),
        ("steps: [{approve: {question: q, form: {type: nope}}}]", "bad-schema"),
        ("params: {a: {$ref: 'https://x.example/s.json'}}\nsteps: [{python: '1'}]", "bad-schema"),
        ("steps: [{run: t}]", "task-cycle"),
        (f"{LOG}\ngrants: {{tools: [log, {{name: log, arguments: {{message: {{type: x}}}}}}]}}", "bad-schema"),
        (f"{LOG}\ngrants: {{tools: [{{name: log, arguments: {{message: {{const: x}}}}}}]}}", "grant-missing"),
        ("steps: [{python: '1'}]\ntests: [{name: a}, {name: a}]", "duplicate-id"),
    ],
)  # fmt: skip
async def test_a_rule_that_is_broken_is_named(rest: str, code: str, around: Surroundings) -> None:
    assert [one for _, one in await codes_of(rest, around)] == [code]


async def test_what_an_expression_or_a_secret_gives_is_not_judged_as_a_literal(around: Surroundings) -> None:
    rest = """params: {n: {type: integer}}
grants: {tools: [mail.send, sql.query], secrets: [SMTP, SALES_DB]}
steps:
  - {tool: mail.send, with: {to: "{{ n }}", subject: "{{ n }}", text: x}}
  - {tool: sql.query, with: {connection: "secret:SALES_DB", sql: x, max_rows: "{{ n }}"}}
"""
    assert await problems_of(rest, around) == []


async def test_a_default_secret_of_a_tool_needs_its_grant(around: Surroundings) -> None:
    rest = "grants: {tools: [mail.send]}\nsteps: [{tool: mail.send, with: {to: [a], subject: s, text: t}}]"
    assert [one.hint for one in await problems_of(rest, around)] == ["add `SMTP` to grants.secrets"]


async def test_grants_by_glob_and_by_the_tools_of_agents_count_as_used(around: Surroundings) -> None:
    rest = "agent: analyst\ngrants: {tools: ['crm/*']}\nsteps: [{prompt: x}]"
    assert await problems_of(rest, around) == []
    unused = await problems_of(rest.replace("analyst", "writer"), around)
    assert [(one.code, one.severity) for one in unused] == [("grant-unused", "warning")]


async def test_warnings_do_not_refuse_a_definition(around: Surroundings) -> None:
    checked = await check_file(f"{HEAD}grants: {{tools: [log, 'none/*']}}\nsteps: [{{python: '1'}}]", around)
    assert {one.severity for one in checked.problems} == {"warning"}
    assert checked.definition is not None


async def test_what_is_not_known_around_is_not_checked(around: Surroundings) -> None:
    alone = Surroundings(tools=around.tools)
    rest = 'agent: who\nsteps: [{prompt: x, model: what}, {run: elsewhere}, {notify: {to: "secret:X", body: b}}]'
    grants = "\ngrants: {secrets: [X]}"
    assert await problems_of(rest + grants, alone) == []
    served = (
        "grants: {tools: [crm/find, 'shop/*']}\nsteps: [{tool: crm/find, with: {x: 1}}, {prompt: x, tools: ['shop/*']}]"
    )
    assert await problems_of(served, replace(alone, tool_servers=False)) == []
    assert len(await problems_of(served, alone)) >= 2
    assert len(await problems_of(rest + grants, replace(alone, agents={}, models=frozenset(), tasks={}))) == 3


async def test_an_embedded_model_always_exists(around: Surroundings) -> None:
    assert await problems_of("steps: [{prompt: x, model: embedded}]", around) == []


async def test_other_mistakes_of_a_broken_file_are_found_too_but_not_their_echoes(around: Surroundings) -> None:
    found = await codes_of(
        "steps:\n  - {id: a, tool: log, wiht: {}}\n  - {id: b, tol: log}\n  - {python: a + b + c}", around
    )
    assert found == [
        (4, "missing-argument"), (4, "grant-missing"), (4, "unknown-key"), (5, "unknown-key"), (6, "unknown-name"),
    ]  # fmt: skip


async def test_a_schedule_that_is_over_is_told_from_one_to_come(around: Surroundings) -> None:
    rest = 'steps: [{python: "1"}]\ntriggers: [{id: once, schedule: {at: "2026-03-01T09:00"}}]'
    before, after = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    assert await problems_of(rest, around, now=before) == []
    assert [one.code for one in await problems_of(rest, around, now=after)] == ["never-fires"]
    assert await problems_of(rest, around) == []


async def test_agents_and_models_are_checked_against_their_surroundings(around: Surroundings) -> None:
    agent = await check_file("agent: a\nmodel: fsat\ntools: [log, nope, 'crm/*']", around)
    assert [(one.line, one.code) for one in agent.problems] == [(2, "unknown-model"), (3, "unknown-tool")]
    model = await check_file("model: m\nprovider: openai\nname: x\napi_key: secret:NOPE\nfallback: [fast, x]", around)
    assert [(one.line, one.code) for one in model.problems] == [(4, "unknown-secret"), (5, "unknown-model")]
