"""Lists of runs as files, streamed page by page: a million runs take no more memory than five hundred."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Annotated, Protocol

from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from errands.api.bodies import Project
from errands.api.callers import Asked, Caller
from errands.api.routes import Routes
from errands.api.runs import OfStatus, OfTask, Since, Until
from errands.api.shapes import json_bytes
from errands.services.views import Page, RunLine

routes = Routes("runs")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = (
    *("id", "task", "version", "status", "trigger", "starter", "reason", "error_kind", "error", "queued_at"),
    *("started_at", "finished_at", "input_tokens", "output_tokens", "requests", "tool_calls", "usd"),
)


class Format(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSON = "json"


class NextPage(Protocol):
    """Reads the page of a cursor."""

    async def __call__(self, cursor: str | None) -> Page[RunLine]: ...


@routes.get(
    "/projects/{project}/runs/export",
    gives=Response,
    also={200: {"description": "The file.", "content": {"text/csv": {}, "application/json": {}}}},
)
async def export_runs(
    caller: Caller,
    services: Asked,
    project: Project,
    format: Annotated[Format, Query(description="`csv` or `json`.")] = Format.CSV,
    task: OfTask = None,
    status: OfStatus = None,
    since: Since = None,
    until: Until = None,
) -> object:
    """Runs of a project as a file, newest first. The audit log keeps who took it."""

    async def page(cursor: str | None) -> Page[RunLine]:
        return await services.records.export(
            caller, project, task=task, status=status, since=since, until=until, cursor=cursor
        )

    return _file(await page(None), page, f"{project}-runs", format)


def _file(first: Page[RunLine], following: NextPage, name: str, kind: Format) -> Response:
    """The answer. The first page is read already, so that a refusal is still a plain document."""
    written = _as_csv(first, following) if kind is Format.CSV else _as_json(first, following)
    media_type = "text/csv; charset=utf-8" if kind is Format.CSV else "application/json"
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    return StreamingResponse(written, headers=headers, media_type=media_type)


async def _pages(first: Page[RunLine], following: NextPage) -> AsyncIterator[Page[RunLine]]:
    yield first
    cursor = first.next_cursor
    while cursor is not None:
        page = await following(cursor)
        yield page
        cursor = page.next_cursor


async def _as_csv(first: Page[RunLine], following: NextPage) -> AsyncIterator[str]:
    yield _csv_lines([_COLUMNS])
    async for page in _pages(first, following):
        yield _csv_lines([_row(run) for run in page.items])


async def _as_json(first: Page[RunLine], following: NextPage) -> AsyncIterator[bytes]:
    opening = b"["
    async for page in _pages(first, following):
        for run in page.items:
            yield opening + json_bytes(run)
            opening = b",\n"
    yield b"[]" if opening == b"[" else b"]"


def _row(run: RunLine) -> tuple[object, ...]:
    error, usage = run.error, run.usage
    return (
        *(run.id, run.task, run.version, run.status.value, run.trigger.get("kind"), run.starter, run.reason),
        *(error and error.kind.value, error and error.message),
        *(moment and moment.isoformat() for moment in (run.queued_at, run.started_at, run.finished_at)),
        *(usage.input_tokens, usage.output_tokens, usage.requests, usage.tool_calls, usage.usd),
    )


def _csv_lines(rows: Sequence[Sequence[object]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows([_cell(cell) for cell in row] for row in rows)
    return written.getvalue()


def _cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula is marked as text (OWASP, CSV injection)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
