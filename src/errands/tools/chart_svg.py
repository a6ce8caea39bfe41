"""Charts as SVG text: axes with round numbers, bars or lines, a legend. No font, script or address of anybody else's.

Steps of the axis are 1, 2 or 5 times a power of ten, as in Heckbert, "Nice Numbers for Graph Labels" (Graphics Gems).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from xml.sax.saxutils import escape

_COLOURS: Final = (
    "#4f46e5", "#0e7490", "#b45309", "#be185d", "#15803d", "#7c3aed", "#dc2626", "#475569", "#0284c7", "#a16207",
)  # fmt: skip
_INK, _GRID = "#475569", "#e2e8f0"
_TICKS: Final = 5
_LETTER: Final = 6.4
"""Pixels of a letter of 11 px, on average."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of numbers."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn. Each line has as many values as there are labels."""

    kind: Literal["bar", "line"]
    title: str | None
    labels: tuple[str, ...]
    lines: tuple[Line, ...]
    unit: str | None
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where the numbers go, in pixels, and from what to what they reach."""

    left: float
    top: float
    right: float
    bottom: float
    low: float
    high: float
    step: float

    def y(self, value: float) -> float:
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)

    def slot(self, index: int, count: int) -> tuple[float, float]:
        """Left end and width of the room of a label."""
        width = (self.right - self.left) / count
        return self.left + index * width, width


def draw(chart: Chart) -> str:
    """The SVG text of a chart; the same chart gives the same text."""
    frame = _frame(chart)
    marks = _bars(chart, frame) if chart.kind == "bar" else _paths(chart, frame)
    said = escape(chart.title or "Chart")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{chart.width}" height="{chart.height}" '
        f'viewBox="0 0 {chart.width} {chart.height}" role="img" font-family="system-ui, sans-serif" font-size="11">',
        f"<title>{said}</title>",
        f'<rect width="{chart.width}" height="{chart.height}" fill="#ffffff"/>',
        *_head(chart),
        *_axis(chart, frame),
        *marks,
        *_labels(chart, frame),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _frame(chart: Chart) -> _Frame:
    numbers = [value for line in chart.lines for value in line.values if value is not None] or [0.0]
    low, high = min(numbers), max(numbers)
    if chart.kind == "bar" or low >= 0 > low - (high - low):
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        high = low + 1
    step = _nice((high - low) / _TICKS)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    widest = max(len(_number(tick, step, chart.unit)) for tick in (low, high))
    top = 14 + (20 if chart.title else 0) + (18 if len(chart.lines) > 1 else 0)
    return _Frame(18 + widest * _LETTER, top, chart.width - 12.0, chart.height - 28.0, low, high, step)


def _nice(rough: float) -> float:
    power = 10 ** math.floor(math.log10(rough))
    return float(next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999) * power)


def _number(value: float, step: float, unit: str | None) -> str:
    places = max(0, -math.floor(math.log10(step)))
    text = f"{value:,.{places}f}"
    return f"{text} {unit}" if unit else text


def _head(chart: Chart) -> Iterator[str]:
    if chart.title:
        yield f'<text x="12" y="20" font-size="14" font-weight="600" fill="#0f172a">{escape(chart.title)}</text>'
    if len(chart.lines) > 1:
        left, top = 12.0, 38 if chart.title else 18
        for line, colour in zip(chart.lines, _COLOURS, strict=False):
            yield f'<rect x="{left:.1f}" y="{top - 9}" width="10" height="10" rx="2" fill="{colour}"/>'
            yield f'<text x="{left + 14:.1f}" y="{top}" fill="{_INK}">{escape(line.name)}</text>'
            left += 30 + len(line.name) * _LETTER


def _axis(chart: Chart, frame: _Frame) -> Iterator[str]:
    for number in range(round((frame.high - frame.low) / frame.step) + 1):
        value = frame.low + number * frame.step
        y = frame.y(value)
        yield f'<path d="M{frame.left:.1f} {y:.1f}H{frame.right:.1f}" stroke="{_GRID}"/>'
        said = escape(_number(value, frame.step, chart.unit))
        yield f'<text x="{frame.left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end" fill="{_INK}">{said}</text>'


def _bars(chart: Chart, frame: _Frame) -> Iterator[str]:
    count, zero = len(chart.labels), frame.y(0)
    for number, (line, colour) in enumerate(zip(chart.lines, _COLOURS, strict=False)):
        for index, value in enumerate(line.values):
            if value is None:
                continue
            left, room = frame.slot(index, count)
            width = room * 0.8 / len(chart.lines)
            x, y = left + room * 0.1 + number * width, frame.y(value)
            yield (
                f'<rect x="{x:.1f}" y="{min(y, zero):.1f}" width="{max(width - 1, 0.5):.1f}" '
                f'height="{abs(zero - y):.1f}" fill="{colour}"/>'
            )


def _paths(chart: Chart, frame: _Frame) -> Iterator[str]:
    for line, colour in zip(chart.lines, _COLOURS, strict=False):
        way, pen = [], "M"
        for index, value in enumerate(line.values):
            if value is None:
                pen = "M"
                continue
            left, room = frame.slot(index, len(chart.labels))
            way.append(f"{pen}{left + room / 2:.1f} {frame.y(value):.1f}")
            pen = "L"
        yield f'<path d="{"".join(way)}" fill="none" stroke="{colour}" stroke-width="2" stroke-linecap="round"/>'


def _labels(chart: Chart, frame: _Frame) -> Iterator[str]:
    """As many labels as fit side by side, the first one always."""
    room = frame.slot(0, len(chart.labels))[1]
    every = max(1, math.ceil((_longest(chart.labels) * _LETTER + 8) / room)) if room < 200 else 1
    for index in range(0, len(chart.labels), every):
        left, width = frame.slot(index, len(chart.labels))
        said = escape(chart.labels[index])
        yield (
            f'<text x="{left + width / 2:.1f}" y="{frame.bottom + 16:.1f}" text-anchor="middle" '
            f'fill="{_INK}">{said}</text>'
        )


def _longest(labels: Sequence[str]) -> int:
    return max(len(label) for label in labels)
