"""`data.parse` and `data.format`: CSV, JSON, JSON lines and YAML from and to text or files."""

import asyncio
from typing import Annotated, Literal

from pydantic import Field, JsonValue, model_validator

from errands.core.outcomes import ErrorKind
from errands.core.ports import Effect
from errands.core.values import JsonObject
from errands.tools.folders import read_effect, write_effect
from errands.tools.paths import Place, reading, writing
from errands.tools.refusal import Refusal
from errands.tools.tool import Arguments, Output, ToolContext, tool

_SMALL = 64 * 1024
_CHILD_SECONDS = 120.0

Format = Literal["csv", "json", "jsonl", "yaml"]
Delimiter = Annotated[str, Field(pattern=r'^[^"\r\n]$', description="Between fields of CSV")]


class ParseArguments(Arguments):
    format: Annotated[Format, Field(description="What the text is written in; jsonl: one JSON value a line")]
    text: Annotated[str | None, Field(description="The text itself; either this or path")] = None
    path: Annotated[str | None, Field(min_length=1, max_length=4096, description="File to read instead")] = None
    encoding: Annotated[str, Field(description="Of the file's text, such as utf-8 or latin-1")] = "utf-8"
    header: Annotated[bool, Field(description="CSV: the first row names the columns, and rows become objects")] = True
    delimiter: Delimiter = ","
    types: Annotated[bool, Field(description="CSV: turn numbers, true, false and empty cells into values")] = False

    @model_validator(mode="after")
    def _one_source(self) -> "ParseArguments":
        if (self.text is None) == (self.path is None):
            raise ValueError("give either text or path")
        return self


class ParseOutput(Output):
    value: Annotated[
        JsonValue, Field(description="A list of rows for CSV, of values for JSON lines; otherwise what the text says")
    ]


class FormatArguments(Arguments):
    format: Annotated[Format, Field(description="What to write; jsonl: one JSON value a line")]
    value: Annotated[JsonValue, Field(description="What to write; for CSV and JSON lines a list")]
    path: Annotated[str | None, Field(min_length=1, max_length=4096, description="File to write the text to")] = None
    header: Annotated[bool, Field(description="CSV: begin with the names of the columns")] = True
    delimiter: Delimiter = ","
    indent: Annotated[int, Field(ge=0, le=8, description="JSON: spaces for each level; 0: all in one line")] = 0


class FormatOutput(Output):
    text: Annotated[str | None, Field(description="The text, unless it was written to a file")]
    path: Annotated[str | None, Field(description="The file, if one was named")]
    bytes: Annotated[int, Field(description="Size of the text as UTF-8")]


def _parse_effect(arguments: JsonObject) -> Effect:
    return read_effect(arguments.get("path"))


def _format_effect(arguments: JsonObject) -> Effect:
    return write_effect(arguments.get("path"))


@tool(
    "data.parse",
    effect=Effect.READS,
    effect_of=_parse_effect,
    errors=(ErrorKind.LIMIT, ErrorKind.NOT_FOUND, ErrorKind.TIMEOUT),
)
async def data_parse(arguments: ParseArguments, context: ToolContext) -> ParseOutput:
    """Turn CSV, JSON, JSON lines or YAML into values. CSV cells stay text unless types is set."""
    if arguments.path is None:
        text = arguments.text or ""
    else:
        place = context.locate(arguments.path)
        text = await asyncio.to_thread(_read, place, arguments.encoding, context.limits.data_bytes)
    job: dict[str, JsonValue] = {
        "text": text,
        "format": arguments.format,
        "header": arguments.header,
        "delimiter": arguments.delimiter,
        "types": arguments.types,
        "yaml_bytes": context.limits.yaml_bytes,
    }
    _bound(text, context)
    return ParseOutput.model_validate(await _done("parse", job, len(text), context))


@tool(
    "data.format",
    effect=Effect.CHANGES,
    effect_of=_format_effect,
    errors=(ErrorKind.LIMIT, ErrorKind.STORAGE, ErrorKind.TIMEOUT),
)
async def data_format(arguments: FormatArguments, context: ToolContext) -> FormatOutput:
    """Write a value as CSV, JSON, JSON lines or YAML text, into a file if one is named."""
    place = context.locate(arguments.path, write=True) if arguments.path else None
    job: dict[str, JsonValue] = {
        "value": arguments.value,
        "format": arguments.format,
        "header": arguments.header,
        "delimiter": arguments.delimiter,
        "indent": arguments.indent,
    }
    made = await _done("format_text", job, _weight(arguments.value), context)
    text = str(made["text"])
    _bound(text, context)
    content = text.encode()
    if place is not None:
        await asyncio.to_thread(_write, place, content)
    return FormatOutput(text=None if place else text, path=arguments.path, bytes=len(content))


async def _done(name: Literal["parse", "format_text"], job: JsonObject, size: int, context: ToolContext) -> JsonObject:
    """Small work here, large work in a child: a slow parser must neither hold up the worker nor outlive a cancel."""
    if size <= _SMALL:
        from errands.tools import data_formats

        here = data_formats.parse if name == "parse" else data_formats.format_text
        return here(dict(job))  # type: ignore[return-value]
    found = await context.in_child(
        f"errands.tools.data_formats:{name}", job, seconds=_CHILD_SECONDS, result_bytes=8 * context.limits.data_bytes
    )
    assert isinstance(found, dict)
    return found


def _weight(value: JsonValue) -> int:
    """Roughly the characters that a value makes; stops counting once it is not small."""
    pending, weight = [value], 0
    while pending and weight <= _SMALL:
        current = pending.pop()
        if isinstance(current, dict):
            weight += sum(len(key) for key in current)
            pending += current.values()
        elif isinstance(current, list):
            pending += current
        weight += len(current) if isinstance(current, str) else 8
    return weight


def _bound(text: str, context: ToolContext) -> None:
    limit = context.limits.data_bytes
    if len(text) > limit:
        raise Refusal("limit", f"{len(text)} characters are more than the {limit} that one call may take")


def _read(place: Place, encoding: str, limit: int) -> str:
    with reading(place) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise Refusal("limit", f"{place.shown} is larger than {limit} bytes")
    try:
        return content.decode(encoding)
    except LookupError:
        raise Refusal("input", f"{encoding!r} is not an encoding", "try utf-8, utf-16 or latin-1") from None
    except UnicodeDecodeError as error:
        raise Refusal(
            "input", f"{place.shown} is not {encoding} text (byte {error.start})", "name its encoding"
        ) from None


def _write(place: Place, content: bytes) -> None:
    with writing(place) as file:
        file.write(content)
