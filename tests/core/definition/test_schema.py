"""The published JSON Schema of the file format."""

from pathlib import Path

import jsonschema_rs
import pytest

from errands.core.definition.document import read_document
from errands.core.definition.nodes import plain
from errands.core.definition.parsing import parse_document
from errands.core.definition.reading_steps import STEP_CLASSES
from errands.core.definition.schema import format_schema
from errands.core.values import Json

HERE = Path(__file__).parent
STEP = "task: t\ndescription: d\nsteps:\n  - "


@pytest.fixture(scope="module")
def validator() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(dict(format_schema()))


def value_of(source: str) -> Json:
    root = read_document(source).root
    assert root is not None
    return plain(root)


def test_the_schema_is_a_json_schema() -> None:
    assert jsonschema_rs.meta.is_valid(dict(format_schema()))


def test_the_example_of_the_format_fits(validator: jsonschema_rs.Validator) -> None:
    source = (HERE / "example.yaml").read_text(encoding="utf-8")
    assert [str(error) for error in validator.iter_errors(value_of(source))] == []


GOOD = [
    "agent: a\nmodel: fast\nbudget: {usd: 0.5}",
    "model: m\nprovider: openai\nname: x\ntimeout: 30s\nprice: {input: 1.5}",
    STEP + "{run: other, wait: false}",
    STEP + "{wait: 2h}",
    STEP + '{wait: {until: "2026-12-24T09:00"}}',
    STEP + "{wait_for: {event: paid, key: a, timeout: 1d}, timeout: 2d}",
    STEP + "{repeat: [{python: 1}], until: true, max: 3, delay: 1h30m}",
    STEP + "{parallel: {a: [{finish: }]}, on_error: [{python: 1}]}",
    STEP + "{notify: {to: [a, b], title: t, body: b}, title: T, on_error: continue}",
    STEP + "{switch: x, cases: {a: []}}",
    STEP + "{prompt: x, tools: [], output: {type: object}, files: [a], budget: {tokens: 5}}",
]
BAD = [
    "task: t\nsteps: [{python: '1'}]",
    "task: T\ndescription: d\nsteps: [{python: '1'}]",
    "task: t\ndescription: d\nsteps: []",
    "agent: a\nfoo: 1",
    "model: m",
    STEP + "{tool: a, python: b}",
    STEP + "{tool: a, wiht: {}}",
    STEP + "{repeat: [], until: x}",
    STEP + "{if: x}",
    STEP + "{wait: {untill: x}}",
    STEP + "{tool: a, timeout: 5}",
    STEP + "{tool: a, retry: {attempts: 0}}",
    STEP + "{approve: {choices: [a]}}",
    STEP + "{notify: {to: a}}",
    STEP + "{tool: a, on_error: ignore}",
    STEP + "{python: '1'}\ntriggers: [{id: a}]",
    STEP + "{python: '1'}\nlimits: {overlap: maybe}",
    STEP + "{python: '1'}\nparams: {a: {default: 1, from: {expression: b}}}",
]


@pytest.mark.parametrize("source", GOOD)
def test_what_the_parser_accepts_fits_the_schema(source: str, validator: jsonschema_rs.Validator) -> None:
    assert parse_document(source).problems == []
    assert [str(error) for error in validator.iter_errors(value_of(source))] == []


@pytest.mark.parametrize("source", BAD)
def test_what_the_schema_refuses_the_parser_refuses_too(source: str, validator: jsonschema_rs.Validator) -> None:
    assert not validator.is_valid(value_of(source))
    assert parse_document(source).problems != []


def test_every_kind_of_step_has_a_described_definition_with_its_key_required() -> None:
    definitions = format_schema()["$defs"]
    assert isinstance(definitions, dict)
    for kind in STEP_CLASSES:
        step = definitions[f"step-{kind}"]
        assert isinstance(step, dict)
        assert kind in step["required"]
        assert step["description"]
        assert "key" not in step["properties"]


def test_docstrings_become_descriptions_without_words_of_the_models() -> None:
    text = str(format_schema())
    assert "How often the step is tried in all" in text
    assert "`None`" not in text
    assert "inside `approve`" not in text
