"""Backtest: a definition walked with what an earlier run's journal says that the world has answered.

A call is answered by the record of a call that was the same: the same tool with the same rendered arguments, the same
agent, model and output schema with the same prompt. What has no such record is asked of the real model, where that is
wanted and it is a model's to answer. Else it is answered with a value made up from its schema, and carries the mark:
whatever follows from it, by its value or by a condition, reads as unknown.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from errands.core.definition.steps import AgentStep, NotifyStep, Step, ToolStep
from errands.core.definition.task import TaskDefinition
from errands.core.outcomes import ErrorKind, RunStatus, StepFailed, StepStatus, Usage
from errands.core.ports import AgentCall, LeafCall
from errands.core.values import Json, JsonObject, digest
from errands.engine.history import usage_of
from errands.engine.leaves import Stub
from errands.engine.live_models import LiveModels, Unanswered
from errands.engine.program import compile_task
from errands.engine.records import Record, Stored
from errands.engine.rehearsal import DryRun, GivenStubs, OutputSchema


@dataclass(frozen=True, slots=True)
class Earlier:
    """A run as its journal tells it. Large outputs are there, as far as they could be read."""

    definition: TaskDefinition
    agents: Mapping[str, JsonObject]
    """Its version's agents by name, as they were when it was made."""
    records: Mapping[str, Record]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What would have come of an earlier run."""

    came: DryRun
    same: tuple[str, ...]
    """Addresses of calls that the record answers."""
    unanswered: tuple[str, ...]
    """Addresses of calls that it cannot answer: they are new or have changed."""
    dropped: tuple[str, ...]
    """Addresses in the record of calls that were not made any more."""
    usage: Usage
    """Of the calls that the record answers."""
    asked: tuple[str, ...] = ()
    """Addresses of steps whose agents have asked real models."""
    paid: Usage = field(default_factory=Usage)
    """What that has used, now."""

    @property
    def known(self) -> bool:
        """Whether nothing that came follows from a call without an answer."""
        return not self.came.marked


@dataclass(slots=True)
class RecordedAnswers:
    """Answers from a record: the `Stubs` of a backtest."""

    earlier: Earlier
    agents: Mapping[str, JsonObject]
    """The agents by name that are tried now."""
    default_agent: str | None
    output_schema: OutputSchema
    same: dict[str, Record] = field(default_factory=dict)
    """By the address where it was asked."""
    unanswered: list[str] = field(default_factory=list)
    live: LiveModels | None = None
    """Asks real models for what the record cannot answer. None: nobody does."""
    folder: Path = Path()
    """What agents that are asked work in."""
    asked: list[str] = field(default_factory=list)
    paid: Usage = field(default_factory=Usage)
    _left: dict[str, deque[Record]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        steps = compile_task(self.earlier.definition).steps
        for record in self.earlier.records.values():
            if record.kind != "outcome" or record.status in (None, StepStatus.SKIPPED, StepStatus.CANCELLED):
                continue
            compiled = steps.get(_key_of(record.path))
            name = None if compiled is None else self._recorded_name(compiled.step, record)
            if name is not None:
                self._left.setdefault(name, deque()).append(record)

    def answer(self, step: Step, path: str) -> Stub | None:
        """Nothing is answered before it is known what is asked."""
        return None

    async def ask(self, step: Step, path: str, call: LeafCall) -> Stub | None:
        """What the real model answers to what the record does not hold. Raises StepFailed where its agent fails."""
        if self.live is None or not isinstance(call, AgentCall) or self._left.get(self._name(step, call)):
            return None
        try:
            performed = await self.live.work(path, call, self.earlier.records.values(), self.folder)
        except Unanswered as failure:
            self.paid += failure.spent
            self.unanswered.append(failure.address)
            return Stub(self._made_up(step, path, call).output, made_up=True)
        self.asked.append(path)
        self.paid += performed.usage
        return Stub(performed.output)

    def missing(self, step: Step, path: str, call: LeafCall | None) -> Stub:
        """The recorded answer. Raises StepFailed where the record tells of a failure."""
        record = self._hold(path) if call is None else self._take(self._name(step, call), path)
        if record is None:
            self.unanswered.append(path)
            return Stub(self._made_up(step, path, call).output, made_up=True)
        self.same[path] = record
        if record.error is not None:
            error = record.error
            raise StepFailed(error.kind, error.message, hint=error.hint, detail=error.detail)
        if isinstance(record.output, Stored):
            raise StepFailed(
                ErrorKind.STORAGE, f"the recorded output of `{record.path}` is too large for a backtest, or gone"
            )
        return Stub(record.output)

    def dropped(self, came: DryRun) -> tuple[str, ...]:
        """Recorded calls that nobody asked for, and that were not made for real either, as those without effect are."""
        used = {record.path for record in self.same.values()}
        used |= {record.path for record in came.records if record.kind == "outcome" and not record.fact("stubbed")}
        return tuple(record.path for left in self._left.values() for record in left if record.path not in used)

    def usage(self) -> Usage:
        """What the calls that the record answers have used, with the requests and calls of agents below them."""
        used = {record.path for record in self.same.values()}
        return usage_of({path: one for path, one in self.earlier.records.items() if path.split("/")[0] in used})

    def _made_up(self, step: Step, path: str, call: LeafCall | None) -> Stub:
        return GivenStubs({}, self.output_schema, make_up=True).missing(step, path, call)

    def _name(self, step: Step, call: LeafCall) -> str:
        if isinstance(call, AgentCall):
            assert isinstance(step, AgentStep)
            agent = self.agents.get(step.agent or self.default_agent or "")
            return _agent_name(step, agent, {"prompt": call.prompt, "files": list(call.files)})
        return digest(["tool", call.tool, call.arguments])

    def _recorded_name(self, step: Step, record: Record) -> str | None:
        match step:
            case ToolStep():
                return digest(["tool", step.tool, record.input])
            case NotifyStep():
                return digest(["tool", "notify.send", record.input])
            case AgentStep():
                agent = self.earlier.agents.get(step.agent or self.earlier.definition.agent or "")
                return _agent_name(step, agent, record.input if isinstance(record.input, Mapping) else {})
            case _:
                return None

    def _hold(self, path: str) -> Record | None:
        """What a step at this very address was answered: by a person, an event or a sub-task."""
        record = self.earlier.records.get(path)
        return record if record is not None and record.status is not StepStatus.SKIPPED else None

    def _take(self, name: str, path: str) -> Record | None:
        """The answer that was recorded at the same address, if it is one of those that fit; else the first."""
        fitting = self._left.get(name)
        if not fitting:
            return None
        found = next((record for record in fitting if record.path == path), fitting[0])
        if len(fitting) > 1:
            fitting.remove(found)
        return found


def replayed(answers: RecordedAnswers, came: DryRun) -> Replayed:
    """What a walk with these answers has shown."""
    return Replayed(
        came,
        tuple(answers.same),
        tuple(answers.unanswered),
        answers.dropped(came),
        answers.usage(),
        tuple(answers.asked),
        answers.paid,
    )


def verdict(earlier_status: RunStatus, earlier_output: Json, found: Replayed) -> Literal["same", "changed", "unknown"]:
    """`same`, `changed`, or `unknown`: what came follows from a call without an answer."""
    if not found.known:
        return "unknown"
    same = found.came.status is earlier_status and digest(found.came.output) == digest(earlier_output)
    return "same" if same else "changed"


def _agent_name(step: AgentStep, agent: JsonObject | None, asked: JsonObject) -> str:
    """What names a call of an agent: who is asked, how, and what."""
    how: list[Json] = [step.agent, agent and dict(agent), step.model, step.output, list(step.tools or ())]
    return digest(["agent", how, asked.get("prompt"), asked.get("files") or []])


def _key_of(path: str) -> str:
    return path.rpartition(".")[2].partition("[")[0]
