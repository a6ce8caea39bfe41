"""`data.*`: what comes in is what was written, and hostile text is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errands.core.outcomes import ErrorKind
from errands.core.values import Json
from errands.tools.data_formats import format_text, parse
from errands.tools.limits import ToolLimits
from tests.tools.bench import Bench, MakeBench

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


async def test_csv_cells_stay_text_unless_types_are_asked_for(bench: Bench) -> None:
    text = "id,zip,price,ok,note\n1,00123,2.50,true,\n2,99,1e3,no,x\n"
    plain = await bench.call("data.parse", format="csv", text=text)
    assert plain["value"] == [
        {"id": "1", "zip": "00123", "price": "2.50", "ok": "true", "note": ""},
        {"id": "2", "zip": "99", "price": "1e3", "ok": "no", "note": "x"},
    ]
    typed = await bench.call("data.parse", format="csv", text=text, types=True)
    assert typed["value"] == [
        {"id": 1, "zip": "00123", "price": 2.5, "ok": True, "note": None},
        {"id": 2, "zip": 99, "price": 1000.0, "ok": "no", "note": "x"},
    ]


async def test_csv_with_quotes_other_delimiters_and_no_header(bench: Bench) -> None:
    text = '\ufeffa;"b;""c""\nline"\n\nshort\n'
    found = await bench.call("data.parse", format="csv", text=text, delimiter=";", header=False)
    assert found["value"] == [["a", 'b;"c"\nline'], ["short"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2,3\n", "line 2 has 3 fields, the header has 2"),
        ("a,a\n1,2\n", "the CSV header names 'a' twice"),
        ('a\n"open\n', "not CSV: unexpected end of data"),
    ],
)
async def test_csv_that_does_not_fit_says_where(bench: Bench, text: str, message: str) -> None:
    error = await bench.refused("data.parse", format="csv", text=text)
    assert error.kind is ErrorKind.INPUT
    assert message in error.message


@pytest.mark.parametrize(
    ("format_", "text", "message"),
    [
        ("json", '{"a": }', "line 1, column 7"),
        ("json", "NaN", "NaN is no JSON value"),
        ("jsonl", '{"a": 1}\n{', "line 2"),
        ("yaml", "a: [1", "not YAML"),
        ("yaml", "a: .inf", "no JSON value"),
        ("yaml", "!!python/object/apply:os.system ['true']", "not YAML"),
    ],
)
async def test_what_cannot_be_read_says_where(bench: Bench, format_: str, text: str, message: str) -> None:
    error = await bench.refused("data.parse", format_=format_, text=text)
    assert error.kind is ErrorKind.INPUT
    assert message in error.message


@pytest.mark.parametrize(
    ("format_", "text"),
    [
        ("json", "[" * 100_000),
        ("json", "[" * 300 + "]" * 300),
        ("yaml", "[" * 500 + "]" * 500),
        (
            "yaml",
            "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(8)),
        ),
        ("yaml", "a: &a [*a]"),
    ],
)
async def test_bombs_are_refused(bench: Bench, format_: str, text: str) -> None:
    assert (await bench.refused("data.parse", format_=format_, text=text)).kind in (ErrorKind.LIMIT, ErrorKind.INPUT)


async def test_yaml_dates_and_keys_become_json(bench: Bench) -> None:
    found = await bench.call("data.parse", format="yaml", text="1: 2026-01-31\nat: 2026-01-31T10:00:00Z\nyes: no\n")
    assert found["value"] == {"1": "2026-01-31", "at": "2026-01-31T10:00:00+00:00", "yes": "no"}


@given(VALUES)
def test_json_and_yaml_come_back_as_they_went(value: Json) -> None:
    for kind in ("json", "yaml"):
        text = format_text({"value": value, "format": kind, "indent": 2})["text"]
        assert parse({"text": text, "format": kind, "yaml_bytes": 10**6})["value"] == value


CELLS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(st.lists(st.fixed_dictionaries({"a": CELLS, "b": CELLS}), min_size=1, max_size=5))
def test_csv_rows_come_back_as_they_went(rows: list[dict[str, str]]) -> None:
    options: dict[str, object] = {"format": "csv", "delimiter": ",", "header": True, "types": False}
    text = format_text({"value": rows, **options})["text"]
    assert parse({"text": text, **options})["value"] == rows


async def test_values_are_written_to_files_and_read_from_them(bench: Bench) -> None:
    rows: Json = [{"id": 1, "tags": ["a"]}, {"id": 2, "more": True}]
    made = await bench.call("data.format", format="csv", value=rows, path="out/rows.csv")
    assert made == {"text": None, "path": "out/rows.csv", "bytes": 34}
    assert (bench.step.workspace() / "out/rows.csv").read_text() == 'id,tags,more\n1,"[""a""]",\n2,,true\n'
    found = await bench.call("data.parse", format="csv", path="out/rows.csv")
    assert found["value"] == [{"id": "1", "tags": '["a"]', "more": ""}, {"id": "2", "tags": "", "more": "true"}]
    assert (await bench.refused("data.parse", format="csv", path="../x")).kind is ErrorKind.DENIED


async def test_large_texts_are_read_in_a_child_process(bench: Bench) -> None:
    rows: Json = [{"n": n, "text": "x" * 20} for n in range(20_000)]
    made = await bench.call("data.format", format="jsonl", value=rows, path="rows.jsonl")
    assert int(str(made["bytes"])) > 600_000
    assert (await bench.call("data.parse", format="jsonl", path="rows.jsonl"))["value"] == rows
    assert any("child process" in line for line in bench.step.lines)


async def test_texts_over_the_limit_are_refused(make_bench: MakeBench) -> None:
    bench = make_bench(ToolLimits(data_bytes=100, yaml_bytes=10))
    assert (await bench.refused("data.parse", format="json", text=" " * 101)).kind is ErrorKind.LIMIT
    assert (await bench.refused("data.parse", format="yaml", text="a: 12345678")).kind is ErrorKind.LIMIT
    assert (await bench.refused("data.format", format="json", value="x" * 100)).kind is ErrorKind.LIMIT
