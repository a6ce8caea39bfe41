"""Traces: one for a run wherever it was held, with a span for all that took time, and no word of what was said."""

import gzip
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from errands.agents.scripted import Call, Script, scripted
from errands.bootstrap.spans import Spans
from errands.bootstrap.traces import Traces
from errands.core import ids
from errands.core.outcomes import RunStatus
from errands.engine.engine import Engine
from errands.services.errors import Unavailable
from errands.settings import Settings
from errands.store.database import Database
from tests.engine.agency import Agency
from tests.engine.workbench import HEAD, Workbench, workbench
from tests.tools.loopback import serving

SECRET = "fourteen-pears"
"""Stands in arguments, prompts, answers and outputs; a span must never hold it."""


@pytest.fixture
async def staffed(database: Database, tmp_path: Path) -> AsyncIterator[Workbench]:
    script = scripted([Call("echo", {"value": SECRET})], f"Done: {SECRET}")
    async with workbench(database, tmp_path, tools=Agency(Script(script.turns))) as bench:
        yield bench


def traced(*engines: Engine) -> InMemorySpanExporter:
    """Where the spans of these engines come to lie, each engine telling its own as a process would."""
    exporter = InMemorySpanExporter()
    for engine in engines:
        engine.tally.look_on(Spans(SimpleSpanProcessor(exporter)))
    return exporter


def tree(spans: tuple[ReadableSpan, ...]) -> dict[str, str | None]:
    """Each span's name with that of the span above it, which must be there."""
    names = {span.context.span_id: span.name for span in spans if span.context}
    assert len(names) == len(spans), "no span was told twice"
    return {span.name: None if span.parent is None else names[span.parent.span_id] for span in spans}


def named(spans: tuple[ReadableSpan, ...], name: str) -> ReadableSpan:
    return next(span for span in spans if span.name == name)


async def test_run_steps_model_requests_and_tool_calls_are_spans_of_one_trace(staffed: Workbench) -> None:
    exporter = traced(staffed.engine)
    steps = (
        "  - {id: work, prompt: 'Work on fourteen-pears.', model: scripted, tools: ['*']}\n"
        "  - id: each\n    for_each: '[1, 2]'\n    do:\n      - {id: sent, tool: give, with: {value: fourteen-pears}}\n"
    )
    async with staffed.working():
        ended = await staffed.run(f"{HEAD}grants: {{tools: [echo, give]}}\nsteps:\n{steps}")
    assert ended.status is RunStatus.SUCCEEDED, ended.error
    spans = exporter.get_finished_spans()
    assert {span.context.trace_id for span in spans if span.context} == {ended.id.int}
    assert tree(spans) == {
        "run t": None,
        "hold t": "run t",
        "step work": "hold t",
        "chat scripted": "step work",
        "execute_tool echo": "step work",
        "step each": "hold t",
        "step sent": "step each",
    }
    assert SECRET not in "".join(span.to_json() for span in spans)
    asked = named(spans, "chat scripted").attributes or {}
    assert asked["gen_ai.usage.input_tokens"]
    assert (asked["errands.run.id"], asked["errands.task"]) == (ids.encode("run", ended.id), "t")
    paths = [span.attributes["errands.step.path"] for span in spans if span.attributes and span.name == "step sent"]
    assert sorted(map(str, paths)) == ["each[0].sent", "each[1].sent"]


async def test_a_step_names_its_own_agent_or_else_the_tasks(staffed: Workbench) -> None:
    exporter = traced(staffed.engine)
    steps = (
        "  - {id: own, agent: writer, prompt: Write., on_error: continue}\n"
        "  - {id: given, prompt: Write., on_error: continue}\n"
    )
    async with staffed.working():
        await staffed.run(f"{HEAD}agent: analyst\nsteps:\n{steps}")
    spans = exporter.get_finished_spans()
    agents = [(named(spans, name).attributes or {})["gen_ai.agent.name"] for name in ("step own", "step given")]
    assert agents == ["writer", "analyst"]


