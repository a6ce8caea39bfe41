"""Reports as HTML and as plain text. Everything that is put in is text; none of it is read as markup."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

Cell = str | int | float | bool | None

_STYLE: Final = """
body{font:15px/1.55 system-ui,sans-serif;color:#0f172a;background:#fff;max-width:760px;margin:2rem auto;padding:0 1rem}
h1{font-size:24px;margin:0}h2{font-size:17px;margin:2rem 0 .5rem}.sub{color:#64748b;margin:.25rem 0 1.5rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{text-align:left;padding:6px 10px;
border-bottom:1px solid #e2e8f0}th{color:#475569;font-weight:600}td.n,th.n{text-align:right}
dl{display:flex;flex-wrap:wrap;gap:12px;margin:1rem 0}dl div{border:1px solid #e2e8f0;border-radius:6px;
padding:10px 14px}
dt{color:#64748b;font-size:13px}dd{margin:0;font-size:22px;font-weight:600}img{max-width:100%;height:auto}
@media print{body{margin:0;max-width:none}h2{break-after:avoid}tr,img,dl div{break-inside:avoid}}
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report."""

    heading: str | None
    text: str | None
    figures: Mapping[str, Cell]
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    chart: str | None
    """A `data:` address of a picture."""


def page(title: str, subtitle: str | None, language: str, sections: Sequence[Section]) -> str:
    """The whole file. Its policy lets it load nothing."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    below = f'<p class="sub">{escape(subtitle)}</p>\n' if subtitle else ""
    body = "\n".join(line for section in sections for line in _html(section))
    return (
        f'<!doctype html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n{below}{body}\n</body>\n</html>\n"
    )


def plain_text(title: str, subtitle: str | None, sections: Sequence[Section]) -> str:
    """The report without pictures, tables as aligned columns."""
    lines = [title, "=" * len(title), *([subtitle] if subtitle else [])]
    for section in sections:
        lines.append("")
        if section.heading:
            lines += [section.heading, "-" * len(section.heading)]
        lines += section.text.strip().splitlines() if section.text else []
        lines += [f"{name}: {_shown(value)}" for name, value in section.figures.items()]
        lines += _aligned(section)
    return "\n".join(lines).strip() + "\n"


def _html(section: Section) -> Iterator[str]:
    if section.heading:
        yield f"<h2>{escape(section.heading)}</h2>"
    if section.text:
        yield from _paragraphs(section.text)
    if section.figures:
        figures = (f"<div><dt>{escape(n)}</dt><dd>{escape(_shown(v))}</dd></div>" for n, v in section.figures.items())
        yield f"<dl>{''.join(figures)}</dl>"
    if section.chart:
        yield f'<p><img alt="{escape(section.heading or "Chart")}" src="{escape(section.chart)}"></p>'
    if section.columns:
        numeric = _numeric(section)
        yield "<table><thead><tr>" + _cells("th", section.columns, numeric) + "</tr></thead><tbody>"
        yield from ("<tr>" + _cells("td", row, numeric) + "</tr>" for row in section.rows)
        yield "</tbody></table>"


def _paragraphs(text: str) -> Iterator[str]:
    for block in text.strip().split("\n\n"):
        lines = [line.strip() for line in block.strip().splitlines()]
        if lines and all(line.startswith(("- ", "* ")) for line in lines):
            yield "<ul>" + "".join(f"<li>{escape(line[2:])}</li>" for line in lines) + "</ul>"
        elif lines:
            yield "<p>" + "<br>".join(map(escape, lines)) + "</p>"


def _cells(tag: str, cells: Sequence[Cell], numeric: Sequence[bool]) -> str:
    return "".join(
        f"<{tag}{' class=n' if right else ''}>{escape(_shown(cell))}</{tag}>"
        for cell, right in zip(cells, numeric, strict=True)
    )


def _numeric(section: Section) -> list[bool]:
    """Which columns hold numbers alone, and stand to the right."""
    return [
        bool(section.rows)
        and all(
            row[at] is None or (isinstance(row[at], int | float) and not isinstance(row[at], bool))
            for row in section.rows
        )
        for at in range(len(section.columns))
    ]


def _aligned(section: Section) -> Iterator[str]:
    rows = [section.columns, *(tuple(map(_shown, row)) for row in section.rows)] if section.columns else []
    widths = [max(len(row[at]) for row in rows) for at in range(len(section.columns))]
    right = _numeric(section) if section.columns else []
    for row in rows:
        cells = zip(row, widths, right, strict=True)
        yield "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width) for cell, width, to_right in cells
        ).rstrip()


def _shown(value: Cell) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.3f}".rstrip("0").rstrip(".")
        case str():
            return value
