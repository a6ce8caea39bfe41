"""Stand-ins for services: scripted, asked afterwards, so that commands and followers are tried without an engine."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx

from errands import __version__
from errands.api.frame import Parts
from errands.api.mounting import Mounted
from errands.cli.client import Client, client_on
from errands.cli.client.connection import Connection
from errands.cli.client.mounted import MountedTransport
from errands.cli.desk import acting_as
from errands.cli.versions import Versions
from errands.cli.wiring import Opened, Wiring
from errands.core.access import Principal
from errands.core.definition.task import TaskDefinition
from errands.core.outcomes import RunStatus
from errands.core.problems import Problem
from errands.services import Services
from errands.services.errors import NotFound, ServiceError
from errands.services.feeds import Told
from errands.services.views import (
    Applied,
    ApprovalAnswered,
    ApprovalView,
    LogLine,
    Page,
    RerunView,
    RunEvent,
    RunLine,
    RunStarted,
    RunView,
    SourceFile,
    TaskView,
    VersionView,
)
from tests.faces.made_up import APPROVAL_ID, NOW, RUN_ID, definition, run


@dataclass
class Runs:
    """Runs whose events are put in by the test."""

    view: RunView = field(default_factory=run)
    started: RunStarted = field(default_factory=lambda: RunStarted(RUN_ID, RunStatus.QUEUED, None, existing=False))
    events: "asyncio.Queue[RunEvent]" = field(default_factory=asyncio.Queue)
    script: Sequence[RunEvent] = ()
    given: dict[str, Any] = field(default_factory=dict)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    lines: Sequence[LogLine] = ()
    refusal: BaseException | None = None

    async def start(self, caller: Principal, project: str, task: str, given: Any, **options: Any) -> RunStarted:
        if self.refusal is not None:
            raise self.refusal
        self.given = {"starter": caller.reference, "project": project, "task": task, "arguments": given, **options}
        return self.started

    async def get(self, caller: Principal, run_id: str, *, largest: int | None = None) -> RunView:
        if run_id not in (RUN_ID, "last"):
            raise NotFound("run", run_id)
        return self.view

    async def follow(self, caller: Principal, run_id: str, *, largest: int | None = None) -> AsyncIterator[RunEvent]:
        for event in self.script:
            yield event
        while True:
            event = await self.events.get()
            yield event
            if event.kind == "ended":
                return

    async def follow_together(self, caller: Principal, run_id: str, *, after: int = 0) -> AsyncIterator[Sequence[Told]]:
        async for event in self.follow(caller, run_id):
            yield [Told(event)]

    async def list(self, caller: Principal, project: str, **filters: Any) -> Page[RunLine]:
        self.given = {"project": project, **filters}
        view = self.view
        line = RunLine(
            view.id, view.status, view.task, None, view.version, view.trigger, view.starter, view.reason,
            view.error, view.queued_at, view.started_at, view.finished_at, view.usage,
        )  # fmt: skip
        return Page((line,), "run_next")

    async def logs(self, caller: Principal, run_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[LogLine]:
        return [line for line in self.lines if line.id > after]

    async def cancel(self, caller: Principal, run_id: str, *, reason: str | None) -> bool:
        self.given = {"by": caller.reference, "reason": reason}
        self.cancelled.set()
        return not self.view.status.final

    async def rerun_plan(
        self, caller: Principal, run_id: str, *, from_step: str | None, version: int | None
    ) -> RerunView:
        return RerunView(run_id, from_step, version or 7, ("orders", "totals"), ("mail",))

    async def rerun(self, caller: Principal, run_id: str, **options: Any) -> RunStarted:
        self.given = {"starter": caller.reference, **options}
        return self.started


@dataclass
class Approvals:
    """One approval."""

    view: ApprovalView = field(
        default_factory=lambda: ApprovalView(
            id=APPROVAL_ID,
            run=RUN_ID,
            project="default",
            task="report",
            task_title=None,
            path="ok",
            question="Send it?",
            form={"type": "object", "properties": {"text": {"type": "string", "default": "Dear all"}}},
            choices=("send", "drop"),
            subject=None,
            approvers=(),
            excluded=(),
            quorum=1,
            status="open",
            choice=None,
            answers=(),
            created_at=NOW,
            due_at=None,
            closed_at=None,
            reminded_at=None,
            reminders=0,
            escalates_at=None,
            escalate_to=(),
            escalated_at=None,
        )
    )
    answers: list[dict[str, Any]] = field(default_factory=list)
    refusal: ServiceError | None = None

    async def inbox(self, caller: Principal, project: str, **options: Any) -> Page[ApprovalView]:
        return Page((self.view,), None)

    async def get(self, caller: Principal, named: str) -> ApprovalView:
        return self.view

    async def answer(self, caller: Principal, named: str, **answer: Any) -> ApprovalAnswered:
        if self.refusal is not None:
            raise self.refusal
        self.answers.append({"person": caller.reference, **answer})
        return ApprovalAnswered(named, closed=True, choice=answer["choice"])


@dataclass
class Tasks:
    """One task, `report`."""

    applied: list[Applied] = field(default_factory=list)
    refusal: BaseException | None = None
    published: list[int] = field(default_factory=list)
    files: Sequence[SourceFile] = ()

    async def definition(
        self, caller: Principal, project: str, name: str, version: int | None = None
    ) -> TaskDefinition:
        if name != "report":
            raise NotFound("task", name, ["report"])
        return definition()

    async def apply(
        self, caller: Principal, project: str, files: Sequence[SourceFile], **options: Any
    ) -> list[Applied]:
        if self.refusal is not None:
            raise self.refusal
        self.files = files
        return self.applied

    async def get(self, caller: Principal, project: str, name: str) -> TaskView:
        published = self.published[-1] if self.published else None
        return TaskView("task_1", name, None, "Sums up.", (), published, 7, None, None, NOW)

    async def versions(self, caller: Principal, project: str, name: str, **page: Any) -> Page[VersionView]:
        return Page((VersionView("ver_1", 7, "d1gest", "user:ana", None, NOW, published=False),), None)

    async def publish(self, caller: Principal, project: str, name: str, number: int, **options: Any) -> TaskView:
        self.published.append(number)
        return await self.get(caller, project, name)

    async def export(self, caller: Principal, project: str) -> Sequence[SourceFile]:
        return self.files


@dataclass
class Stage:
    """Everything a command can reach."""

    runs: Runs = field(default_factory=Runs)
    approvals: Approvals = field(default_factory=Approvals)
    tasks: Tasks = field(default_factory=Tasks)
    problems: Sequence[Problem] = ()
    log: Path = Path("/nonexistent/errands.log")
    opened_with: list[bool] = field(default_factory=list)

    def mounted(self) -> Mounted:
        """The real API, on the services of this stage."""
        services = SimpleNamespace(runs=self.runs, approvals=self.approvals, tasks=self.tasks)
        return Mounted(Parts(cast(Services, services), lambda _: None, __version__, lambda _: None, cast(Any, None)))

    def client(self, person: str) -> Client:
        """The client of a command in this person's name."""
        http = httpx.AsyncClient(transport=MountedTransport(self.mounted(), acting_as(person)), base_url="http://x")
        return client_on(Connection(http, None, Versions(__version__, lambda _: None)))

    def opened(self) -> Opened:
        opened = SimpleNamespace(mounted=self.mounted, default_project="default", shutdown_grace=timedelta(seconds=20))
        return cast(Opened, opened)

    @asynccontextmanager
    async def open(self, *, worker: bool = False, mounting: bool = False) -> AsyncIterator[Opened]:
        self.opened_with.append(worker)
        yield self.opened()

    async def check(self, files: Sequence[SourceFile]) -> dict[str, Sequence[Problem]]:
        return {file.name: self.problems for file in files}

    async def pull(self, source: str | None, tell: Any) -> Path:
        return Path("/models/x.gguf")

    def wiring(self) -> Wiring:
        return Wiring(
            self.open,
            self.check,
            lambda: "default",
            self.pull,
            lambda: self.log,
            serve=cast(Any, None),
            restore=cast(Any, None),
        )
