"""From a trigger that fires to an order for a run: its arguments, filled in and checked."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from errands.core.definition.policies import Overlap
from errands.core.definition.task import TaskDefinition
from errands.core.expressions.templates import Template, compile_template, try_lookup
from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.params import ArgumentsInvalid, bind, template_defaults
from errands.core.ports import Evaluation, Evaluator
from errands.core.schedules import Schedule, ScheduleInvalid
from errands.core.values import Json, JsonObject, from_text
from errands.engine.defaults import Drawn
from errands.engine.happenings import Happening
from errands.engine.launching import Order, Versions
from errands.engine.scope import MARKED_ARGUMENTS, with_marks
from errands.engine.standing import Standing
from errands.store.connections import Pool

_KNOWN = 20_000

Key = TypeVar("Key")
Kind = TypeVar("Kind")


class Defaults(Protocol):
    """Computes defaults of a run's arguments; see `Engine.launch_defaults`."""

    async def __call__(
        self,
        definition: TaskDefinition,
        given: JsonObject,
        *,
        project_id: UUID,
        project: str,
        task_id: UUID | None,
        starter: str | None,
        outside: frozenset[str] = ...,
    ) -> Drawn: ...


class Unfit(Exception):
    """A trigger cannot start a run. Says why, in one sentence."""


class TriggerOrders:
    """Makes orders. What is the same each time (templates, arguments without expressions) is made once."""

    def __init__(
        self, pool: Pool, versions: Versions, evaluate: Evaluator, defaults: Defaults, clock: Callable[[], datetime]
    ) -> None:
        self._pool = pool
        self._versions = versions
        self._evaluate = evaluate
        self._defaults = defaults
        self._clock = clock
        self._templates: OrderedDict[str, Template] = OrderedDict()
        self._constant: OrderedDict[tuple[UUID, str], JsonObject] = OrderedDict()

    async def make(
        self, trigger: Standing, planned_at: datetime, source: str, happening: Happening | None = None
    ) -> Order:
        """The order of one firing. Raises Unfit; anything else is a database that is away."""
        if trigger.version_id is None:
            raise Unfit("no version of the task is published")
        about = _about(trigger, planned_at, source, happening)
        starter = f"trigger:{trigger.name}"
        schedule = trigger.schedule if trigger.kind == "schedule" else None
        arguments, marked = await self._arguments(trigger, trigger.version_id, about, starter)
        if about.get("untrusted") is True:
            about = {**about, MARKED_ARGUMENTS: []}
        return Order(
            trigger.project_id,
            trigger.task_id,
            trigger.version_id,
            arguments,
            trigger=with_marks(about, sorted(marked)),
            starter=starter,
            overlap=_overlap(schedule),
            max_concurrent=None if schedule is None else schedule.max_concurrent,
        )

    async def warm(self, trigger: Standing) -> None:
        """Make beforehand what is the same each time. What cannot be made is found out when the trigger fires."""
        if trigger.version_id is None:
            return
        with suppress(LookupError, ArgumentsInvalid, StepFailed, ScheduleInvalid):
            definition = (await self._versions.get(trigger.version_id)).program.definition
            if trigger.kind == "schedule":
                trigger.schedule  # noqa: B018 (reads and keeps it)
            template = self._template(trigger)
            if template.literal and not template_defaults(definition.params):
                given = template.fill(())
                assert isinstance(given, Mapping)
                _remember(self._constant, (trigger.version_id, trigger.definition), bind(definition.params, given))

    async def _arguments(
        self, trigger: Standing, version_id: UUID, about: JsonObject, starter: str
    ) -> tuple[JsonObject, frozenset[str]]:
        """The run's arguments, and which of them carry the mark of data from outside."""
        known = self._constant.get((version_id, trigger.definition))
        if known is not None:
            return known, frozenset()
        try:
            return await self._fresh_arguments(trigger, version_id, about, starter)
        except ArgumentsInvalid as error:
            said = "; ".join(problem.message for problem in error.problems)
            raise Unfit(f"the trigger's arguments do not fit the task: {said}") from error
        except StepFailed as error:
            raise Unfit(f"the arguments could not be computed: {error.error.message}") from error
        except LookupError as error:
            raise Unfit(str(error)) from error

    async def _fresh_arguments(
        self, trigger: Standing, version_id: UUID, about: JsonObject, starter: str
    ) -> tuple[JsonObject, frozenset[str]]:
        definition = (await self._versions.get(version_id)).program.definition
        template = self._template(trigger)
        given, marked = await self._given(template, trigger, about)
        computed = any(param.name not in given for param in template_defaults(definition.params))
        drawn = Drawn({})
        if computed:
            drawn = await self._defaults(
                definition,
                given,
                project_id=trigger.project_id,
                project=trigger.project,
                task_id=trigger.task_id,
                starter=starter,
                outside=marked,
            )
        arguments = bind(definition.params, given, drawn.values)
        if template.literal and not computed:
            _remember(self._constant, (version_id, trigger.definition), arguments)
        return arguments, marked | drawn.marked

    def _template(self, trigger: Standing) -> Template:
        known = self._templates.get(trigger.definition)
        if known is None:
            known = compile_template(dict(trigger.arguments))
            _remember(self._templates, trigger.definition, known)
        return known

    async def _given(
        self, template: Template, trigger: Standing, about: JsonObject
    ) -> tuple[JsonObject, frozenset[str]]:
        """What the trigger gives, and which of it was computed from data from outside."""
        names: dict[str, Json] = {"trigger": about, "payload": about.get("payload")}
        outside = {"trigger", "payload"} if about.get("untrusted") is True else set()
        if "state" in template.free:
            query = "select state, state_untrusted <> '{}' from tasks where id = $1"
            row = await self._pool.fetchrow(query, trigger.task_id)
            names["state"] = None if row is None else from_text(row[0])
            outside |= {"state"} if row is not None and row[1] else set()
        if template.literal:
            filled = template.fill(())
        else:
            if "run" in template.free:
                raise StepFailed(ErrorKind.EXPRESSION, "a trigger's arguments are computed before there is a `run`")
            used = {name: value for name, value in names.items() if name in template.free}
            found = try_lookup(template, used)
            values = (
                found
                if found is not None
                else await self._evaluate(Evaluation(template.expressions, used, self._clock()))
            )
            filled = template.fill(values)
        return filled if isinstance(filled, Mapping) else {}, _computed_from(outside, trigger)


def _computed_from(outside: set[str], trigger: Standing) -> frozenset[str]:
    """The trigger's arguments whose templates use one of these names."""
    if not outside:
        return frozenset()
    return frozenset(name for name, template in trigger.arguments.items() if compile_template(template).free & outside)


def _about(trigger: Standing, planned_at: datetime, source: str, happening: Happening | None) -> JsonObject:
    """What the run knows as `trigger`."""
    about: dict[str, Json] = {"kind": trigger.kind, "id": trigger.name, "planned_at": planned_at.isoformat()}
    if source != trigger.kind:
        about["source"] = source
    if happening is not None:
        about |= {**happening.about, "payload": happening.payload}
        about |= {"untrusted": True} if happening.untrusted else {}
    return about


def _overlap(schedule: Schedule | None) -> Overlap | None:
    return None if schedule is None else schedule.overlap


def _remember(known: OrderedDict[Key, Kind], key: Key, value: Kind) -> None:
    known[key] = value
    if len(known) > _KNOWN:
        known.popitem(last=False)
