"""Errands from a Python program: `Client` waits for each answer, `AsyncClient` is awaited.

    with Client("http://127.0.0.1:8420", token) as errands:
        run = errands.run("report", {"region": "emea"})
        print(run.status, run.output)

What comes back are the same views that the API document describes. Refusals are exceptions, each with a message and
mostly a hint: `NotFound`, `Denied`, `ArgumentsInvalid`, `Conflict` ...; `Unreachable` where there is no server. With an
idempotency key of your own, a start that is asked again after a broken connection makes no second run.
"""

import asyncio
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from errands import __version__
from errands.cli.client import Client as Nouns
from errands.cli.client import client_on
from errands.cli.client.connection import connected
from errands.cli.client.refusals import Unreachable
from errands.cli.versions import Versions
from errands.core.outcomes import RunStatus
from errands.core.params import ArgumentsInvalid
from errands.core.problems import Problem
from errands.core.values import Json, JsonObject
from errands.services.errors import Conflict, Denied, FilesInvalid, Invalid, NotFound, Unauthenticated, Unavailable
from errands.services.views import (
    Applied,
    ApprovalAnswered,
    ApprovalView,
    LineLogged,
    RunChanged,
    RunEnded,
    RunEvent,
    RunLine,
    RunSnapshot,
    RunStarted,
    RunView,
    SourceFile,
    StepChanged,
    TaskView,
    TokenShown,
)

__all__ = [
    "Applied",
    "ApprovalAnswered",
    "ApprovalView",
    "ArgumentsInvalid",
    "AsyncClient",
    "Client",
    "Conflict",
    "Denied",
    "FilesInvalid",
    "Invalid",
    "Json",
    "JsonObject",
    "LineLogged",
    "NotFound",
    "Problem",
    "RunChanged",
    "RunEnded",
    "RunEvent",
    "RunLine",
    "RunSnapshot",
    "RunStarted",
    "RunStatus",
    "RunView",
    "StepChanged",
    "TaskView",
    "TokenShown",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
]

Given = TypeVar("Given")
_END = object()


def _text(definition: JsonObject | str) -> str:
    """A definition as it would stand in a file, so that people can read and edit it on the page."""
    if isinstance(definition, str):
        return definition
    from errands.core.definition.emitting import emit_lines

    return "\n".join([*emit_lines(definition, 0), ""])


