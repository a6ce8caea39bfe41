"""Rehearsals: dry runs with stubs, and the tests of a task file, which are dry runs with expectations."""

from base64 import b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from errands.core.definition.task import Expectation, TaskDefinition, TaskTest
from errands.core.expressions.templates import compile_template
from errands.core.outcomes import RunStatus, StepFailed, StepStatus
from errands.core.params import Arguments, ArgumentsInvalid, bind, check_given
from errands.core.ports import Evaluation, Evaluator
from errands.core.values import Json, JsonObject, to_text
from errands.engine.defaults import argument_defaults
from errands.engine.loose import MadeFile
from errands.engine.records import Record, Stored
from errands.engine.rehearsal import DryRun
from errands.services.differences import differences
from errands.services.errors import Invalid
from errands.services.rehearsal_views import DryRunView, LoggedView, MadeFileView, TestResult
from errands.services.story import Story

if TYPE_CHECKING:
    from errands.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class Scene:
    """What a rehearsal is given instead of the world."""

    given: JsonObject
    stubs: JsonObject
    state: JsonObject
    payload: Json
    now: datetime
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What lies in the workspace at the start, by path."""


class Rehearsal:
    """Runs definitions without leaving the machine and without keeping anything."""

    def __init__(self, engine: "Engine", evaluate: Evaluator) -> None:
        self._engine = engine
        self._evaluate = evaluate

    async def dry_run(
        self, project: str, definition: TaskDefinition, given: JsonObject, stubs: JsonObject
    ) -> DryRunView:
        """Rehearse a task. Raises ArgumentsInvalid; Invalid where a default cannot be computed."""
        scene = Scene(given, stubs, {}, None, datetime.now(UTC))
        try:
            arguments = await self._arguments(definition, scene)
        except StepFailed as failure:
            raise Invalid(failure.error.message, failure.error.hint) from None
        return _view(definition, await self._play(project, definition, scene, arguments, make_up=True))

    async def test(self, project: str, definition: TaskDefinition, test: TaskTest) -> TestResult:
        """Rehearse with a test's stubs and compare what comes with what it expects. Never raises for a bad test."""
        try:
            scene = Scene(test.arguments, test.stub, test.state, test.payload, _moment(test))
            arguments = await self._arguments(definition, scene)
        except ArgumentsInvalid as error:
            found = tuple(f"arguments.{problem.path}: {problem.message}" for problem in error.problems)
            return TestResult(test.name, passed=False, differences=found, run=None)
        except (StepFailed, ValueError) as error:
            return TestResult(test.name, passed=False, differences=(str(error),), run=None)
        came = await self._play(project, definition, scene, arguments, make_up=False)
        try:
            found = tuple(await self._compare(test.expect, scene, came))
        except StepFailed as failure:
            found = (f"expect: {failure.error.message}",)
        return TestResult(test.name, passed=not found, differences=found, run=_view(definition, came))

    async def trial(
        self,
        project: str,
        definition: TaskDefinition,
        test: TaskTest,
        *,
        arguments: JsonObject,
        files: Mapping[str, bytes],
        real: Collection[str] = (),
    ) -> DryRunView:
        """Rehearse with a test's stubs, and with arguments and files of its own; expects nothing.

        `real`: steps that do their work although the test has a stub for them. Raises ArgumentsInvalid, Invalid.
        """
        stubs = {name: value for name, value in test.stub.items() if name not in real}
        given = {**test.arguments, **arguments}
        try:
            scene = Scene(given, stubs, test.state, test.payload, _moment(test), files)
            bound = await self._arguments(definition, scene)
        except StepFailed as failure:
            raise Invalid(failure.error.message, failure.error.hint) from None
        return _view(definition, await self._play(project, definition, scene, bound, make_up=False))

    async def _arguments(self, definition: TaskDefinition, scene: Scene) -> Arguments:
        check_given(definition.params, scene.given)
        params = definition.params
        drawn = await argument_defaults(params, scene.given, self._evaluate, scene.now, state=scene.state)
        return bind(params, scene.given, drawn.values)

    async def _play(
        self, project: str, definition: TaskDefinition, scene: Scene, arguments: Arguments, *, make_up: bool
    ) -> DryRun:
        """`make_up` lets a step without a stub answer with a value made from its schema, instead of failing."""
        return await self._engine.dry_run(
            definition,
            arguments,
            project=project,
            stubs=scene.stubs,
            make_up=make_up,
            state=scene.state,
            payload=scene.payload,
            now=scene.now,
            files=scene.files,
        )

    async def _compare(self, expect: Expectation, scene: Scene, came: DryRun) -> list[str]:
        """Every difference. What the test does not expect anything of is not compared."""
        found: list[str] = []
        wanted = expect.status or (None if expect.error is not None else "succeeded")
        if wanted is not None and came.status != wanted:
            said = "" if came.error is None else f": {came.error.message}"
            found.append(f"status: expected {wanted}, came {came.status.value}{said}")
        if expect.error is not None:
            found += _error_differences(expect.error, came)
        if expect.has_output and not found:
            found += differences(await self._fill(expect.output, came, scene), came.output, "output")
        for path, template in expect.steps.items():
            found += _step_differences(path, await self._fill(template, came, scene), came.records)
        return found

    async def _fill(self, template: Json, came: DryRun, scene: Scene) -> Json:
        compiled = compile_template(template)
        if compiled.literal:
            return compiled.fill(())
        used = {name: came.names[name] for name in compiled.names if name in came.names}
        return compiled.fill(await self._evaluate(Evaluation(compiled.expressions, used, scene.now)))


def _moment(test: TaskTest) -> datetime:
    """The test's `now`; without an offset it is UTC. Raises ValueError."""
    if test.now is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(test.now)
    except ValueError:
        raise ValueError(f"now: {test.now!r} is not a moment; write one such as 2026-03-01T08:00:00Z") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _error_differences(expected: str, came: DryRun) -> list[str]:
    if came.error is None:
        return [f"error: expected one that says {to_text(expected)}, but the run {came.status.value}"]
    if expected in came.error.message:
        return []
    return [f"error: expected one that says {to_text(expected)}, came {to_text(came.error.message)}"]


def _step_differences(path: str, expected: Json, records: list[Record]) -> list[str]:
    record = next((one for one in records if one.path == path and one.kind == "outcome"), None)
    if record is None:
        return [f"steps.{path}: expected an output, but the step was not reached"]
    if record.error is not None:
        return [f"steps.{path}: expected an output, but the step failed: {record.error.message}"]
    if isinstance(record.output, Stored):
        return [f"steps.{path}: its output of {record.output.size:,} bytes is too large to compare"]
    return differences(expected, record.output, f"steps.{path}")


def _view(definition: TaskDefinition, came: DryRun) -> DryRunView:
    story = Story(definition)
    for record in came.records:
        story.add(record)
    unended = StepStatus.CANCELLED if came.status is not RunStatus.WAITING else StepStatus.WAITING
    files, logs = tuple(map(_made, came.made)), tuple(LoggedView(one.path, one.level, one.message) for one in came.logs)
    return DryRunView(came.status, came.output, came.error, story.steps(unended), files, logs)


def _made(file: MadeFile) -> MadeFileView:
    content = None if file.content is None else b64encode(file.content).decode()
    return MadeFileView(file.name, file.media_type, file.size, content)
