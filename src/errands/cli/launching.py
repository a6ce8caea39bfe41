"""From what was typed after `errands run` to a run that is followed, or a rehearsal."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from errands.cli.desk import Room
from errands.cli.exits import ExitCode, exit_code_of
from errands.cli.figures import size
from errands.cli.follow import Left, Manner, follow_run
from errands.cli.given import BadInput, json_values, named_values, object_from_file
from errands.cli.neutral import one_line
from errands.cli.screen import Screen
from errands.cli.source_files import task_or_file
from errands.cli.values import value_lines
from errands.core.outcomes import RunStatus
from errands.core.values import Json
from errands.services.errors import NotFound
from errands.services.views import RunStarted, RunView, SourceFile

if TYPE_CHECKING:
    from errands.core.definition.task import Param, TaskDefinition


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run as it was asked for on the command line."""

    task: str
    params: tuple[str, ...] = ()
    args_file: str | None = None
    version: int | None = None
    idempotency_key: str | None = None
    stubs: tuple[str, ...] = ()


def check_options(wanted: Wanted, *, dry_run: bool) -> None:
    """Raises BadInput for options that do not go together, before anything is opened."""
    if wanted.stubs and not dry_run:
        raise BadInput("--stub answers only in a rehearsal", hint="Add --dry-run")
    if dry_run and wanted.idempotency_key:
        raise BadInput("A rehearsal is no run, so it has no idempotency key", hint="Leave out --idempotency-key")
    if wanted.version is not None and not isinstance(task_or_file(wanted.task), str):
        raise BadInput(f"{wanted.task} is a file and becomes a version of its own", hint="Leave out --version")


async def start(screen: Screen, room: Room, wanted: Wanted, *, wait: bool, follow: bool | None) -> ExitCode:
    """Start a run and stay with it as long as was asked."""
    task, version = await _task(screen, room, wanted)
    definition = await room.client.tasks.definition(room.project, task, version)
    given, files = with_files(arguments(wanted, definition), definition.params)
    started = await room.client.runs.start(
        room.project, task, given, version=version, idempotency_key=wanted.idempotency_key, files=files
    )
    return await stay_with(screen, room, started, wait=wait, follow=follow)


async def rehearse(screen: Screen, room: Room, wanted: Wanted) -> ExitCode:
    """A dry run: stubs answer, and a step that would touch the world without one fails."""
    from errands.cli.rehearsal import rehearsal_lines

    subject = task_or_file(wanted.task)
    given = arguments(wanted, None)
    done = await room.client.tasks.dry_run(room.project, subject, given, stubs=json_values(wanted.stubs))
    screen.document(done)
    screen.show(*rehearsal_lines(done, screen))
    return exit_code_of(done.status)


async def stay_with(screen: Screen, room: Room, started: RunStarted, *, wait: bool, follow: bool | None) -> ExitCode:
    """Follow a run that was started, unless it was refused or nobody wants to wait; gives the exit code."""
    if started.existing:
        screen.remark(
            f"The idempotency key belongs to {started.id}, which is {started.status.value}; no new run was made."
        )
    if started.status is RunStatus.SKIPPED or not wait:
        return _not_followed(screen, room, started)
    stay = follow if follow is not None else screen.asks and screen.live
    manner = Manner(held_here=room.server is None, stay=stay, events=bool(follow))
    return await follow_to_the_end(screen, room, started.id, manner)


async def follow_to_the_end(screen: Screen, room: Room, run: str, manner: Manner) -> ExitCode:
    """Follow a run, and say at the end what came of it; gives the exit code."""
    left = await follow_run(screen, room, run, manner)
    if not manner.events:
        screen.document(await _in_full(room, run))
    for line in closing_lines(left):
        screen.say(*line)
    return left.code


async def _in_full(room: Room, run: str) -> RunView:
    """The run with its output, however large: whoever asked for JSON wants what the run gave."""
    view = await room.client.runs.get(run)
    return view if view.output_size is None else replace(view, output=await room.client.runs.output(run))


