"""`reports.write`: texts, figures, tables and charts as one HTML file that needs nothing beside it."""

import asyncio
from base64 import b64encode
from typing import Annotated

from pydantic import Field

from errands.core.outcomes import ErrorKind
from errands.core.ports import Effect
from errands.core.values import JsonObject
from errands.tools.folders import read_effect, write_effect
from errands.tools.paths import Place, reading, writing
from errands.tools.refusal import Refusal
from errands.tools.report_html import Section, page, plain_text
from errands.tools.tool import Arguments, Output, ToolContext, tool

_CHART_BYTES = 4 * 2**20
Cell = str | int | float | bool | None


class Table(Arguments):
    columns: Annotated[
        list[Annotated[str, Field(max_length=200)]],
        Field(min_length=1, max_length=50, description="Headings, from left to right"),
    ]
    rows: Annotated[list[list[Cell]], Field(max_length=10_000, description="A list of cells for each row")]


class Part(Arguments):
    heading: Annotated[str | None, Field(max_length=300, description="Above the part")] = None
    text: Annotated[
        str | None,
        Field(max_length=200_000, description="Paragraphs, with an empty line between them; lines that begin with - "),
    ] = None
    figures: Annotated[dict[str, Cell], Field(max_length=50, description="Name to number, shown large")] = Field(
        default_factory=dict
    )
    table: Annotated[Table | None, Field(description="Columns and rows")] = None
    chart: Annotated[str | None, Field(min_length=1, max_length=4096, description="SVG file, as charts.draw makes")] = (
        None
    )


class ReportArguments(Arguments):
    path: Annotated[str, Field(min_length=1, max_length=4096, description="The HTML file to make")]
    title: Annotated[str, Field(min_length=1, max_length=300, description="At the top, and the page's name")]
    subtitle: Annotated[str | None, Field(max_length=300, description="Below the title, such as the period")] = None
    language: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
            description="Of the texts, such as en or de-CH; readers and screen readers use it",
        ),
    ] = "en"
    parts: Annotated[
        list[Part],
        Field(
            min_length=1,
            max_length=200,
            description="From top to bottom; each has one or more of heading, text, figures, table and chart",
        ),
    ]


class ReportOutput(Output):
    path: Annotated[str, Field(description="The HTML file, as it was named")]
    bytes: Annotated[int, Field(description="Size of the file")]
    text: Annotated[str, Field(description="The same as plain text, for the body of a mail")]


def _effect(arguments: JsonObject) -> Effect:
    parts = arguments.get("parts")
    charts = [part.get("chart") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    written = write_effect(arguments.get("path"))
    return written if written is Effect.CHANGES else read_effect(*charts)


@tool(
    "reports.write",
    effect=Effect.CHANGES,
    effect_of=_effect,
    errors=(ErrorKind.NOT_FOUND, ErrorKind.LIMIT, ErrorKind.STORAGE),
)
async def reports_write(arguments: ReportArguments, context: ToolContext) -> ReportOutput:
    """Write a report as one HTML file: texts, figures, tables and charts. Nothing in it is read as HTML."""
    sections = [await _section(part, context) for part in arguments.parts]
    place = context.locate(arguments.path, write=True)
    content = page(arguments.title, arguments.subtitle, arguments.language, sections).encode()
    await asyncio.to_thread(_write, place, content)
    text = plain_text(arguments.title, arguments.subtitle, sections)
    return ReportOutput(path=arguments.path, bytes=len(content), text=text)


async def _section(part: Part, context: ToolContext) -> Section:
    chart = None
    if part.chart is not None:
        chart = await asyncio.to_thread(_picture, context.locate(part.chart))
    columns = tuple(part.table.columns) if part.table else ()
    rows = tuple(tuple(row) for row in part.table.rows) if part.table else ()
    for row in rows:
        if len(row) != len(columns):
            raise Refusal("input", f"a row has {len(row)} cells, the table has {len(columns)} columns")
    return Section(part.heading, part.text, part.figures, columns, rows, chart)


def _picture(place: Place) -> str:
    """The file as a `data:` address. As an image an SVG runs no script, whatever it holds."""
    with reading(place) as file:
        content = file.read(_CHART_BYTES + 1)
    if len(content) > _CHART_BYTES:
        raise Refusal("limit", f"{place.shown} is larger than {_CHART_BYTES} bytes")
    if b"<svg" not in content[:1000]:
        raise Refusal("input", f"{place.shown} is not an SVG picture", "make it with charts.draw")
    return "data:image/svg+xml;base64," + b64encode(content).decode()


def _write(place: Place, content: bytes) -> None:
    with writing(place) as file:
        file.write(content)
