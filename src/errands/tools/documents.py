"""`documents.read`: PDF, Word, Excel, HTML and others as Markdown."""

import importlib.util
import os
from typing import Annotated

from pydantic import Field

from errands.core.outcomes import ErrorKind
from errands.core.ports import Effect
from errands.core.values import JsonObject
from errands.tools.folders import read_effect
from errands.tools.paths import Place, reading
from errands.tools.refusal import Refusal
from errands.tools.tool import Arguments, Output, ToolContext, tool


class DocumentArguments(Arguments):
    path: Annotated[str, Field(min_length=1, max_length=4096, description="The document's file")]
    max_characters: Annotated[int | None, Field(ge=1, description="More text is cut off, and truncated is true")] = None


class DocumentOutput(Output):
    markdown: Annotated[str, Field(description="The text, with its headings, lists and tables")]
    title: Annotated[str | None, Field(description="If the document names one")]
    characters: Annotated[int, Field(description="Of the whole text")]
    truncated: Annotated[bool, Field(description="The text was longer than max_characters")]
    pages: Annotated[int | None, Field(description="Of a PDF; a picture is one")] = None
    scanned: Annotated[
        list[int],
        Field(description="Pages that are pictures without text, from 1: what they say is not in the Markdown"),
    ] = Field(default_factory=list)


def _effect(arguments: JsonObject) -> Effect:
    return read_effect(arguments.get("path"))


@tool(
    "documents.read",
    effect=Effect.READS,
    effect_of=_effect,
    errors=(ErrorKind.NOT_FOUND, ErrorKind.LIMIT, ErrorKind.TIMEOUT, ErrorKind.CRASH, ErrorKind.TOOL),
    returns_outside_data=True,
)
async def documents_read(arguments: DocumentArguments, context: ToolContext) -> DocumentOutput:
    """Convert a document (PDF, Word, Excel, HTML, CSV, text) to Markdown, and name the pages that are only scans."""
    _check_installed()
    place = context.locate(arguments.path)
    limits = context.limits
    with reading(place) as file:
        _check_size(place, os.fstat(file.fileno()).st_size, limits.document_bytes)
        # The child gets the open file, not its name: nothing can change in between.
        found = await context.in_child(
            "errands.tools.documents_child:convert",
            {
                "file": file.fileno(),
                "name": place.name,
                "max_characters": min(arguments.max_characters or limits.document_text, limits.document_text),
            },
            seconds=limits.document_seconds,
            result_bytes=8 * limits.document_text,
            files=[file.fileno()],
        )
    return DocumentOutput.model_validate(found)


def _check_size(place: Place, size: int, limit: int) -> None:
    if size > limit:
        raise Refusal("limit", f"{place.shown} has {size} bytes; documents may have {limit}", "split the document")


def _check_installed() -> None:
    if importlib.util.find_spec("markitdown") is None:
        raise Refusal(
            "tool", "reading documents needs an extra that is not installed", 'pip install "errands[documents]"'
        )
