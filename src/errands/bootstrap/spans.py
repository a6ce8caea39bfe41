"""Spans of OpenTelemetry, made of what the journal records: ids and names, never a value.

A run is one trace, wherever it is held: its id is the run's own UUID, and a span's id follows from its run and path.
So each process tells what it has done and needs to know of no other. A span is told when it has ended.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from opentelemetry.context import Context
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context
from opentelemetry.trace.status import Status, StatusCode

from errands import __version__
from errands.core.definition.steps import AgentStep, Step, ToolStep
from errands.core.outcomes import RunStatus, StepStatus
from errands.engine.records import Record
from errands.engine.tally import Held

Attributes = dict[str, str | int | float | bool]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WELL = (None, StepStatus.SUCCEEDED, StepStatus.SKIPPED, RunStatus.SUCCEEDED, RunStatus.SKIPPED)


class _GivenIds(IdGenerator):
    """Gives the ids that were set for the next span."""

    trace = span = 0

    def generate_trace_id(self) -> int:
        return self.trace

    def generate_span_id(self) -> int:
        return self.span


class Spans:
    """Tells a span processor of runs, steps, model requests and tool calls. The engine's `Onlooker`."""

    def __init__(self, processor: SpanProcessor) -> None:
        own = Resource({"service.name": "errands", "service.version": __version__})
        self._ids = _GivenIds()
        # All or nothing of a run: what is to be left out, the collector decides, which sees how it ended.
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=own.merge(OTELResourceDetector().detect()), id_generator=self._ids
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("errands", __version__)
        self._held: dict[UUID, Held] = {}

    def close(self) -> None:
        """Send what has gathered; takes some seconds at most. Blocks."""
        self._provider.shutdown()

    def taken(self, held: Held) -> None:
        """Remember which run it is."""
        self._held[held.id] = held

    def recorded(self, run_id: UUID, record: Record, step: Step | None) -> None:
        """A span for each outcome, failed attempt, model request and tool call that took time."""
        held = self._held.get(run_id)
        if held is None or record.started_at is None or record.finished_at is None:
            return
        described = _described(record, step, held.agent)
        if described is None:
            return
        name, attributes = described
        attributes["errands.step.path"] = of = record.path.partition("/")[0]
        if step is not None:
            attributes["errands.step.kind"] = step.kind
        self._tell(
            held,
            name,
            (record.path, _above(of) or _holding(held) if record.kind == "outcome" else of),
            (record.started_at, record.finished_at),
            attributes | _used(record),
            failed=_failure(record),
            kind=SpanKind.CLIENT if record.kind == "turn" else SpanKind.INTERNAL,
        )

    def let_go(self, run_id: UUID, how: str, status: RunStatus | None, at: datetime) -> None:
        """A span for the holding and, once the run has ended, one for the whole of it."""
        held = self._held.pop(run_id, None)
        if held is None:
            return
        attributes: Attributes = {"errands.held.epoch": held.epoch, "errands.held.until": how}
        task = held.run.task
        self._tell(held, f"hold {task}", (_holding(held), ""), (held.taken_at, at), attributes)
        if status is not None:
            failed = None if status in _WELL else status.value
            ended: Attributes = {"errands.run.status": status.value}
            self._tell(held, f"run {task}", ("", None), (held.run.started_at, at), ended, failed=failed)

    def _tell(
        self,
        held: Held,
        name: str,
        place: tuple[str, str | None],
        time: tuple[datetime, datetime],
        attributes: Attributes,
        *,
        failed: str | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> None:
        """`place`: the span's path and that of the span above it; None for the run itself."""
        path, above = place
        self._ids.trace, self._ids.span = held.id.int, _span_id(held.id, path)
        span = self._tracer.start_span(
            name,
            Context() if above is None else set_span_in_context(NonRecordingSpan(_place(held.id, above)), Context()),
            kind=kind,
            attributes=_whose(held) | attributes | ({} if failed is None else {"error.type": failed}),
            links=_links(held) if above is None else (),
            start_time=_nanoseconds(time[0]),
        )
        if failed is not None:
            span.set_status(Status(StatusCode.ERROR, failed))
        span.end(_nanoseconds(max(time)))


def _described(record: Record, step: Step | None, default_agent: str | None) -> tuple[str, Attributes] | None:
    """Name and attributes by kind; None for records that are no work of their own."""
    asked = record.input if isinstance(record.input, Mapping) else {}
    match record.kind:
        case "outcome" if step is not None and record.status is not None:
            attributes: Attributes = {"errands.step.status": record.status.value}
            attributes |= {
                f"errands.step.{name}": value for name in ("attempts", "cached") if (value := _fact(record, name))
            }
            if isinstance(step, ToolStep):
                attributes["gen_ai.tool.name"] = step.tool
            elif isinstance(step, AgentStep) and (agent := step.agent or default_agent) is not None:
                attributes["gen_ai.agent.name"] = agent
            return f"step {step.key}", attributes
        case "attempt":
            return "attempt", {"errands.attempt": _number(record.path)}
        case "turn":
            model = str(asked.get("model", "model"))
            turn = _number(record.path.partition("/more[")[0])
            return f"chat {model}", {
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": model,
                "errands.turn": turn,
            }
        case "call":
            tool = str(asked.get("tool", record.path.rpartition("/")[2].partition("[")[0]))
            return f"execute_tool {tool}", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool}
        case _:
            return None


def _fact(record: Record, name: str) -> int | bool:
    found = record.fact(name)
    return found if isinstance(found, int) else 0


def _used(record: Record) -> Attributes:
    used = record.usage
    if not used.requests:
        return {}
    return {
        "gen_ai.usage.input_tokens": used.input_tokens,
        "gen_ai.usage.output_tokens": used.output_tokens,
        "errands.usage.usd": float(used.usd),
    }


def _failure(record: Record) -> str | None:
    """The kind of error that a record is of. An agent's call that failed is answered with its error."""
    if record.error is not None:
        return record.error.kind.value
    if record.kind == "call" and isinstance(record.output, Mapping):
        error = record.output.get("error")
        if isinstance(error, Mapping) and "result" not in record.output:
            return str(error.get("kind"))
    return None if record.status in _WELL else str(record.status)


def _whose(held: Held) -> Attributes:
    run = held.run
    return {
        "errands.run.id": run.run_id,
        "errands.task": run.task,
        "errands.task.version": run.version,
        "errands.project": run.project,
    }


def _links(held: Held) -> Sequence[Link]:
    """A sub-task is a trace of its own, tied to the step that started it."""
    if held.parent is None:
        return ()
    run_id, path = held.parent
    return (Link(_place(run_id, path.partition("/")[0])),)


def _above(path: str) -> str:
    """The loop that a step stands in; empty outside of loops."""
    return path.rpartition(".")[0].rpartition("[")[0]


def _holding(held: Held) -> str:
    return f"@held[{held.epoch}]"


def _number(path: str) -> int:
    """The last number in a path such as `each[2].send/attempt[3]`."""
    return int(path.rpartition("[")[2].rstrip("]"))


def _place(run_id: UUID, path: str) -> SpanContext:
    return SpanContext(run_id.int, _span_id(run_id, path), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _span_id(run_id: UUID, path: str) -> int:
    return int.from_bytes(hashlib.blake2b(run_id.bytes + path.encode(), digest_size=8).digest())


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