async def test_a_run_that_waits_and_goes_on_elsewhere_is_one_trace_with_a_span_for_each_holding(
    staffed: Workbench,
) -> None:
    elsewhere = staffed.another_engine()
    exporter = traced(staffed.engine, elsewhere)
    source = (
        HEAD
        + "steps:\n  - {id: first, tool: echo}\n  - {id: go, approve: {question: Go?}}\n  - {id: last, tool: echo}\n"
    )
    async with staffed.working():
        launched = await staffed.start(source)
        assert (await staffed.rest(launched.run_id)).status is RunStatus.WAITING
    assert {span.name for span in exporter.get_finished_spans()} == {"hold t", "step first"}
    await staffed.answer(launched.run_id, "approve")
    async with staffed.working(engine=elsewhere):
        assert (await staffed.ended(launched.run_id)).status is RunStatus.SUCCEEDED
    spans = exporter.get_finished_spans()
    assert {span.context.trace_id for span in spans if span.context} == {launched.run_id.int}
    assert tree(spans) == {
        "run t": None,
        "hold t": "run t",
        "step first": "hold t",
        "step go": "hold t",
        "step last": "hold t",
    }
    held = [span.attributes or {} for span in spans if span.name == "hold t"]
    assert [(one["errands.held.epoch"], one["errands.held.until"]) for one in held] == [(1, "waiting"), (2, "ended")]


async def test_a_failure_and_its_attempts_are_told_by_kind_without_their_words(staffed: Workbench) -> None:
    exporter = traced(staffed.engine)
    retry = "retry: {attempts: 2, initial: 1ms, on: [tool]}"
    async with staffed.working():
        source = f"{HEAD}steps:\n  - {{id: f, tool: fail, with: {{message: {SECRET}}}, {retry}}}\n"
        assert (await staffed.run(source)).status is RunStatus.FAILED
    spans = exporter.get_finished_spans()
    assert tree(spans) == {"run t": None, "hold t": "run t", "step f": "hold t", "attempt": "step f"}
    for name, kind in (("attempt", "tool"), ("step f", "tool"), ("run t", "failed")):
        span = named(spans, name)
        assert (span.status.status_code, (span.attributes or {})["error.type"]) == (StatusCode.ERROR, kind)
    assert SECRET not in "".join(span.to_json() for span in spans)


async def test_a_sub_task_is_a_trace_of_its_own_that_names_the_step_which_started_it(staffed: Workbench) -> None:
    exporter = traced(staffed.engine)
    await staffed.apply("task: child\ndescription: x\nsteps:\n  - {id: one, tool: echo}\n")
    async with staffed.working():
        ended = await staffed.run(f"{HEAD}steps:\n  - {{id: sub, run: child}}\n")
    assert ended.status is RunStatus.SUCCEEDED, ended.error
    spans = exporter.get_finished_spans()
    (link,) = named(spans, "run child").links
    step = named(spans, "step sub")
    assert step.context is not None
    assert (link.context.trace_id, link.context.span_id) == (ended.id.int, step.context.span_id)


async def test_a_collector_is_sent_what_a_worker_has_done_before_its_process_ends(staffed: Workbench) -> None:
    async with serving() as web:
        web.answer("/v1/traces")
        traces = Traces(Settings(traces_url=web.url()), staffed.engine)
        traces.begin()
        async with staffed.working():
            ended = await staffed.run(f"{HEAD}steps:\n  - {{id: one, tool: give, with: {{value: {SECRET}}}}}\n")
        await traces.aclose()
    (sent,) = web.requests
    content = gzip.decompress(sent.body) if sent.headers.get("content-encoding") == "gzip" else sent.body
    assert ended.id.bytes in content
    assert b"step one" in content
    assert SECRET.encode() not in content


async def test_nobody_looks_on_where_no_collector_is_set(staffed: Workbench) -> None:
    traces = Traces(Settings(), staffed.engine)
    traces.begin()
    await traces.aclose()
    assert staffed.engine.tally._onlookers == []


async def test_a_missing_extra_is_said_with_the_command_that_installs_it(
    staffed: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(Unavailable) as refused:
        Traces(Settings(traces_url="http://127.0.0.1:4318"), staffed.engine).begin()
    assert "pip install 'errands[telemetry]'" in str(refused.value.hint)
