"""Arguments of a run: their schema, how they are bound, and what is said of wrong ones."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errands.core.definition.task import ExpressionSource, LastRunSource, Param, ToolSource
from errands.core.json_schema import SchemaInvalid, compile_schema
from errands.core.params import (
    ArgumentsInvalid,
    arguments_schema,
    bind,
    coerce_text,
    is_literal,
    template_defaults,
)
from errands.core.values import Json


def param(name: str, schema: dict[str, object], **more: object) -> Param:
    if "default" in more:
        more["has_default"] = True
    return Param.model_validate({"name": name, "schema": schema, **more})


REGION = param("region", {"type": "string", "enum": ["emea", "amer"], "description": "Sales region"})
LIMIT = param("limit", {"type": "integer", "minimum": 1, "maximum": 100}, default=10)
SINCE = param("since", {"type": "string", "format": "date"}, default="{{ now.date().isoformat() }}")
FILTER = param(
    "filter", {"type": "object", "properties": {"days": {"type": "array", "items": {"type": "integer"}}}}, default={}
)
PARAMS = (REGION, LIMIT, SINCE, FILTER)


def problems(given_arguments: dict[str, Json]) -> dict[str, tuple[str, str | None]]:
    with pytest.raises(ArgumentsInvalid) as caught:
        bind(PARAMS, given_arguments, {"since": "2026-01-01"})
    return {one.path: (one.message, one.hint) for one in caught.value.problems}


def test_the_schema_of_the_arguments_draws_the_form() -> None:
    schema = arguments_schema(PARAMS)
    assert schema["required"] == ["region"]
    assert schema["properties"] == {
        "region": REGION.schema_,
        "limit": {**LIMIT.schema_, "default": 10},
        "since": SINCE.schema_,
        "filter": {**FILTER.schema_, "default": {}},
    }
    assert compile_schema(schema).fits({"region": "emea"})
    assert not compile_schema(schema).fits({"region": "emea", "more": 1})


def test_what_was_not_given_comes_from_computed_and_literal_defaults() -> None:
    bound = bind(PARAMS, {"region": "emea"}, {"since": "2026-01-01"})
    assert list(bound.items()) == [("region", "emea"), ("limit", 10), ("since", "2026-01-01"), ("filter", {})]
    assert bind(PARAMS, {"region": "amer", "since": "2025-01-01"}, {"since": "x"})["since"] == "2025-01-01"


def test_all_problems_of_the_arguments_are_found_at_once() -> None:
    found = problems({"limt": 1, "limit": 500, "since": "soon", "filter": {"days": [1, "2"]}})
    assert found == {
        "limt": ("the task has no param `limt`", 'did you mean "limit"?'),
        "region": ("`region` is missing", "Sales region: emea or amer"),
        "limit": ("`limit` must be at most 100, not 500", None),
        "since": ('`since` must be a date such as 2026-12-24, not "soon"', None),
        "filter.days[1]": ('`days[1]` must be a whole number, not "2"', "write it without quotes"),
    }


def test_a_wrong_value_is_cut_to_a_sane_length() -> None:
    message, _ = problems({"region": "x" * 10_000})["region"]
    assert len(message) < 120
    assert message.startswith('`region` must be emea or amer, not "xxx')


def test_a_near_choice_is_suggested() -> None:
    assert problems({"region": "emae"})["region"][1] == 'did you mean "emea"?'


def test_a_computed_default_that_does_not_fit_says_whose_fault_it_is() -> None:
    with pytest.raises(ArgumentsInvalid) as caught:
        bind(PARAMS, {"region": "emea"}, {"since": 5})
    assert "default" in str(caught.value.problems[0].hint)


def test_a_default_that_nobody_computed_counts_as_missing() -> None:
    with pytest.raises(ArgumentsInvalid) as caught:
        bind(PARAMS, {"region": "emea"})
    assert [one.path for one in caught.value.problems] == ["since"]


def test_computed_defaults_are_listed_after_those_that_they_use() -> None:
    first = param("a", {}, default="{{ b + c }}")
    second = param("b", {}, source=ExpressionSource(expression="c"))
    third = param("c", {}, source=LastRunSource(expression="output['x']"))
    fourth = param("d", {}, source=ToolSource(tool="t", with_={"x": "{{ a }}"}))
    assert [one.name for one in template_defaults((first, fourth, second, LIMIT, third))] == ["c", "b", "a", "d"]


def test_defaults_that_use_each_other_do_not_hang() -> None:
    circle = (param("a", {}, default="{{ b }}"), param("b", {}, default="{{ a }}"))
    assert [one.name for one in template_defaults(circle)] == ["a", "b"]


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "integer"}, "5", 5),
        ({"type": "integer"}, "five", "five"),
        ({"type": "number"}, "1.5", 1.5),
        ({"type": "string"}, "5", "5"),
        ({"type": "string"}, "", ""),
        ({"type": "boolean"}, "yes", True),
        ({"type": "boolean"}, "off", False),
        ({"type": "array", "items": {"type": "string"}}, "a, b", ["a", "b"]),
        ({"type": "array", "items": {"type": "string"}}, "1,2", ["1", "2"]),
        ({"type": "array", "items": {"type": "integer"}}, "1,2", [1, 2]),
        ({"type": "array"}, "[1, {}]", [1, {}]),
        ({"type": "object"}, '{"a": 1}', {"a": 1}),
        ({"type": ["string", "null"]}, "null", "null"),
        ({"type": ["integer", "null"]}, "null", None),
        ({"enum": [1, 2]}, "2", 2),
        ({"enum": ["1", "2"]}, "2", "2"),
        ({}, "5", 5),
        ({}, "five", "five"),
    ],
)
def test_a_text_of_the_command_line_becomes_what_the_schema_wants(
    schema: dict[str, object], text: str, value: Json
) -> None:
    assert coerce_text((param("p", schema),), "p", text) == value


def test_a_text_for_a_param_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ArgumentsInvalid, match="no param `limt`"):
        coerce_text(PARAMS, "limt", "5")


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "strin"}, '"string"'),
        ({"type": 5}, "`type`"),
        ({"pattern": "("}, "regular expression"),
        ({"minimum": "a"}, "a number"),
        ({"$ref": "https://evil.example/schema"}, "outside"),
        ({"items": {"$ref": "file:///etc/passwd"}}, "outside"),
        ({"$ref": "#/$defs/nope"}, "leads nowhere"),
        ({"$schema": "https://evil.example/dialect"}, "dialect"),
        (5, "a mapping"),
    ],
)
def test_a_schema_that_is_none_or_refers_outside_is_refused(schema: Json, words: str) -> None:
    with pytest.raises(SchemaInvalid) as caught:
        compile_schema(schema)
    assert words in f"{caught.value.message} {caught.value.hint}"


def test_a_choice_between_shapes_is_explained_by_the_nearest_one() -> None:
    fit = compile_schema(
        {
            "oneOf": [
                {"type": "string"},
                {"type": "object", "properties": {"kind": {"const": "a"}}, "required": ["kind"]},
            ]
        }
    )
    assert fit.misfits(5)[0].message == "the value must be text or a mapping, not 5"
    assert fit.misfits({"kind": "b"})[0].message == '`kind` must be "a", not "b"'


def test_a_number_with_a_value_of_the_wrong_kind_is_told_how_to_write_it() -> None:
    assert compile_schema({"type": "string"}).misfits(5)[0].hint == "put it in quotes"
    assert compile_schema({"type": "array"}).misfits("a")[0].hint == "write [a]"


def test_a_template_is_no_literal() -> None:
    assert is_literal({"a": ["x", 1]})
    assert not is_literal({"a": ["{{ x }}"]})
    assert not is_literal("{{ broken")


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.one_of(st.sampled_from(["region", "limit", "since"]), st.text(max_size=5)), json_values, max_size=4
    )
)
@settings(max_examples=150, deadline=None)
def test_any_arguments_are_either_bound_or_refused_with_problems(arguments: dict[str, Json]) -> None:
    try:
        bound = bind(PARAMS, arguments, {"since": "2026-01-01"})
    except ArgumentsInvalid as invalid:
        assert invalid.problems
        assert all(one.message for one in invalid.problems)
    else:
        assert compile_schema(arguments_schema(PARAMS)).fits(bound)
