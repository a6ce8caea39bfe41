"""What templates are: found in text, compiled, filled; and what is said about those that cannot be."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errands.core.expressions.templates import (
    TemplateInvalid,
    compile_expression,
    compile_program,
    compile_template,
    spans,
    try_lookup,
)
from errands.core.values import Json, to_text

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_a_value_without_braces_is_filled_with_itself(value: Json) -> None:
    template = compile_template(value)
    if "{{" not in to_text(value):
        assert template.literal
        assert template.fill([]) == value


@given(values)
def test_a_string_that_is_one_expression_keeps_the_type(value: Json) -> None:
    assert compile_template({"a": ["{{ x }}"]}).fill([value]) == {"a": [value]}


@given(values, st.text(alphabet="ab \n}", max_size=5))
def test_in_longer_text_a_value_stands_as_text_or_json(value: Json, around: str) -> None:
    filled = compile_template(around + "-{{ x }}-" + around).fill([value])
    shown = value if isinstance(value, str) else to_text(value)
    assert filled == around + "-" + shown + "-" + around


@given(values)
def test_a_literal_of_any_value_is_found_whole_between_the_braces(value: Json) -> None:
    source = repr(value)
    text = "a {{" + source + "}} b {{ x }}"
    assert [span.source for span in spans(text)] == [source, "x"]


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("{{ {'a': {'b': 1}}}}", ["{'a': {'b': 1}}"]),
        ("{{ '}}' }}", ["'}}'"]),
        ("{{ '{{' }}x}}", ["'{{'"]),
        ("{{ a\n  + b }}", ["a\n  + b"]),
        ("{{a}}{{b}}", ["a", "b"]),
        ("plain }} text", []),
    ],
)
def test_expressions_are_split_where_they_parse(text: str, sources: list[str]) -> None:
    found = spans(text)
    assert [span.source for span in found] == sources
    for span in found:
        assert text[span.start : span.start + 2] == "{{"
        assert text[span.end - 2 : span.end] == "}}"
        assert text[span.source_start :].startswith(span.source)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("[x for x in rows if x > limit]", {"rows", "limit"}),
        ("lambda a: a + b", {"b"}),
        ("len(rows) > max(1, low)", {"rows", "low"}),
        ("{k: v for k, v in a.items()}", {"a"}),
        ("[y := f(x) for x in xs] + [y]", {"f", "xs"}),
        ("(now - timedelta(days=7)).date()", {"now"}),
        ("clock.now > now", {"clock", "now"}),
        ("f'{a!r} {b:>{width}}'", {"a", "b", "width"}),
    ],
)
def test_free_names_of_an_expression(source: str, names: set[str]) -> None:
    assert compile_expression(source).names == names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("total = 0\nfor r in orders['rows']:\n    total += r\ntotal", {"orders"}),
        ("rows = rows[1:]\nrows", {"rows"}),
        ("n += 1\nn", {"n"}),
        ("def f(a):\n    return a + g\nf(h)", {"g", "h"}),
        ("import statistics as s\ns.x", set()),
        ("def f():\n    global q\n    q = 1\nf()\nq", set()),
        ("if a:\n    b = 1\nb", {"a"}),
    ],
)
def test_free_names_of_a_program_are_those_it_does_not_assign_first(source: str, names: set[str]) -> None:
    assert compile_program(source).names == names


def test_a_built_in_name_is_free_so_that_a_param_may_shadow_it() -> None:
    template = compile_expression("filter['x'] + date")
    assert template.names == frozenset()
    assert template.free == {"filter", "date"}


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("abc {{ x", 1, 5, "never closed"),
        ("{{ }}", 1, 1, "no expression"),
        ("a\nb {{ x + }} {{ y }}", 2, 9, "ends too early"),
        ("{{ a) + (b }}", 1, 5, "unmatched ')'"),
        ("{{ a)\n + (b }}", 1, 5, "unmatched ')'"),
        ("{{ 'a }}", 1, 4, "unterminated"),
        ("é {{ 1 for }}", 1, 8, "not valid Python"),
        ("{{ " + "(" * 5000 + " }}", 1, 204, "too many nested"),
        ("{{ " + "1+" * 100_000 + "1 }}", 1, 4, "nested too deeply"),
        ("{{ " + "1+" * 200_000 + "1 }}", 1, 4, "the limit is"),
        ("{{ x\0 }}", 1, 4, "null bytes"),
    ],
)
def test_an_invalid_template_is_refused_with_its_place(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(TemplateInvalid) as caught:
        compile_template({"with": ["fine", text]})
    assert message in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)
    assert caught.value.path == ("with", 1)


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("x = 1", 1, "no output"),
        ("", 1, "empty"),
        ("a = 1\nreturn a", 2, "outside function"),
        ("if x\n  1", 1, "expected ':'"),
    ],
)
def test_an_invalid_program_is_refused_with_its_place(source: str, line: int, message: str) -> None:
    with pytest.raises(TemplateInvalid) as caught:
        compile_program(source)
    assert message in caught.value.message
    assert caught.value.line == line
    assert caught.value.hint or "expected" in message


@given(st.text(max_size=60))
def test_any_text_compiles_or_is_refused(text: str) -> None:
    for compile_it in (compile_template, compile_expression, compile_program):
        try:
            compile_it(text)
        except TemplateInvalid as error:
            assert 0 <= error.offset <= len(text)
            assert error.line >= 1
            assert error.column >= 1


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("totals", [[1, 2]]),
        ("orders['rows'][-1]", [{"n": 2}]),
        ("orders['rows'][0]['n']", [1]),
        ("'x'", ["x"]),
        ("None", [None]),
        ("orders['rowz']", None),
        ("totals[2]", None),
        ("totals['a']", None),
        ("name[0]", None),
        ("orders[0]", None),
        ("unknown", None),
        ("totals[True]", None),
        ("totals[:1]", None),
        ("totals + totals", None),
        ("now", None),
        ("clock", None),
    ],
)
def test_only_plain_lookups_that_succeed_skip_the_sandbox(source: str, expected: list[Json] | None) -> None:
    scope: dict[str, Json] = {"totals": [1, 2], "orders": {"rows": [{"n": 1}, {"n": 2}]}, "name": "ana", "now": 1}
    assert try_lookup(compile_expression(source), scope) == expected


def test_filling_needs_one_value_for_each_expression() -> None:
    with pytest.raises(ValueError, match="1 values for 2 expressions"):
        compile_template("{{ a }}{{ b }}").fill([1])


def test_places_lead_to_the_expressions_of_a_nested_value() -> None:
    value: Json = {"a": {"b": ["x", "{{ one }} and {{ two }}"]}, "c": "{{ three }}"}
    template = compile_template(value)
    assert [(place.path, place.span.source) for place in template.places] == [
        (("a", "b", 1), "one"),
        (("a", "b", 1), "two"),
        (("c",), "three"),
    ]
    assert json.loads(to_text(template.fill([1, "2", [3]]))) == {"a": {"b": ["x", "1 and 2"]}, "c": [3]}
