"""`apply`: files become versions, agents and models; all of them, or none."""

import difflib
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal, assert_never
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.catalog import Surroundings, ToolSpec
from errands.core.definition.agents import AgentDefinition, ModelDefinition
from errands.core.definition.checks import Definition, check_file
from errands.core.definition.parsing import parse_document
from errands.core.definition.steps import AgentStep
from errands.core.definition.task import TaskDefinition
from errands.core.definition.texts import every_step
from errands.core.definition.typing_contract import TypeChecker
from errands.core.problems import Problem
from errands.core.values import JsonObject, from_text
from errands.services.alarm_sync import sync_alarms
from errands.services.authority import utc_now
from errands.services.errors import ChangedMeanwhile, FilesInvalid
from errands.services.lookup import refuse_archived, refuse_deleted
from errands.services.surroundings import of_project, with_definition
from errands.services.trigger_sync import sync_triggers
from errands.services.views import Applied, SourceFile
from errands.store import library, projects, tasks
from errands.store.projects import ProjectRow
from errands.store.tasks import TaskRow, VersionBody, VersionRow

Change = Literal["created", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Importing:
    """What is different when the files are those of a whole project.

    Such files say what is published: a task whose published version they repeat stays as it is, whatever came later.
    """

    promised: frozenset[str]
    """Secrets that count as there although they are not yet."""
    also: Callable[[AsyncConnection, ProjectRow], Awaitable[None]]
    """Done in the same transaction, before the files are looked at."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done with the files, and in whose name."""

    files: Sequence[SourceFile]
    author: str
    message: str | None
    publish: bool
    timezone: str = "UTC"
    """Of schedules that name none."""
    edited: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By task, the digests of which one must be that of its newest version; none: the task must not be there."""
    importing: Importing | None = None


@dataclass(frozen=True, slots=True)
class _Sound:
    """A file without an error."""

    file: SourceFile
    definition: Definition
    warnings: tuple[Problem, ...]


async def apply_files(
    connection: AsyncConnection, project: str, wish: Wish, tools: Mapping[str, ToolSpec], checker: TypeChecker | None
) -> list[Applied]:
    """Check all files against the project as it will be, then store them, in the caller's transaction.

    Raises FilesInvalid with every problem of every file; nothing is stored then.
    """
    owner = await projects.ensure(connection, project)
    await projects.lock(connection, owner.id)
    refuse_deleted(owner)
    around = await of_project(connection, project, tools)
    if wish.importing is not None and around.secrets is not None:
        around = replace(around, secrets=around.secrets | wish.importing.promised)
    sound = await check_files(wish.files, around, checker)
    return [await _store(connection, owner, one, wish) for one in sorted(sound, key=_rank)]


async def check_files(files: Sequence[SourceFile], around: Surroundings, checker: TypeChecker | None) -> list[_Sound]:
    """Check files that may name one another. Raises FilesInvalid."""
    found = await problems_by_file(files, around, checker)
    if any(problem.severity == "error" for problems in found.values() for problem in problems):
        raise FilesInvalid({name: problems for name, problems in found.items() if problems})
    sound = []
    for file in files:
        definition = parse_document(file.source).definition
        assert definition is not None
        sound.append(_Sound(file, definition, tuple(found[file.name])))
    return sound


async def problems_by_file(
    files: Sequence[SourceFile], around: Surroundings, checker: TypeChecker | None
) -> Mapping[str, list[Problem]]:
    """Every file's problems, errors and warnings; each file sees what the others declare."""
    for file in files:
        definition = parse_document(file.source).definition
        if definition is not None:
            around = with_definition(around, definition)
    found = {
        file.name: (await check_file(file.source, around, checker, now=datetime.now(UTC))).problems for file in files
    }
    for name, problem in _twins(files):
        found[name].insert(0, problem)
    return found


def kind_and_name(definition: Definition) -> tuple[Literal["task", "agent", "model"], str]:
    """What a definition declares, and under which name."""
    match definition:
        case TaskDefinition():
            return "task", definition.task
        case AgentDefinition():
            return "agent", definition.agent
        case ModelDefinition():
            return "model", definition.model
        case _:
            assert_never(definition)


def digest_of(source: str) -> str:
    """Names a source text: line ends and trailing blanks do not count, everything else does, comments too."""
    lines = [line.rstrip() for line in source.splitlines()]
    return hashlib.blake2b("\n".join(lines).strip().encode(), digest_size=16).hexdigest()


def as_json(definition: Definition) -> JsonObject:
    """A definition in the form in which it is stored."""
    stored = from_text(definition.model_dump_json(by_alias=True))
    assert isinstance(stored, dict)
    return stored


def _twins(files: Sequence[SourceFile]) -> list[tuple[str, Problem]]:
    """A finding for every file that declares what an earlier one declares."""
    first: dict[tuple[str, str], str] = {}
    found = []
    for file in files:
        definition = parse_document(file.source).definition
        if definition is None:
            continue
        declared = kind_and_name(definition)
        other = first.setdefault(declared, file.name)
        if other != file.name:
            message = f"{declared[0]} `{declared[1]}` is declared in {other} as well"
            hint = "rename one of them, or leave one out"
            found.append((file.name, Problem(1, 1, declared[0], message, hint, code="declared-twice")))
    return found


def _rank(one: _Sound) -> int:
    return ("model", "agent", "task").index(kind_and_name(one.definition)[0])


async def _store(connection: AsyncConnection, owner: ProjectRow, one: _Sound, wish: Wish) -> Applied:
    kind, name = kind_and_name(one.definition)
    if isinstance(one.definition, TaskDefinition):
        return await _store_task(connection, owner, one, one.definition, wish)
    assert kind != "task"
    before = await library.find(connection, kind, owner.id, name)
    change = _change(None if before is None else before.source, one.file.source)
    if change != "unchanged":
        await library.put(connection, kind, owner.id, name, one.file.source, as_json(one.definition))
    diff = diff_of(name, "" if before is None else before.source, one.file.source)
    return Applied(one.file.name, kind, name, change, None, True, diff, one.warnings)


async def _store_task(
    connection: AsyncConnection, owner: ProjectRow, one: _Sound, definition: TaskDefinition, wish: Wish
) -> Applied:
    """A source that differs from the newest version's becomes the next version; then it is published if wished."""
    said = (definition.title, definition.description, definition.tags)
    task = await tasks.find(connection, owner.id, definition.task, lock=True)
    refuse_archived(task)
    task_id = task.id if task is not None else await tasks.make(connection, owner.id, definition.task, *said)
    newest = await _standing(connection, task, one.file.source, wish) if task is not None else None
    _check_edited(wish, definition.task, None if newest is None else newest.source)
    agents = await freeze_agents(connection, owner.id, definition)
    change = _change(None if newest is None else newest.source, one.file.source)
    if newest is not None and (newest.agents or {}) != agents:
        change = "changed"
    version: VersionRow | None
    if newest is None or change != "unchanged":
        version = await tasks.add_version(
            connection,
            task_id,
            digest=digest_of(one.file.source),
            source=one.file.source,
            definition=as_json(definition),
            agents=agents,
            author=wish.author,
            message=wish.message,
        )
    else:
        version = await tasks.version(connection, task_id, newest.number)
    assert version is not None
    if wish.publish:
        await tasks.publish(connection, version, *said, definition.limits.keep_runs)
        await sync_triggers(
            connection, owner.id, task_id, definition, owner=wish.author, default_timezone=wish.timezone
        )
        await sync_alarms(connection, owner.id, task_id, definition.alarms, utc_now())
    published = wish.publish or (task is not None and task.published_version_id == version.id)
    diff = diff_of(definition.task, "" if newest is None else newest.source, one.file.source)
    if newest is not None and newest.agents is not None:
        diff = "\n".join(text for text in (diff, *_agent_diffs(newest.agents, agents)) if text)
    return Applied(one.file.name, "task", definition.task, change, version.number, published, diff, one.warnings)


async def freeze_agents(
    connection: AsyncConnection, project_id: UUID, definition: TaskDefinition
) -> Mapping[str, JsonObject]:
    """The agents that a task uses, by name, as the project declares them now."""
    names = {step.agent or definition.agent for step, _ in every_step(definition) if isinstance(step, AgentStep)}
    found = [await library.find(connection, "agent", project_id, name) for name in sorted(filter(None, names))]
    return {agent.name: agent.definition for agent in found if agent is not None}


def _agent_diffs(before: Mapping[str, JsonObject], after: Mapping[str, JsonObject]) -> list[str]:
    """What has changed in the agents that a version keeps."""
    return [
        diff_of(f"agent {name}", _shown(before.get(name)), _shown(after.get(name)))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def _shown(agent: JsonObject | None) -> str:
    return "" if agent is None else json.dumps(agent, indent=2, ensure_ascii=False)


async def _standing(connection: AsyncConnection, task: TaskRow, source: str, wish: Wish) -> VersionBody | None:
    """The version that a file is compared with: the newest; in an import the published one where it says the same."""
    if wish.importing is not None and task.published is not None:
        published = await tasks.body(connection, task.id, task.published)
        if published is not None and published.digest == digest_of(source):
            return published
    return await tasks.body(connection, task.id, task.latest)


def _check_edited(wish: Wish, task: str, newest: str | None) -> None:
    """Raises ChangedMeanwhile where the newest version is not the one that was edited. The project is locked."""
    if task not in wish.edited:
        return
    edited = wish.edited[task]
    if newest is None and edited:
        raise ChangedMeanwhile(f"Task {task} is not there any more.", "Store it as a new one.")
    if newest is not None and not edited:
        raise ChangedMeanwhile(f"Task {task} is there already.", "Read it, and edit what is there.")
    if newest is not None and digest_of(newest) not in edited:
        raise ChangedMeanwhile(f"Task {task} has a newer version than the one edited.", "Read it again, and edit that.")


def _change(before: str | None, after: str) -> Change:
    if before is None:
        return "created"
    return "unchanged" if digest_of(before) == digest_of(after) else "changed"


def diff_of(name: str, before: str, after: str) -> str:
    """Unified diff with three lines around each change; trailing blanks do not count."""
    old, new = ([line.rstrip() for line in text.strip().splitlines()] for text in (before, after))
    lines = difflib.unified_diff(old, new, f"{name} (stored)", f"{name} (new)", lineterm="")
    return "\n".join(lines)
