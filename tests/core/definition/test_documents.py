"""YAML as text: what is refused, where, and in which words."""

import pytest

from errands.core.definition.document import MAX_BYTES, read_document
from errands.core.definition.nodes import plain
from errands.core.definition.positions import Place


@pytest.mark.parametrize(
    ("source", "line", "column", "code", "words"),
    [
        ("a: 1\n\tb: 2", 2, 1, "syntax", "tab"),
        ("a:\n  - b\n\t- c", 3, 1, "syntax", "tab"),
        ("a: 'open\nb: 1", 1, 4, "syntax", "never closed"),
        ("a: [1, 2\nb: 3", 1, 4, "syntax", "never closed"),
        ("a: {b: 1", 1, 4, "syntax", "never closed"),
        ("a: b: c", 1, 5, "syntax", "`:` stands where no key can be"),
        ("a:\n  b: 1\n c: 2", 3, 2, "syntax", "line up"),
        ("a: @home", 1, 4, "syntax", "begin with `@`"),
        ('a: "\\q"', 1, 6, "syntax", "escape"),
        ("a: 1\nb: 2\na: 3", 3, 1, "duplicate-key", "second time"),
        ("a: {{ x }}", 1, 4, "unquoted-template", "quotes"),
        ("a: 1\n---\nb: 2", 2, 1, "many-documents", "second document"),
        ("a: *nobody", 1, 4, "alias", "nobody"),
        ("a: &self [*self]", 1, 11, "alias", "contains itself"),
        ("a: !!python/object:os.system x", 1, 4, "tag", "tag"),
        ("a: .inf", 1, 4, "bad-value", "number"),
        ("a: x\0y", 1, 5, "syntax", "NUL"),
        ("a: \ud800", 1, 4, "syntax", "UTF-8"),
        ("a: \x07", 1, 4, "syntax", "U+0007"),
        ("", 1, 1, "empty", "empty"),
        ("# only a remark\n", 1, 1, "empty", "empty"),
        ('a: "\\ud83d"', 1, 4, "bad-value", "half a character"),
        ("- a", 1, 1, "wrong-type", "mapping"),
        ("[" * 500, 1, 65, "too-deep", "deeper"),
        ("%YAML 1.1\n---\na: 1", 1, 1, "syntax", "1.2"),
    ],
)
def test_a_broken_text_gives_one_clear_problem(source: str, line: int, column: int, code: str, words: str) -> None:
    problems = read_document(source).problems
    assert [(one.line, one.column, one.code) for one in problems] == [(line, column, code)]
    assert words in problems[0].message + str(problems[0].hint)


def test_bytes_that_are_not_utf_8_are_found_where_they_stand() -> None:
    problems = read_document(b"a: 1\nb: caf\xe9".decode(errors="surrogateescape")).problems
    assert [(one.line, one.column, one.message) for one in problems] == [
        (2, 7, "the file holds bytes that are not UTF-8 text")
    ]


def test_every_duplicate_key_of_a_file_is_reported() -> None:
    problems = read_document("a: 1\na: 2\nb: {c: 1, c: 2}").problems
    assert [(one.line, one.column) for one in problems] == [(2, 1), (3, 11)]


def test_aliases_that_would_explode_are_refused_before_they_do() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]
    problems = read_document("l0: &l0 [x]\n" + "\n".join(levels)).problems
    assert [one.code for one in problems] == ["too-large"]


def test_a_file_over_one_mebibyte_is_refused_unread() -> None:
    problems = read_document("a: " + "x" * MAX_BYTES).problems
    assert [one.code for one in problems] == ["too-large"]
    assert "1,048,576" in problems[0].message


def test_aliases_and_merge_keys_mean_what_they_mean_in_yaml() -> None:
    root = read_document("base: &base {x: 1, y: 1}\nmore: {<<: *base, y: 2}\nlist: [*base]").root
    assert root is not None
    assert plain(root) == {"base": {"x": 1, "y": 1}, "more": {"y": 2, "x": 1}, "list": [{"x": 1, "y": 1}]}


def test_a_character_in_two_escapes_as_json_writes_it_is_read_whole() -> None:
    root = read_document('a: "\\ud83d\\ude00"').root
    assert root is not None
    assert plain(root) == {"a": "\U0001f600"}


def test_plain_values_are_read_as_yaml_1_2_reads_them() -> None:
    root = read_document(
        "on: yes\nn: 200_000\nhex: 0xff\nf: 1e3\nday: 2026-12-24\nat: 09:30\nnone: ~\n200: null\ntrue: 'true'"
    ).root
    assert root is not None
    assert plain(root) == {
        "on": "yes", "n": 200_000, "hex": 255, "f": 1000.0, "day": "2026-12-24", "at": "09:30", "none": None,
        "200": None, "true": "true",
    }  # fmt: skip


STYLES = """literal: |
  one
    two {{ x }}

  three
folded: >-
  folded text
  goes on {{ y }}

  and on
double: "a \\"quoted\\" {{ z }} \\
  end"
single: 'it''s {{ w }}
  cont {{ v }}'
plain: some {x} text
  more {{ u }}
flow: {inner: "x {{ q }}", "k": [ 'a''b{{ c }}' ]}
"""


@pytest.mark.parametrize(
    ("path", "needle", "place"),
    [
        (("literal",), "{{ x }}", Place(3, 9)),
        (("literal",), "three", Place(5, 3)),
        (("folded",), "{{ y }}", Place(8, 11)),
        (("folded",), "and on", Place(10, 3)),
        (("double",), "{{ z }}", Place(11, 23)),
        (("double",), "end", Place(12, 3)),
        (("single",), "{{ w }}", Place(13, 16)),
        (("single",), "{{ v }}", Place(14, 8)),
        (("plain",), "{{ u }}", Place(16, 8)),
        (("flow", "inner"), "{{ q }}", Place(17, 18)),
        (("flow", "k", 0), "{{ c }}", Place(17, 40)),
    ],
)
def test_an_offset_in_a_text_leads_to_its_place_whatever_the_quoting(
    path: tuple[str | int, ...], needle: str, place: Place
) -> None:
    document = read_document(STYLES)
    assert document.root is not None
    text = plain(document.root)
    for part in path:
        text = text[part]  # type: ignore[index]
    assert document.positions.inside(path, str(text).index(needle)) == place
