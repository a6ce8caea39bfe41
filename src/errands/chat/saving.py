"""“Save this conversation as a task”: steps from the calls that were made, params from the words that were said.

A value that came from an earlier result becomes a reference to it, one that the person said becomes a param, a long
text that a model wrote becomes an agent step. The draft carries the recorded answers as a test, and is rehearsed
against them before it is shown: it must make the same calls and come to the same output.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from errands.agents.offers import encode
from errands.chat.desk import Card, Desk, Told
from errands.chat.operations.drafting import draft_card
from errands.chat.recorded import RecordedCall, RecordedTurn, recorded_turns
from errands.chat.skeletons import check_name
from errands.chat.tracing import Trace, hosts_of, literal, secrets_of
from errands.core.definition.emitting import emit_lines
from errands.core.ports import Effect
from errands.core.values import Json, to_text
from errands.services.differences import differences
from errands.services.errors import Invalid
from errands.services.rehearsal_views import DryRunView
from errands.services.views import SourceFile

_LARGEST_TEST = 200_000
"""Characters of recorded answers that a file carries as its test."""
_KEPT_WORDS = 2000


@dataclass(slots=True)
class _Plan:
    """The task that comes of a thread."""

    steps: list[dict[str, Json]] = field(default_factory=list)
    stubs: dict[str, Json] = field(default_factory=dict)
    inputs: dict[str, Json] = field(default_factory=dict)
    """Arguments by step, as they were in the conversation."""
    tools: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)
    output: str = ""
    """Id of the step whose output is the task's."""


async def save_thread(desk: Desk, name: str, description: str) -> Told:
    """Draft a task from what was done in the thread. Raises Invalid where there is nothing to save."""
    check_name(name)
    history = await desk.services.answers.history(desk.caller, desk.thread)
    specs = await desk.tools.specs(desk.project_id, ("*",))
    turns = _worth_saving(recorded_turns(history, {alias: tool for tool, alias in encode(specs).items()}))
    if not turns:
        raise Invalid("No tool was called in this conversation.", "Let the assistant do the work once, then save it.")
    about = description or _short(turns[0].asked) or f"Saved from the thread {desk.thread}."
    agent = (await desk.services.threads.get(desk.caller, desk.thread)).agent
    source, plan = "", _Plan()
    for follow in (True, False):
        # Where a reference does not fit the type of an argument, the values themselves do.
        trace = Trace([turn.asked for turn in turns], follow=follow)
        plan = await _plan(desk, turns, trace, agent)
        source = _written(name, about, plan, trace)
        problems = await desk.services.tasks.validate(desk.caller, desk.project, source)
        if not any(one.severity == "error" for one in problems):
            break
    came = await desk.services.runs.dry_run(
        desk.caller, desk.project, SourceFile(f"tasks/{name}.yaml", source), {}, stubs=plan.stubs
    )
    return await _told(desk, source, plan, came)


async def _told(desk: Desk, source: str, plan: _Plan, came: DryRunView) -> Told:
    found = _compare(plan, came)
    card = await draft_card(desk, source, f"Saved from the thread {desk.thread}")
    rehearsed: dict[str, Json] = {"status": came.status.value, "output": came.output, "differences": list(found)}
    shown = replace(card, data={**card.data, "rehearsal": rehearsed})
    said = (
        "A dry run against the recorded answers makes the same calls and comes to the same output."
        if not found
        else "A dry run against the recorded answers differs:\n" + "\n".join(f"- {one}" for one in found)
    )
    words = f"Draft of the task **{card.data['name']}** from {len(plan.steps)} steps. {said}"
    facts: Json = {"draft": card.data["name"], "steps": len(plan.steps), "differences": list(found)}
    return Told(facts, words, (shown, Card("rehearsal", rehearsed)))


def _worth_saving(turns: Sequence[RecordedTurn]) -> list[RecordedTurn]:
    """From the first call of a tool on; without any call, everything that was asked and answered."""
    work = [turn for turn in turns if turn.calls or (turn.answer and not turn.managed)]
    first = next((place for place, turn in enumerate(work) if turn.calls), 0)
    return work[first:]


