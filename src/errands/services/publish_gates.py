"""Gates before a publication: what a version must make of the last runs before new runs may take it.

An owner sets one for a project, or for a task in place of the project's. Whoever publishes may overrule it with a note,
which stays in the audit log with what the version would have changed.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.access import Principal, ProjectResource, TaskResource, Verb
from errands.core.definition.policies import Frozen
from errands.core.definition.task import TaskDefinition
from errands.core.values import Json, JsonObject
from errands.services.authority import Authority
from errands.services.backtest_views import BacktestedRun, PublishGateView
from errands.services.edits import check_edited, digest_of_value
from errands.services.errors import GateClosed
from errands.services.lookup import find_project, find_task
from errands.services.past_runs import PastRuns, Tried
from errands.store import projects, publish_gates
from errands.store.database import Database
from errands.store.projects import ProjectRow
from errands.store.tasks import TaskRow, VersionBody

_LONGEST_NOTE = 1000
_NAMED = 3


class PublishGate(Frozen):
    """What must hold before a version is published."""

    runs: Annotated[int, Field(ge=0, le=200)] = 20
    """How many of the last runs are walked again. 0: no gate, for a task of a project that has one."""
    may_differ: Annotated[int, Field(ge=0, le=200)] = 0
    """How many of them may come out otherwise."""
    unknown: Literal["differs", "passes"] = "differs"
    """What a run counts as whose outcome follows from a call that the record cannot answer."""


class Gatekeeper:
    """Holds versions back that would change too much."""

    def __init__(self, past: PastRuns) -> None:
        self._past = past

    async def check(
        self,
        connection: AsyncConnection,
        project: ProjectRow,
        task: TaskRow,
        version: VersionBody,
        overruled: str | None = None,
    ) -> JsonObject:
        """What the audit keeps of it; nothing where there is no gate. `overruled`: the note of whoever overrules it.

        Raises GateClosed. A version that is published already passes.
        """
        gate = _effective(await publish_gates.of_task(connection, task.id))
        if gate is None or gate.runs == 0 or version.id == task.published_version_id:
            return {}
        tried = Tried(TaskDefinition.model_validate(version.definition), version.agents or {}, version.number)
        walked = await self._past.walk(project.name, tried, gate.runs)
        differing = [run for run in walked if _differs(run, gate)]
        if len(differing) <= gate.may_differ:
            return {"gate": {"runs": len(walked), "differing": len(differing)}}
        if overruled is None or not overruled.strip():
            raise _closed(task.name, version.number, gate, len(walked), differing)
        named: list[Json] = [run.run for run in differing]
        return {"gate": {"runs": len(walked), "differing": named}, "overruled": overruled.strip()[:_LONGEST_NOTE]}


class PublishGateService:
    """What a caller may ask of gates."""

    def __init__(self, database: Database, authority: Authority) -> None:
        self._database = database
        self._authority = authority

    async def get(self, caller: Principal, project: str, task: str | None = None) -> PublishGateView:
        """The gate of a project, or the one that counts for a task. Raises NotFound, Denied."""
        resource = ProjectResource(project, "task") if task is None else TaskResource(project, task)
        await self._authority.authorise(caller, Verb.TASK_READ, resource)
        async with self._database.engine.connect() as connection:
            return await _view(connection, project, task)

    async def set(
        self,
        caller: Principal,
        project: str,
        task: str | None = None,
        *,
        gate: PublishGate | None,
        edited: Sequence[str] | None = None,
    ) -> PublishGateView:
        """Set the gate of a project, or a task's own in place of it; None: take it away.

        `edited`: digests, one of which what is there must have. None: whatever is there. Raises NotFound, Denied,
        ChangedMeanwhile.
        """
        resource = ProjectResource(project) if task is None else TaskResource(project, task)
        await self._authority.authorise(caller, Verb.PROJECT_EDIT, resource)
        kept = None if gate is None else gate.model_dump(mode="json")
        async with self._database.engine.begin() as connection:
            owner = await find_project(connection, project)
            await projects.lock(connection, owner.id)
            before = await _view(connection, project, task)
            check_edited("publish gate of", task or project, before.digest, edited)
            if task is None:
                await publish_gates.set_of_project(connection, owner.id, kept)
            else:
                found = await find_task(connection, project, task, lock=True)
                await publish_gates.set_of_task(connection, found.id, kept)
            told: JsonObject = {"act": "publish-gate", "gate": kept}
            await self._authority.record(connection, caller, Verb.PROJECT_EDIT, resource, told)
            return await _view(connection, project, task)


async def _view(connection: AsyncConnection, project: str, task: str | None) -> PublishGateView:
    if task is None:
        own = await publish_gates.of_project(connection, (await find_project(connection, project)).id)
        gates = publish_gates.Gates(own, None)
    else:
        gates = await publish_gates.of_task(connection, (await find_task(connection, project, task)).id)
    gate = _effective(gates)
    if gate is None:
        return PublishGateView(None, None, None, None, _digest(gates))
    whose: Literal["task", "project"] = "project" if gates.task is None else "task"
    return PublishGateView(whose, gate.runs, gate.may_differ, gate.unknown, _digest(gates))


def _digest(gates: publish_gates.Gates) -> str:
    return digest_of_value([gates.project, gates.task])


def _effective(gates: publish_gates.Gates) -> PublishGate | None:
    """The task's own, or else the project's."""
    kept = gates.project if gates.task is None else gates.task
    return None if kept is None else PublishGate.model_validate(kept)


def _differs(run: BacktestedRun, gate: PublishGate) -> bool:
    return run.verdict in ("changed", "refused") or (run.verdict == "unknown" and gate.unknown == "differs")


def _closed(task: str, number: int, gate: PublishGate, walked: int, differing: Sequence[BacktestedRun]) -> GateClosed:
    told = [(run.run, _why(run)) for run in differing]
    named = "; ".join(f"{run} {why}" for run, why in told[:_NAMED])
    more = f"; and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    allowed = f", and the gate lets {gate.may_differ}" if gate.may_differ else ""
    message = (
        f"Version {number} of {task} is held back: {len(differing)} of its last {walked} runs would not come out the "
        f"same{allowed}: {named}{more}."
    )
    hint = (
        f"See all of it: errands backtest {task} --version {number} --runs {gate.runs}. To publish it all the same: "
        f'errands publish {task} {number} --overrule "why"'
    )
    return GateClosed(message, hint, told)


def _why(run: BacktestedRun) -> str:
    match run.verdict:
        case "unknown":
            return f"({', '.join(run.unanswered[:2])}: changed, unanswered)"
        case "refused":
            return "(its arguments do not fit any more)"
        case _ if run.differences:
            return f"({run.differences[0]})"
        case _:
            status = run.status.value if run.status is not None else "unknown"
            return f"({run.status_before.value} -> {status})"
