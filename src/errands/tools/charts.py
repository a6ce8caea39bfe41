"""`charts.draw`: numbers as a bar or line chart, an SVG file."""

import asyncio
from typing import Annotated, Literal

from pydantic import Field, model_validator

from errands.core.outcomes import ErrorKind
from errands.core.ports import Effect
from errands.core.values import JsonObject
from errands.tools.chart_svg import Chart, Line, draw
from errands.tools.folders import write_effect
from errands.tools.paths import Place, writing
from errands.tools.tool import Arguments, Output, ToolContext, tool

_MOST_POINTS = 20_000


class Series(Arguments):
    name: Annotated[str, Field(max_length=100, description="Shown in the key of the chart")]
    values: Annotated[list[float | None], Field(min_length=1, max_length=2000, description="One for each label")]


class ChartArguments(Arguments):
    path: Annotated[str, Field(min_length=1, max_length=4096, description="The SVG file to make")]
    kind: Annotated[Literal["bar", "line"], Field(description="How values are drawn")] = "bar"
    title: Annotated[str | None, Field(max_length=200, description="Written above the chart")] = None
    labels: Annotated[
        list[Annotated[str, Field(max_length=100)]],
        Field(min_length=1, max_length=2000, description="Along the axis, from left to right"),
    ]
    series: Annotated[
        list[Series],
        Field(min_length=1, max_length=10, description="One to ten rows of values, each drawn in a colour of its own"),
    ]
    unit: Annotated[str | None, Field(max_length=20, description="Written with the numbers, such as EUR")] = None
    width: Annotated[int, Field(ge=200, le=4000, description="Of the picture, in pixels")] = 720
    height: Annotated[int, Field(ge=120, le=4000, description="Of the picture, in pixels")] = 320

    @model_validator(mode="after")
    def _as_many_values_as_labels(self) -> "ChartArguments":
        for one in self.series:
            if len(one.values) != len(self.labels):
                raise ValueError(f"{one.name} has {len(one.values)} values for {len(self.labels)} labels")
        if len(self.labels) * len(self.series) > _MOST_POINTS:
            raise ValueError(f"a chart has at most {_MOST_POINTS} values")
        return self


class ChartOutput(Output):
    path: Annotated[str, Field(description="The SVG file, as it was named")]
    bytes: Annotated[int, Field(description="Size of the file")]


def _effect(arguments: JsonObject) -> Effect:
    return write_effect(arguments.get("path"))


@tool(
    "charts.draw",
    effect=Effect.CHANGES,
    effect_of=_effect,
    errors=(ErrorKind.NOT_FOUND, ErrorKind.STORAGE),
)
async def charts_draw(arguments: ChartArguments, context: ToolContext) -> ChartOutput:
    """Draw a bar or line chart as an SVG file. A value that is null leaves a gap."""
    lines = tuple(Line(one.name, tuple(one.values)) for one in arguments.series)
    chart = Chart(
        arguments.kind,
        arguments.title,
        tuple(arguments.labels),
        lines,
        arguments.unit,
        arguments.width,
        arguments.height,
    )
    place = context.locate(arguments.path, write=True)
    content = (await asyncio.to_thread(draw, chart)).encode()
    await asyncio.to_thread(_write, place, content)
    return ChartOutput(path=arguments.path, bytes=len(content))


def _write(place: Place, content: bytes) -> None:
    with writing(place) as file:
        file.write(content)
