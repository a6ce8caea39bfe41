"""Runs: started, read, followed, cancelled, repeated."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path

from errands.cli.client.connection import Connection
from errands.cli.client.following import followed
from errands.core.outcomes import RunStatus
from errands.core.values import Json, JsonObject, to_text
from errands.services.views import LogLine, Page, RerunView, RunEvent, RunLine, RunStarted, RunView

_LINES = 1000


class Runs:
    """The runs of all projects."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def start(
        self,
        project: str,
        task: str,
        arguments: JsonObject,
        *,
        version: int | None = None,
        idempotency_key: str | None = None,
        files: Sequence[tuple[str, Path]] = (),
    ) -> RunStarted:
        """Launch a run. `files` are param and path. Raises OSError for a file that cannot be read."""
        path = ("projects", project, "tasks", task, "runs")
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key is not None else None
        if not files:
            body = {"arguments": arguments, "version": version}
            return await self._connection.ask(RunStarted, "POST", *path, body=body, headers=headers)
        fields = {"arguments": to_text(arguments), **({} if version is None else {"version": str(version)})}
        return await self._connection.upload(RunStarted, *path, fields=fields, files=files, headers=headers)

    async def list(
        self,
        project: str,
        *,
        task: str | None = None,
        status: RunStatus | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[RunLine]:
        """Runs, newest first."""
        return await self._connection.get(
            Page[RunLine],
            *("projects", project, "runs"),
            task=task,
            status=status,
            since=since,
            until=until,
            cursor=cursor,
            limit=limit,
        )

    async def get(self, run: str) -> RunView:
        """A run with its record."""
        return await self._connection.get(RunView, "runs", run)

    async def output(self, run: str) -> Json:
        """The output of a run, however large."""
        return await self._connection.value("GET", "runs", run, "output")

    async def logs(self, run: str, *, after: int = 0) -> Sequence[LogLine]:
        """Lines of a run's log after the line `after`; at most a thousand."""
        return await self._connection.get(list[LogLine], "runs", run, "logs", after=after, limit=_LINES)

    def follow(self, run: str, away: Callable[[], None] = lambda: None) -> AsyncIterator[RunEvent]:
        """The run as it is, then every change, until it ends. A connection that breaks is made again.

        `away` is called once each time that the server does not answer then.
        """
        return followed(self._connection, run, away)

    async def cancel(self, run: str, *, reason: str | None) -> bool:
        """Ask a run to end. False: it had ended."""
        return (await self._connection.post(dict[str, bool], "runs", run, "cancel", body={"reason": reason}))[
            "cancelled"
        ]

    async def delete(self, run: str, *, note: str | None) -> None:
        """Delete an ended run with its record and files, for good."""
        await self._connection.value("DELETE", "runs", run, query={"note": note})

    async def rerun_plan(self, run: str, *, from_step: str | None, version: int | None) -> RerunView:
        """What a rerun would take over, and what it would repeat."""
        return await self._connection.get(RerunView, "runs", run, "rerun", from_step=from_step, version=version)

    async def rerun(
        self,
        run: str,
        *,
        from_step: str | None,
        version: int | None,
        arguments: JsonObject | None = None,
        outputs: JsonObject | None = None,
    ) -> RunStarted:
        """A new run with the same arguments but for those that are given; `outputs` by the path of an earlier step."""
        body = {"from_step": from_step, "version": version, "arguments": arguments or {}, "outputs": outputs or {}}
        return await self._connection.post(RunStarted, "runs", run, "rerun", body=body)
