"""Backtests: what a draft would have made of the last runs of its task, without asking anything of the world."""

from errands.core.access import Principal, ProjectResource, TaskResource, Verb
from errands.core.definition.policies import BudgetAmounts
from errands.core.definition.task import TaskDefinition
from errands.core.outcomes import Usage
from errands.core.values import JsonObject
from errands.engine.live_models import Purse
from errands.services.applying import freeze_agents
from errands.services.authority import Authority
from errands.services.backtest_views import Backtest, Live
from errands.services.errors import Invalid
from errands.services.lookup import find_project, find_task, find_version
from errands.services.past_runs import PastRuns, Tried
from errands.services.tasks import TaskService
from errands.services.views import SourceFile
from errands.store.database import Database

_MOST_RUNS = 200


class BacktestService:
    """What a caller may learn of a draft from the past."""

    def __init__(self, database: Database, authority: Authority, past: PastRuns, tasks_: TaskService) -> None:
        self._database = database
        self._authority = authority
        self._past = past
        self._tasks = tasks_

    async def backtest(
        self,
        caller: Principal,
        project: str,
        source_or_name: SourceFile | str,
        *,
        version: int | None = None,
        count: int = 20,
        live: BudgetAmounts | None = None,
    ) -> Backtest:
        """Walk the last runs again with a file, or with a version of a task (None: the newest).

        `live`: ask real models for what the record cannot answer, and spend no more than this, in all runs together.
        Raises Denied, NotFound, FilesInvalid, Invalid.
        """
        named = source_or_name if isinstance(source_or_name, str) else ""
        await self._authority.authorise(caller, Verb.TASK_REHEARSE, TaskResource(project, named))
        await self._authority.authorise(caller, Verb.RUN_READ, ProjectResource(project, "run"))
        if not 1 <= count <= _MOST_RUNS:
            raise Invalid(f"{count} runs cannot be walked again at once.", f"Ask for 1 to {_MOST_RUNS}.")
        tried = await self._draft(caller, project, source_or_name, version)
        purse = None if live is None else await self._purse(caller, project, tried.definition.task, live)
        found = await self._past.walk(project, tried, count, purse)
        if purse is None:
            return Backtest(tried.definition.task, tried.number, found)
        paid = purse.meter.spent
        await self._record_paid(caller, project, tried, len(found), paid)
        return Backtest(tried.definition.task, tried.number, found, Live(paid, purse.used_up))

    async def _purse(self, caller: Principal, project: str, task: str, budget: BudgetAmounts) -> Purse:
        """Who may run the task may spend on it. Raises Denied, Invalid for a budget without a bound."""
        await self._authority.authorise(caller, Verb.TASK_RUN, TaskResource(project, task))
        if budget.usd is None and budget.tokens is None and budget.requests is None:
            raise Invalid("Real models are asked within a budget alone.", "Give usd, tokens or requests.")
        return Purse(budget)

    async def _record_paid(self, caller: Principal, project: str, tried: Tried, count: int, paid: Usage) -> None:
        told: JsonObject = {"act": "backtest", "version": tried.number, "runs": count, "paid": paid.as_json()}
        async with self._database.engine.begin() as connection:
            resource = TaskResource(project, tried.definition.task)
            await self._authority.record(connection, caller, Verb.TASK_REHEARSE, resource, told)

    async def _draft(
        self, caller: Principal, project: str, source_or_name: SourceFile | str, version: int | None
    ) -> Tried:
        async with self._database.reader.connect() as connection:
            if isinstance(source_or_name, str):
                task = await find_task(connection, project, source_or_name)
                body = await find_version(connection, task, version or task.latest)
                return Tried(TaskDefinition.model_validate(body.definition), body.agents or {}, body.number)
        definition = await self._tasks.resolve(caller, project, source_or_name)
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            return Tried(definition, await freeze_agents(connection, owner.id, definition), None)
