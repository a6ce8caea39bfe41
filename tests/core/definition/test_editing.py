"""Edits of a file's text: what was not touched stays as its author wrote it."""

import difflib
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from errands.core.definition.document import read_document
from errands.core.definition.editing import Change, EditInvalid, Insert, Move, Remove, SetValue, rewrite
from errands.core.definition.emitting import emit_lines
from errands.core.definition.nodes import plain
from errands.core.definition.parsing import parse_task
from errands.core.problems import DefinitionInvalid
from errands.core.values import Json

EXAMPLE = Path(__file__).with_name("example.yaml").read_text(encoding="utf-8")


def changed_lines(source: str, *changes: Change) -> list[str]:
    """The lines that the changes take out (`-`) and put in (`+`)."""
    after = rewrite(source, changes)
    listed = difflib.ndiff(source.splitlines(), after.splitlines())
    return [line for line in listed if line[0] in "+-"]


def value_of(source: str) -> Json:
    document = read_document(source)
    assert document.problems == []
    assert document.root is not None
    return plain(document.root)


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (SetValue(("title",), "New: title"), ["- title: Regional sales report", '+ title: "New: title"']),
        (SetValue(("steps", 0, "timeout"), "5m"), ["-     timeout: 2m", "+     timeout: 5m"]),
        (SetValue(("steps", 0, "when"), "not x"), ["+     when: not x"]),
        (SetValue(("output",), "{{ totals }}"), ['+ output: "{{ totals }}"']),
        (SetValue(("state_note", "deep"), 1), ["+ state_note:", "+   deep: 1"]),
        (Remove(("steps", 0, "retry", "max")), None),
        (Insert(("finally",), 0, {"python": "1"}), ["- finally: []", "+ finally:", "+   - python: \"1\""]),
    ],
)  # fmt: skip
def test_only_the_lines_of_a_change_change(change: Change, lines: list[str] | None) -> None:
    found = changed_lines(EXAMPLE, change)
    if lines is None:
        assert len(found) == 2
    else:
        assert found == lines


def test_comments_beside_and_above_a_changed_value_stay() -> None:
    source = "# head\na:   1   # one\n# about b\nb: [x, y]  # list\nc: |  # text\n  old\nd:  # below\n  e: 1\n# end\n"
    changes = [SetValue(("a",), {"k": [1]}), SetValue(("b",), 2), SetValue(("c",), "new\nlines\n"), SetValue(("d",), 5)]
    after = rewrite(source, changes)
    assert after.splitlines() == [
        "# head", "a:   # one", "  k:", "    - 1", "# about b", "b: 2  # list", "c: |  # text", "  new", "  lines",
        "d: 5  # below", "# end",
    ]  # fmt: skip


STEPS = """steps:
  # fetch
  - id: a   # first
    tool: x

  # sum up
  - id: b
    python: |
      1  # not a comment of YAML
  - {id: c, prompt: z}   # last
# the end
"""


def test_a_moved_step_takes_its_own_comments_along() -> None:
    assert rewrite(STEPS, [Move(("steps", 1), 0)]) == (
        "steps:\n  # sum up\n  - id: b\n    python: |\n      1  # not a comment of YAML\n\n"
        "  # fetch\n  - id: a   # first\n    tool: x\n  - {id: c, prompt: z}   # last\n# the end\n"
    )


def test_a_removed_step_leaves_its_neighbours_as_they_were() -> None:
    after = rewrite(STEPS, [Remove(("steps", 1))])
    assert (
        after == "steps:\n  # fetch\n  - id: a   # first\n    tool: x\n\n  - {id: c, prompt: z}   # last\n# the end\n"
    )


def test_a_new_step_is_written_in_the_layout_of_the_list() -> None:
    after = rewrite(STEPS, [Insert(("steps",), 1, {"id": "n", "with": {"text": "a\nb\n", "on": True}})])
    assert "  - id: n\n    with:\n      text: |\n        a\n        b\n      on: true\n" in after
    parsed = parse_task("task: t\ndescription: d\n" + after)
    assert parsed.draft is not None
    assert [step.id for step in parsed.draft.steps] == ["a", None, "b", "c"]


def test_a_text_that_older_readers_take_for_a_truth_value_is_quoted() -> None:
    assert rewrite("a: 1\n", [SetValue(("a",), "yes"), SetValue(("b",), "2026-12-24")]) == 'a: "yes"\nb: 2026-12-24\n'


def test_the_first_key_of_a_step_can_go() -> None:
    assert rewrite("s:\n  - id: a\n    tool: x\n", [Remove(("s", 0, "id"))]) == "s:\n  - tool: x\n"


def test_lists_in_brackets_stay_in_brackets() -> None:
    source = 'g: {tools: [a, "b", c], hosts: []}  # grants\n'
    after = rewrite(source, [Move(("g", "tools", 0), 2), Insert(("g", "tools"), 1, "n"), Remove(("g", "tools", 0))])
    assert after == "g: {tools: [n, c, a], hosts: []}  # grants\n"


def test_the_last_entry_of_a_mapping_leaves_an_empty_one() -> None:
    assert rewrite("a:\n  b: 1\nc: 2\n", [Remove(("a", "b"))]) == "a: {}\nc: 2\n"


def test_a_text_with_anchors_is_written_anew_where_it_must_be() -> None:
    source = "# top\na: &x {k: 1}\nb: *x\nc: 3  # keep\n"
    after = rewrite(source, [SetValue(("b", "k"), 2)])
    assert value_of(after) == {"a": {"k": 1}, "b": {"k": 2}, "c": 3}
    assert "# top" in after
    assert "c: 3  # keep" in after


@pytest.mark.parametrize("change", [Remove(("nope",)), Remove(("a", 3)), Move(("a", 9), 0), SetValue(("b", "x"), 1)])
def test_a_path_that_leads_nowhere_is_an_error(change: Change) -> None:
    with pytest.raises(EditInvalid):
        rewrite("a: [1]\nb: text\n", [change])


def test_a_broken_text_cannot_be_edited() -> None:
    with pytest.raises(DefinitionInvalid):
        rewrite("a: [1", [SetValue(("a",), 1)])


texts = st.one_of(
    st.text(max_size=12), st.sampled_from(["a\nb", "a\n", "\n", " x", "yes", "1", "{{ a }}", "- b", "# c"])
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-(10**6), 10**6), texts)
keys = st.one_of(st.sampled_from(["a", "b", "c d", "true", "1", "x: y", "-", ""]), st.text(min_size=1, max_size=5))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(keys, values, min_size=1, max_size=4))
@example({"<<": []})
@example({"a": {"<<": None}})
@settings(max_examples=150, deadline=None)
def test_whatever_is_written_reads_as_it_was(value: dict[str, Json]) -> None:
    assert value_of("\n".join(emit_lines(value, 0)) + "\n") == value


@given(
    value=values, place=st.sampled_from([("title",), ("steps", 0, "with"), ("steps", 2, "then"), ("params", "limit")])
)
@settings(max_examples=60, deadline=None)
def test_any_value_can_be_set_anywhere_and_nothing_else_changes(value: Json, place: tuple[str | int, ...]) -> None:
    after = value_of(rewrite(EXAMPLE, [SetValue(place, value)]))
    expected = value_of(EXAMPLE)
    node = expected
    for part in place[:-1]:
        node = node[part]  # type: ignore[index]
    node[place[-1]] = value  # type: ignore[index]
    assert after == expected