async def _plan(desk: Desk, turns: Sequence[RecordedTurn], trace: Trace, agent: str | None) -> _Plan:
    plan = _Plan()
    for turn in turns:
        changes = False
        for call in turn.calls:
            _add_call(plan, trace, turn, call, agent)
            changes = await desk.tools.effect(call.tool, call.arguments, desk.project_id) is Effect.CHANGES
        # After a call that changes the outside, the answer only says that it was done.
        if turn.answer and not (turn.calls and changes):
            _add_answer(plan, trace, turn, agent)
    return plan


def _add_call(plan: _Plan, trace: Trace, turn: RecordedTurn, call: RecordedCall, agent: str | None) -> None:
    """A tool step; texts that a model wrote for it come from agent steps before it."""

    def compose(key: str, text: str) -> str:
        step = trace.name(f"{key}_text")
        prompt = f"{literal(turn.asked)}\n\nWrite only the {key} for {call.tool}.{_data(plan)}"
        _add_agent(plan, trace, step, prompt, text, agent)
        return f"{{{{ {step} }}}}"

    written = {key: trace.traced(key, value, compose) for key, value in call.arguments.items()}
    step = trace.name(call.tool)
    plan.steps.append({"id": step, "tool": call.tool, "with": written})
    plan.stubs[step], plan.inputs[step], plan.output = call.result, call.arguments, step
    plan.tools.add(call.tool)
    plan.hosts |= hosts_of(call.arguments)
    plan.secrets |= secrets_of(call.arguments)
    trace.learn(step, call.result)


def _add_answer(plan: _Plan, trace: Trace, turn: RecordedTurn, agent: str | None) -> None:
    _add_agent(plan, trace, trace.name("answer"), f"{literal(turn.asked)}{_data(plan)}", turn.answer, agent)


def _add_agent(plan: _Plan, trace: Trace, step: str, prompt: str, answer: str, agent: str | None) -> None:
    made: dict[str, Json] = {"id": step, "prompt": prompt}
    if agent is not None:
        made["agent"] = agent
    plan.steps.append(made)
    plan.stubs[step], plan.output = answer, step
    trace.learn(step, answer)


def _data(plan: _Plan) -> str:
    """What earlier steps gave, for a prompt."""
    given = [f"\n\n{step['id']}:\n{{{{ {step['id']} }}}}" for step in plan.steps]
    return "".join(given)


def _written(name: str, description: str, plan: _Plan, trace: Trace) -> str:
    """The file."""
    task: dict[str, Json] = {"task": name, "description": description}
    if trace.params:
        task["params"] = dict(trace.params)
    grants: dict[str, Json] = {
        kind: sorted(values)
        for kind, values in (("tools", plan.tools), ("secrets", plan.secrets), ("hosts", plan.hosts))
        if values
    }
    if grants:
        task["grants"] = grants
    task["steps"] = list(plan.steps)
    task["output"] = f"{{{{ {plan.output} }}}}"
    recorded = to_text(plan.stubs)
    if len(recorded) <= _LARGEST_TEST and "{{" not in to_text(plan.stubs[plan.output]):
        expected: Json = {"output": plan.stubs[plan.output]}
        task["tests"] = [{"name": "as in the conversation", "stub": dict(plan.stubs), "expect": expected}]
    return "\n".join(emit_lines(task, 0)) + "\n"


def _compare(plan: _Plan, came: DryRunView) -> list[str]:
    """How the rehearsal differs from the conversation: outcome, output, and the arguments of each call."""
    if came.error is not None:
        return [f"it has {came.status.value}: {came.error.message}"]
    found = differences(plan.stubs[plan.output], came.output, "output")
    inputs = {step.path: step.input for step in came.steps}
    for step, arguments in plan.inputs.items():
        given = inputs.get(step)
        shown = given.get("with", given) if isinstance(given, Mapping) else given
        found += differences(arguments, shown, step)
    return found


def _short(text: str) -> str:
    return " ".join(text.split())[:_KEPT_WORDS]
