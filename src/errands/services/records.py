"""What runs have left, as a whole: taken along as a file, or deleted."""

from datetime import datetime
from typing import assert_never

from errands.core import ids
from errands.core.access import Principal, ProjectResource, Verb
from errands.core.outcomes import RunStatus
from errands.core.values import JsonObject
from errands.engine.retention import ArtifactBin, forget_run
from errands.services.authority import Authority
from errands.services.errors import Conflict, NotFound
from errands.services.lookup import find_run
from errands.services.runs import RunService
from errands.services.views import Page, RunLine
from errands.store import runs
from errands.store.database import Database

_PAGE = 500


class RecordService:
    """What a caller may ask of the records of runs beyond reading them."""

    def __init__(
        self, database: Database, authority: Authority, run_service: RunService, artifacts: ArtifactBin
    ) -> None:
        self._database = database
        self._authority = authority
        self._runs = run_service
        self._artifacts = artifacts

    async def export(
        self,
        caller: Principal,
        project: str,
        *,
        task: str | None = None,
        status: RunStatus | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
    ) -> Page[RunLine]:
        """Runs to take along, 500 at a time, as `RunService.list` gives them. The first page is kept in the audit log.

        Raises Denied, NotFound (project, task), Invalid (cursor, a moment without an offset).
        """
        resource = ProjectResource(project, "run")
        await self._authority.authorise(caller, Verb.RUN_EXPORT, resource)
        page = await self._runs.list(
            caller, project, task=task, status=status, since=since, until=until, cursor=cursor, limit=_PAGE
        )
        if cursor is None:
            told: JsonObject = {
                "task": task,
                "status": status and status.value,
                "since": None if since is None else since.isoformat(),
                "until": None if until is None else until.isoformat(),
            }
            detail = {name: value for name, value in told.items() if value is not None}
            async with self._database.engine.begin() as connection:
                await self._authority.record(connection, caller, Verb.RUN_EXPORT, resource, detail)
        return page

    async def delete(self, caller: Principal, run: str, *, note: str | None = None) -> None:
        """Remove an ended run with its record, log and files, at once and for good. What it counted for stays counted.

        Raises NotFound, Denied, Conflict where it, or a sub-task of it, has not ended.
        """
        async with self._database.reader.connect() as connection:
            run_id = await find_run(connection, run, lambda project: self._sees(caller, project))
            row = await runs.find(connection, run_id)
        if row is None:
            raise NotFound("run", run)
        name = ids.encode("run", row.id)
        resource = ProjectResource(row.project, "run", name)
        await self._authority.authorise(caller, Verb.RUN_DELETE, resource)
        detail: JsonObject = {
            "task": row.task,
            "status": row.status,
            "queued_at": row.queued_at.isoformat(),
            "note": note,
        }
        witness = self._authority.witness(caller, Verb.RUN_DELETE, resource, detail)
        match await forget_run(self._database.pool, self._artifacts, row.id, witness):
            case "forgotten":
                return
            case "gone":
                raise NotFound("run", run)
            case "active":
                raise Conflict(f"Run {name} has not ended.", f"Cancel it first: errands cancel {name}")
            case "needed":
                raise Conflict(f"A sub-task of run {name} has not ended.", "Wait for it, or cancel it first.")
            case other:
                assert_never(other)

    def _sees(self, caller: Principal, project: str) -> bool:
        return self._authority.decide(caller, Verb.RUN_READ, ProjectResource(project, "run")).allowed