class AsyncClient:
    """A server, as the person of a token sees it. Use it as an asynchronous context manager.

    `server` is its address, such as `http://127.0.0.1:8420`; `project` the one that calls are about.
    """

    def __init__(self, server: str, token: str | None = None, *, project: str = "default") -> None:
        self.project = project
        self._server = server.rstrip("/")
        self._token = token
        self._open = AsyncExitStack()
        self._nouns: Nouns | None = None

    async def __aenter__(self) -> Self:
        versions = Versions(__version__, lambda said: warnings.warn(said, stacklevel=2))
        connection = await self._open.enter_async_context(connected(self._server, self._token, versions))
        self._nouns = client_on(connection)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._nouns = None
        await self._open.aclose()

    async def run(
        self,
        task: str,
        arguments: JsonObject | None = None,
        *,
        version: int | None = None,
        files: Sequence[tuple[str, Path]] = (),
        timeout: float | None = None,
    ) -> RunView:
        """Start a run and wait for its end. Raises TimeoutError after so many seconds; the run itself goes on."""
        started = await self.start(task, arguments, version=version, files=files)
        return await self.wait(started.id, timeout=timeout)

    async def start(
        self,
        task: str,
        arguments: JsonObject | None = None,
        *,
        version: int | None = None,
        idempotency_key: str | None = None,
        files: Sequence[tuple[str, Path]] = (),
    ) -> RunStarted:
        """Start a run of the published version, or of the numbered one. `files` are parameter and path.

        With a key that was used before: that run. Raises ArgumentsInvalid, NotFound, Denied, Conflict; OSError for a
        file that cannot be read.
        """
        return await self._asked.runs.start(
            self.project, task, arguments or {}, version=version, idempotency_key=idempotency_key, files=files
        )

    async def wait(self, run: str, *, timeout: float | None = None) -> RunView:
        """The run once it has ended, however it ended. Raises TimeoutError after so many seconds."""
        async with asyncio.timeout(timeout):
            async for event in self.follow(run):
                if isinstance(event, RunEnded):
                    return event.run
        return await self.get(run)

    def follow(self, run: str) -> AsyncIterator[RunEvent]:
        """The run as it is, then every change, until it ends. A connection that breaks is made again."""
        return self._asked.runs.follow(run)

    async def get(self, run: str) -> RunView:
        """A run with its record. Raises NotFound, Denied."""
        return await self._asked.runs.get(run)

    async def output(self, run: str) -> Json:
        """The output of a run, however large."""
        return await self._asked.runs.output(run)

    async def runs(
        self,
        *,
        task: str | None = None,
        status: RunStatus | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> AsyncIterator[RunLine]:
        """All runs that fit, newest first; pages are asked for as they are needed."""
        cursor: str | None = None
        while True:
            page = await self._asked.runs.list(
                self.project, task=task, status=status, since=since, until=until, cursor=cursor
            )
            for line in page.items:
                yield line
            cursor = page.next_cursor
            if cursor is None:
                return

    async def cancel(self, run: str, reason: str | None = None) -> bool:
        """Ask a run to end. False: it had ended."""
        return await self._asked.runs.cancel(run, reason=reason)

    async def rerun(self, run: str, *, from_step: str | None = None, version: int | None = None) -> RunStarted:
        """A new run with the same arguments, from a step on, or from where it failed."""
        return await self._asked.runs.rerun(run, from_step=from_step, version=version)

    async def tasks(self) -> Sequence[TaskView]:
        """All tasks of the project, by name."""
        return await self._asked.tasks.list(self.project)

    async def apply(self, *files: Path, message: str | None = None, publish: bool = True) -> Sequence[Applied]:
        """Make tasks, agents and models what the files say: all of them, or none. Raises FilesInvalid."""
        sources = [SourceFile(str(file), await asyncio.to_thread(file.read_text, "utf-8")) for file in files]
        return await self._asked.projects.apply(self.project, sources, message=message, publish=publish)

    async def define(
        self, *definitions: JsonObject | str, message: str | None = None, publish: bool = True
    ) -> Sequence[Applied]:
        """As `apply`, of definitions that the program has made: what stands in a file, as plain data or as its text.

        Raises FilesInvalid, whose problems name `definition 1` and so on; TypeError for what is no JSON.
        """
        sources = [SourceFile(f"definition {number}", _text(one)) for number, one in enumerate(definitions, start=1)]
        return await self._asked.projects.apply(self.project, sources, message=message, publish=publish)

    async def inbox(self, *, mine: bool = False) -> AsyncIterator[ApprovalView]:
        """Open questions, oldest first; `mine`: those that you may answer."""
        cursor: str | None = None
        while True:
            page = await self._asked.approvals.inbox(self.project, mine=mine, cursor=cursor)
            for question in page.items:
                yield question
            cursor = page.next_cursor
            if cursor is None:
                return

    async def answer(
        self, approval: str, choice: str, *, form: JsonObject | None = None, note: str | None = None
    ) -> ApprovalAnswered:
        """Answer a question, by its id or by that of a run that has one open."""
        return await self._asked.approvals.answer(approval, choice=choice, form=form or {}, note=note)

    async def send_event(self, name: str, payload: Json = None, *, key: str | None = None) -> int:
        """Tell the project that something has happened; gives how many waiting runs go on."""
        return await self._asked.projects.send_event(self.project, name, key=key, payload=payload)

    @property
    def _asked(self) -> Nouns:
        if self._nouns is None:
            raise RuntimeError("the client is not open: use it in `async with`, or `with` for Client")
        return self._nouns


class Client:
    """The same for a program without an event loop: each call waits for its answer. Use it as a context manager."""

    def __init__(self, server: str, token: str | None = None, *, project: str = "default") -> None:
        self._inner = AsyncClient(server, token, project=project)
        self._open = ExitStack()
        self._portal: BlockingPortal | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            stack.enter_context(self._portal.wrap_async_context_manager(self._inner))
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._portal = None
        self._open.close()

    def run(
        self,
        task: str,
        arguments: JsonObject | None = None,
        *,
        version: int | None = None,
        files: Sequence[tuple[str, Path]] = (),
        timeout: float | None = None,
    ) -> RunView:
        """Start a run and wait for its end. Raises TimeoutError after so many seconds; the run itself goes on."""
        return self._wait(lambda: self._inner.run(task, arguments, version=version, files=files, timeout=timeout))

    def start(
        self,
        task: str,
        arguments: JsonObject | None = None,
        *,
        version: int | None = None,
        idempotency_key: str | None = None,
        files: Sequence[tuple[str, Path]] = (),
    ) -> RunStarted:
        """Start a run. As `AsyncClient.start`."""
        return self._wait(
            lambda: self._inner.start(task, arguments, version=version, idempotency_key=idempotency_key, files=files)
        )

    def wait(self, run: str, *, timeout: float | None = None) -> RunView:
        """The run once it has ended, however it ended. Raises TimeoutError after so many seconds."""
        return self._wait(lambda: self._inner.wait(run, timeout=timeout))

    def follow(self, run: str) -> Iterator[RunEvent]:
        """The run as it is, then every change, until it ends."""
        return self._each(lambda: self._inner.follow(run))

    def get(self, run: str) -> RunView:
        """A run with its record. Raises NotFound, Denied."""
        return self._wait(lambda: self._inner.get(run))

    def output(self, run: str) -> Json:
        """The output of a run, however large."""
        return self._wait(lambda: self._inner.output(run))

    def runs(
        self,
        *,
        task: str | None = None,
        status: RunStatus | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[RunLine]:
        """All runs that fit, newest first; pages are asked for as they are needed."""
        return self._each(lambda: self._inner.runs(task=task, status=status, since=since, until=until))

    def cancel(self, run: str, reason: str | None = None) -> bool:
        """Ask a run to end. False: it had ended."""
        return self._wait(lambda: self._inner.cancel(run, reason))

    def rerun(self, run: str, *, from_step: str | None = None, version: int | None = None) -> RunStarted:
        """A new run with the same arguments, from a step on, or from where it failed."""
        return self._wait(lambda: self._inner.rerun(run, from_step=from_step, version=version))

    def tasks(self) -> Sequence[TaskView]:
        """All tasks of the project, by name."""
        return self._wait(self._inner.tasks)

    def apply(self, *files: Path, message: str | None = None, publish: bool = True) -> Sequence[Applied]:
        """Make tasks, agents and models what the files say: all of them, or none. Raises FilesInvalid."""
        return self._wait(lambda: self._inner.apply(*files, message=message, publish=publish))

    def define(
        self, *definitions: JsonObject | str, message: str | None = None, publish: bool = True
    ) -> Sequence[Applied]:
        """Make tasks, agents and models of plain data, or of the texts of their files. As `AsyncClient.define`."""
        return self._wait(lambda: self._inner.define(*definitions, message=message, publish=publish))

    def inbox(self, *, mine: bool = False) -> Iterator[ApprovalView]:
        """Open questions, oldest first; `mine`: those that you may answer."""
        return self._each(lambda: self._inner.inbox(mine=mine))

    def answer(
        self, approval: str, choice: str, *, form: JsonObject | None = None, note: str | None = None
    ) -> ApprovalAnswered:
        """Answer a question, by its id or by that of a run that has one open."""
        return self._wait(lambda: self._inner.answer(approval, choice, form=form, note=note))

    def send_event(self, name: str, payload: Json = None, *, key: str | None = None) -> int:
        """Tell the project that something has happened; gives how many waiting runs go on."""
        return self._wait(lambda: self._inner.send_event(name, payload, key=key))

    def _wait(self, asking: Callable[[], Awaitable[Given]]) -> Given:
        if self._portal is None:
            raise RuntimeError("the client is not open: use it in `with`")
        return self._portal.call(asking)

    def _each(self, asking: Callable[[], AsyncIterator[Given]]) -> Iterator[Given]:
        """What an asynchronous iterator gives, one after the other; left early, it is closed."""

        async def next_one() -> Given | object:
            return await anext(given, _END)

        async def begin() -> AsyncIterator[Given]:
            return asking()

        given = self._wait(begin)
        try:
            while (one := self._wait(next_one)) is not _END:
                yield one  # type: ignore[misc]
        finally:
            closing = getattr(given, "aclose", None)
            if closing is not None and self._portal is not None:
                self._portal.call(closing)
