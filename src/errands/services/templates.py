"""Templates: listed, shown, tried with sample data, adopted into a project."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.access import AccountResource, Principal, ProjectResource, Verb
from errands.core.definition.editing import SetValue, rewrite
from errands.core.definition.parsing import load_task
from errands.core.definition.picture import draw_steps
from errands.core.definition.task import TaskDefinition, TaskTest
from errands.core.params import arguments_schema, bind
from errands.core.ports import Evaluation, Evaluator
from errands.core.task_templates import TemplateBroken, adapted, derived
from errands.core.values import Json, JsonObject
from errands.services.applying import Importing
from errands.services.authority import Authority
from errands.services.errors import Invalid
from errands.services.principals import behind
from errands.services.rehearsing import Rehearsal
from errands.services.tasks import TaskService
from errands.services.template_shelf import Shelf, Shelved
from errands.services.template_views import (
    Adopted,
    NeededGrants,
    NeededSecret,
    TaskPicture,
    TemplateLine,
    TemplateView,
    TrialView,
)
from errands.services.views import SourceFile
from errands.store import projects, secrets
from errands.store.database import Database
from errands.store.projects import ProjectRow

_NOWHERE = "default"
"""Project of a trial: it reads nothing of it."""


class TemplateService:
    """What a caller may ask of the templates that are shipped. Reading and trying takes no more than an account."""

    def __init__(
        self,
        database: Database,
        authority: Authority,
        tasks: TaskService,
        rehearsal: Rehearsal,
        evaluate: Evaluator,
        shelf: Shelf | None = None,
    ) -> None:
        self._database = database
        self._authority = authority
        self._tasks = tasks
        self._rehearsal = rehearsal
        self._evaluate = evaluate
        self._shelf = shelf or Shelf()

    async def list(self, caller: Principal) -> list[TemplateLine]:
        """All templates by name. Raises Denied."""
        await self._authorise(caller)
        names = await asyncio.to_thread(self._shelf.names)
        return [_line(await self._find(name)) for name in names]

    async def get(self, caller: Principal, template: str) -> TemplateView:
        """One template: what it asks, what it needs, what it does. Raises NotFound, Denied."""
        await self._authorise(caller)
        return _view(await self._find(template))

    async def attempt(self, caller: Principal, template: str) -> TrialView:
        """Rehearse it with its sample data: nothing leaves the machine, nothing is kept. Raises NotFound, Denied."""
        await self._authorise(caller)
        found = await self._find(template)
        trial = found.about.try_
        definition, test = _rehearsed(found)
        arguments: dict[str, Json] = {**trial.args}
        files: dict[str, bytes] = {}
        for param, named in trial.files.items():
            paths = [named] if isinstance(named, str) else named
            places = [f"inputs/{path.rpartition('/')[2]}" for path in paths]
            contents = [await asyncio.to_thread(found.sample, path) for path in paths]
            files |= dict(zip(places, contents, strict=True))
            arguments[param] = places[0] if isinstance(named, str) else [*places]
        run = await self._rehearsal.trial(_NOWHERE, definition, test, arguments=arguments, files=files, real=trial.real)
        return TrialView(trial.task, run)

    async def adopt(
        self,
        caller: Principal,
        project: str,
        template: str,
        answers: JsonObject,
        *,
        task: str | None = None,
        publish: bool = False,
        dry_run: bool = False,
    ) -> Adopted:
        """Bring the template's files into the project, with the answers in them: as drafts, or published.

        `task`: another name for the task, so that a project can hold two of a kind; for templates of one task.
        `dry_run` tells what would change and changes nothing. Drafts may come before the secrets that they name;
        publishing needs them. Raises Denied, NotFound, ArgumentsInvalid for wrong answers, FilesInvalid.
        """
        await self._authority.authorise(caller, Verb.TASK_EDIT, ProjectResource(project))
        found = await self._find(template)
        files = await self._adapt(found, bind(found.about.params, answers))
        files = files if task is None else _renamed(found, files, task)
        early = dry_run or not publish
        applied = await self._tasks.apply(
            caller,
            project,
            files,
            message=f"From the template {template}.",
            publish=publish,
            dry_run=dry_run,
            importing=Importing(frozenset(found.about.secrets), _nothing) if early else None,
        )
        return Adopted(tuple(files), tuple(applied), await self._missing(project, found))

    async def _adapt(self, found: Shelved, answers: Mapping[str, Json]) -> Sequence[SourceFile]:
        wanted = derived(found.about)
        evaluation = Evaluation([one.expression for one in wanted], answers, datetime.now(UTC))
        values = await self._evaluate(evaluation) if wanted else []
        computed = {one.at: value for one, value in zip(wanted, values, strict=True)}
        sources = adapted(found.about, found.sources, answers, computed)
        return [SourceFile(name, source) for name, source in sources.items()]

    async def _missing(self, project: str, found: Shelved) -> tuple[str, ...]:
        async with self._database.engine.connect() as connection:
            owner = await projects.find(connection, project)
            there = set() if owner is None else {row.name for row in await secrets.listed(connection, owner.id)}
        return tuple(name for name in found.about.secrets if name not in there)

    async def _find(self, name: str) -> Shelved:
        return await asyncio.to_thread(self._shelf.find, name)

    async def _authorise(self, caller: Principal) -> None:
        person = behind(caller)
        own = AccountResource(caller.id if person is None else person.id, caller.name)
        await self._authority.authorise(caller, Verb.ACCOUNT_READ, own)


async def _nothing(connection: AsyncConnection, owner: ProjectRow) -> None:
    """Nothing besides the files is brought in."""


def _renamed(found: Shelved, files: Sequence[SourceFile], task: str) -> Sequence[SourceFile]:
    """The files with another name for the task. Raises Invalid where there are several."""
    several = [file.name for file in files if file.name.startswith("tasks/")]
    if len(several) > 1:
        names = ", ".join(one.removeprefix("tasks/").removesuffix(".yaml") for one in several)
        raise Invalid(f"The template {found.about.template} has several tasks: {names}.", "Leave the name out.")
    renamed = {several[0]: f"tasks/{task}.yaml"}
    change = [SetValue(("task",), task)]
    return [
        SourceFile(renamed[file.name], rewrite(file.source, change)) if file.name in renamed else file for file in files
    ]


def _line(found: Shelved) -> TemplateLine:
    about = found.about
    return TemplateLine(about.template, about.title, about.summary, about.use_case, about.tags)


def _view(found: Shelved) -> TemplateView:
    about, definitions = found.about, _definitions(found)
    return TemplateView(
        name=about.template,
        title=about.title,
        summary=about.summary,
        use_case=about.use_case,
        tags=about.tags,
        schedule=about.schedule,
        asks=arguments_schema(about.params),
        secrets=tuple(NeededSecret(name, text) for name, text in about.secrets.items()),
        grants=_grants(definitions),
        tasks=tuple(map(_picture, definitions)),
        files=tuple(SourceFile(name, source) for name, source in found.sources.items()),
    )


def _picture(definition: TaskDefinition) -> TaskPicture:
    title = definition.title or definition.task
    return TaskPicture(definition.task, title, definition.description, draw_steps(definition))


def _definitions(found: Shelved) -> Sequence[TaskDefinition]:
    return [load_task(source) for name, source in found.sources.items() if name.startswith("tasks/")]


def _grants(definitions: Sequence[TaskDefinition]) -> NeededGrants:
    grants = [one.grants for one in definitions]
    return NeededGrants(
        tools=_all(tool if isinstance(tool, str) else tool.name for one in grants for tool in one.tools),
        hosts=_all(host for one in grants for host in one.hosts),
        folders=_all(folder for one in grants for folder in one.folders),
        untrusted=_all(tool for one in grants for tool in one.untrusted),
    )


def _all(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _rehearsed(found: Shelved) -> tuple[TaskDefinition, TaskTest]:
    """The task and the test of a trial. Raises TemplateBroken."""
    trial = found.about.try_
    for definition in _definitions(found):
        if definition.task == trial.task:
            for test in definition.tests:
                if test.name == trial.test:
                    return definition, test
    raise TemplateBroken(f"{found.about.template} has no test {trial.test!r} of a task {trial.task!r} to try")
