"""Tasks: read, published, paused, tested."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from errands.cli.client.connection import Connection
from errands.core.values import Json, JsonObject
from errands.services.backtest_views import Backtest, PublishGateView
from errands.services.grants_views import GrantsSuggested
from errands.services.rehearsal_views import DryRunView, TestResult
from errands.services.views import (
    Page,
    SourceFile,
    TaskView,
    VersionDiff,
    VersionView,
)

if TYPE_CHECKING:
    from errands.core.definition.task import TaskDefinition


class Tasks:
    """The tasks of projects."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(self, project: str, *, archived: bool = False) -> Sequence[TaskView]:
        """All tasks by name."""
        path = ("projects", project, "tasks")
        return await self._connection.whole(Page[TaskView], *path, archived=archived)

    async def get(self, project: str, task: str) -> TaskView:
        """One task."""
        return await self._connection.get(TaskView, *_task(project, task))

    async def definition(self, project: str, task: str, version: int | None = None) -> "TaskDefinition":
        """What a version says; without a number the published one, or else the newest."""
        from errands.core.definition.task import TaskDefinition

        found: Json = await self._connection.value(
            "GET", *_task(project, task), "definition", query={"version": version}
        )
        return TaskDefinition.model_validate(found)

    async def versions(self, project: str, task: str) -> Sequence[VersionView]:
        """All versions of a task, newest first."""
        return await self._connection.whole(Page[VersionView], *_task(project, task), "versions")

    async def publish(
        self, project: str, task: str, version: int, *, message: str | None, overrule: str | None = None
    ) -> TaskView:
        """Let new runs take this version."""
        body = {"version": version, "message": message, "overrule": overrule}
        return await self._connection.post(TaskView, *_task(project, task), "publish", body=body)

    async def compare(self, project: str, task: str, older: int, newer: int) -> VersionDiff:
        """What differs between two versions."""
        return await self._connection.get(VersionDiff, *_task(project, task), "diff", older=older, newer=newer)

    async def pause(self, project: str, task: str, note: str | None) -> TaskView:
        """Refuse new runs."""
        return await self._connection.post(TaskView, *_task(project, task), "pause", body={"note": note})

    async def resume(self, project: str, task: str, *, catch_up: bool, note: str | None) -> TaskView:
        """Admit runs again."""
        body = {"catch_up": catch_up, "note": note}
        return await self._connection.post(TaskView, *_task(project, task), "resume", body=body)

    async def archive(self, project: str, task: str, *, note: str | None) -> TaskView:
        """Start nothing of it any more, and leave it out of lists."""
        return await self._connection.post(TaskView, *_task(project, task), "archive", body={"note": note})

    async def restore(self, project: str, task: str) -> TaskView:
        """Bring back what was archived or deleted."""
        return await self._connection.post(TaskView, *_task(project, task), "restore")

    async def delete(self, project: str, task: str, *, note: str | None) -> TaskView:
        """Archive it now, and remove it later."""
        return await self._connection.ask(TaskView, "DELETE", *_task(project, task), query={"note": note})

    async def test(self, project: str, source_or_name: SourceFile | str) -> Sequence[TestResult]:
        """Do the tests of a file, or of a stored task."""
        body = chosen(source_or_name)
        return await self._connection.post(list[TestResult], "projects", project, "test", body=body)

    async def dry_run(
        self, project: str, source_or_name: SourceFile | str, arguments: JsonObject, stubs: JsonObject
    ) -> DryRunView:
        """Rehearse a file, or a stored task."""
        body = {**chosen(source_or_name), "arguments": arguments, "stubs": stubs}
        return await self._connection.post(DryRunView, "projects", project, "dry-run", body=body)

    async def backtest(
        self,
        project: str,
        source_or_name: SourceFile | str,
        *,
        version: int | None,
        runs: int,
        live: Mapping[str, object] | None = None,
    ) -> Backtest:
        """Walk the last runs again with a file, or with a version of a stored task."""
        body = {**chosen(source_or_name), "version": version, "runs": runs, "live": live}
        return await self._connection.post(Backtest, "projects", project, "backtest", body=body)

    async def gate(self, project: str, task: str | None) -> PublishGateView:
        """What must hold before a version is published: of a task, or of the project's tasks."""
        return await self._connection.get(PublishGateView, *_gated(project, task), "publish-gate")

    async def set_gate(self, project: str, task: str | None, gate: Mapping[str, object] | None) -> PublishGateView:
        """Set it; None: take it away."""
        body = {"gate": gate}
        return await self._connection.ask(PublishGateView, "PUT", *_gated(project, task), "publish-gate", body=body)

    async def grants(self, project: str, task: str, *, runs: int) -> GrantsSuggested:
        """The narrowest grants that would have been enough."""
        return await self._connection.get(GrantsSuggested, *_task(project, task), "grants", runs=runs)


def chosen(source_or_name: SourceFile | str) -> dict[str, object]:
    """A stored task by name, or a file, as bodies name it."""
    return {"task": source_or_name} if isinstance(source_or_name, str) else {"file": source_or_name}


def _gated(project: str, task: str | None) -> tuple[str, ...]:
    return ("projects", project) if task is None else _task(project, task)


def _task(project: str, task: str) -> tuple[str, ...]:
    return ("projects", project, "tasks", task)
