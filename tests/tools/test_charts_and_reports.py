"""`charts.draw` and `reports.write`: numbers and texts become files, and nothing that is put in is read as markup."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from errands.core.outcomes import ErrorKind
from errands.core.values import Json
from errands.tools.chart_svg import Chart, Line, draw
from tests.tools.bench import Bench

_SVG = "{http://www.w3.org/2000/svg}"


def _chart(*values: float | None, kind: str = "bar") -> ElementTree.Element:
    line = Line("a", values)
    labels = tuple(f"day {number}" for number in range(len(values)))
    return ElementTree.fromstring(draw(Chart(kind, None, labels, (line,), None, 720, 320)))  # type: ignore[arg-type]


def _bars(drawn: ElementTree.Element) -> list[ElementTree.Element]:
    return [one for one in drawn.iter(f"{_SVG}rect") if one.get("fill") == "#4f46e5"]


def test_bars_are_as_high_as_their_numbers_and_gaps_have_none() -> None:
    bars = _bars(_chart(10, None, 20, -5))
    heights = [float(bar.get("height", "0")) for bar in bars]
    assert len(heights) == 3
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.2)
    assert heights[2] == pytest.approx(heights[0] / 2, abs=0.2)
    assert float(bars[2].get("y", "0")) == pytest.approx(float(bars[0].get("y", "0")) + heights[0], abs=0.2)


def test_the_axis_has_round_numbers_that_hold_all_values() -> None:
    texts = [one.text for one in _chart(3, 97).iter(f"{_SVG}text")]
    assert texts[:6] == ["0", "20", "40", "60", "80", "100"]
    small = [one.text for one in _chart(0.001, 0.0042, kind="line").iter(f"{_SVG}text")]
    assert "0.004" in small
    assert next(one.text for one in _chart(0).iter(f"{_SVG}text")) == "0.0"


def test_a_line_is_broken_where_a_value_is_missing() -> None:
    drawn = _chart(1, 2, None, 3, kind="line")
    (way,) = [str(one.get("d")) for one in drawn.iter(f"{_SVG}path") if one.get("stroke") == "#4f46e5"]
    assert (way.count("M"), way.count("L")) == (2, 1)


async def test_a_chart_is_a_file_and_its_texts_are_escaped(bench: Bench, tmp_path: Path) -> None:
    series: Json = [{"name": "<b>", "values": [1]}, {"name": "b", "values": [2]}]
    made = await bench.call("charts.draw", path="out/a.svg", title="A & B", labels=["<script>"], series=series)
    text = (bench.step.workspace() / "out/a.svg").read_text()
    assert made == {"path": "out/a.svg", "bytes": len(text.encode())}
    assert {"A &amp; B", "&lt;b&gt;", "&lt;script&gt;"} <= {part.split("<")[0] for part in text.split(">")}
    refused = await bench.refused("charts.draw", path="a.svg", labels=["x", "y"], series=series)
    assert refused.kind is ErrorKind.INPUT
    assert "<b> has 1 values for 2 labels" in refused.message


async def test_a_report_holds_its_chart_and_its_text_reads_as_a_mail(bench: Bench) -> None:
    await bench.call("charts.draw", path="a.svg", labels=["x"], series=[{"name": "a", "values": [1]}])
    table: Json = {"columns": ["Product", "EUR"], "rows": [["Tea <i>", 1234.5], ["Coffee", None]]}
    parts: Json = [
        {"text": "First.\n\n- one\n- two", "figures": {"Total": 1234.5, "Final": True}},
        {"heading": "Sales", "chart": "a.svg", "table": table},
    ]
    made = await bench.call("reports.write", path="r.html", title="Week <1>", subtitle="up to Monday", parts=parts)
    html = (bench.step.workspace() / "r.html").read_text()
    assert "<title>Week &lt;1&gt;</title>" in html
    assert "<ul><li>one</li><li>two</li></ul>" in html
    assert "<td>Tea &lt;i&gt;</td><td class=n>1,234.5</td>" in html
    assert 'src="data:image/svg+xml;base64,' in html
    assert "default-src 'none'" in html
    assert str(made["text"]).splitlines() == [
        "Week <1>", "========", "up to Monday", "", "First.", "", "- one", "- two", "Total: 1,234.5", "Final: yes", "",
        "Sales", "-----", "Product      EUR", "Tea <i>  1,234.5", "Coffee",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "kind", "message"),
    [
        ([{"table": {"columns": ["a"], "rows": [[1, 2]]}}], ErrorKind.INPUT, "a row has 2 cells, the table has 1"),
        ([{"chart": "missing.svg"}], ErrorKind.NOT_FOUND, "missing.svg"),
        ([{"chart": "../x.svg"}], ErrorKind.DENIED, "`..`"),
        ([{"chart": "text.txt"}], ErrorKind.INPUT, "text.txt is not an SVG picture"),
    ],
)
async def test_what_is_no_table_or_no_picture_is_refused(
    bench: Bench, parts: Json, kind: ErrorKind, message: str
) -> None:
    await bench.call("files.write", path="text.txt", text="plain")
    refused = await bench.refused("reports.write", path="r.html", title="t", parts=parts)
    assert refused.kind is kind
    assert message in refused.message