def arguments(wanted: Wanted, definition: "TaskDefinition | None") -> dict[str, Json]:
    """The arguments of a file, and over them those that were typed. Raises BadInput."""
    from_file = object_from_file(wanted.args_file) if wanted.args_file else {}
    schemas = {param.name: param.schema_ for param in definition.params} if definition else None
    return from_file | named_values(wanted.params, schemas)


def with_files(given: dict[str, Json], params: "Sequence[Param]") -> tuple[dict[str, Json], list[tuple[str, Path]]]:
    """The arguments without those that name files of this machine, and these. Raises BadInput where one is missing."""
    from errands.core.params import takes_file

    files: list[tuple[str, Path]] = []
    for name in [param.name for param in params if takes_file(param) and given.get(param.name) is not None]:
        value = given.pop(name)
        named = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        files += [(name, Path(str(one).removeprefix("@")).expanduser()) for one in named]
    for name, path in files:
        if not path.is_file():
            raise BadInput(f"{path} is no file", hint=f"Give the path of a file of this machine: -p {name}=report.pdf")
    return given, files


async def _task(screen: Screen, room: Room, wanted: Wanted) -> tuple[str, int | None]:
    """The task's name and version; a file is applied first."""
    subject = task_or_file(wanted.task)
    if isinstance(subject, str):
        return subject, wanted.version
    _check_arguments(wanted, subject)
    applied = (await room.client.projects.apply(room.project, [subject], publish=False))[0]
    if applied.kind != "task":
        raise BadInput(f"{subject.name} declares the {applied.kind} {applied.name}; only a task can be run")
    if not await _is_published(room, applied.name) and applied.version is not None:
        await room.client.tasks.publish(room.project, applied.name, applied.version, message=None)
    if applied.change != "unchanged":
        screen.remark(f"{one_line(subject.name)} is version {applied.version} of {applied.name} now.")
    return applied.name, applied.version


def _check_arguments(wanted: Wanted, file: SourceFile) -> None:
    """Refuse wrong arguments before the file is stored. Raises ArgumentsInvalid, BadInput.

    What is wrong with the file itself says whoever stores it.
    """
    from errands.core.definition.parsing import parse_document
    from errands.core.definition.task import TaskDefinition
    from errands.core.params import check_given

    definition = parse_document(file.source).definition
    if isinstance(definition, TaskDefinition):
        given, files = with_files(arguments(wanted, definition), definition.params)
        sent = {name for name, _ in files}
        check_given([param for param in definition.params if param.name not in sent], given)


async def _is_published(room: Room, task: str) -> bool:
    try:
        return (await room.client.tasks.get(room.project, task)).published is not None
    except NotFound:
        return False


def closing_lines(left: Left) -> list[tuple[str, str]]:
    """What the run gave, or why it did not, and where to look."""
    if left.run is None:
        return []
    if left.run.error is not None:
        where = f" in {one_line(left.run.error.step)}" if left.run.error.step else ""
        lines = [(f"{one_line(left.run.error.message)}{where}", f"status.{left.status.value}")]
        lines += [(one_line(left.run.error.hint), "problem.hint")] if left.run.error.hint else []
        return [*lines, (f"Look closer: errands show {left.run.id}", "faint")]
    if left.code is ExitCode.WAITING:
        return [("It holds nothing while it waits; then a worker takes it up again.", "faint")]
    if left.run.output_size is not None:
        return [(f"The output has {size(left.run.output_size)}: errands show {left.run.id} --output", "faint")]
    if left.status is RunStatus.SUCCEEDED and left.run.output is not None:
        return [(line, "") for line in value_lines(left.run.output, limit=20)]
    return []


def _not_followed(screen: Screen, room: Room, started: RunStarted) -> ExitCode:
    screen.document(started)
    why = f": {one_line(started.reason)}" if started.reason else ""
    if started.status is RunStatus.SKIPPED:
        screen.say(f"Skipped{why}", "status.skipped")
        screen.remark(f"Look closer: errands show {started.id}")
        return ExitCode.SKIPPED
    screen.say(f"{started.id} is {started.status.value}{why}")
    taken = "" if room.server is not None else "A worker takes it: errands worker. "
    screen.remark(f"{taken}Follow it: errands show {started.id} --follow")
    return ExitCode.SUCCEEDED
