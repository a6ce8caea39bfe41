"""An agent survives a crash at any record: nothing that is recorded is asked or done again, and the end is the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errands.agents import Agents, Call, Models, Script, scripted
from errands.core.definition.agents import AgentDefinition
from errands.core.definition.policies import Budget
from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.ports import AgentCall
from errands.core.values import Json
from tests.agents.memory_journal import Killed, MemoryContext, MemoryJournal
from tests.agents.project import ALL, Tools, staff

_TOOLS = ("http.request", "mail.send", "crm/find.account")
_CALL = AgentCall("Work.", agent="scout", output={"type": "object", "properties": {"n": {"type": "integer"}}})
_SCOUT = AgentDefinition(agent="scout", model="scripted", instructions="Be brief.", tools=("*",), max_turns=20)

_tool_calls = st.builds(
    Call, st.sampled_from(_TOOLS), st.fixed_dictionaries({"name": st.text(max_size=3), "n": st.integers(0, 9)})
)
_turns = st.lists(
    st.one_of(st.lists(_tool_calls, min_size=1, max_size=3), st.just({"n": "not a number"})), min_size=1, max_size=5
).filter(lambda turns: sum(isinstance(turn, dict) for turn in turns) <= 2)


def _scout(script: Script, tools: Tools) -> Agents:
    return staff(Models(extra={"scripted": script}), tools=tools, agents=(_SCOUT,))


async def _until_done(script: Script, tools: Tools, journal: MemoryJournal) -> tuple[Json, int]:
    """Work, start again after each death; the output and the number of deaths."""
    deaths = 0
    while True:
        try:
            performed = await _scout(script, tools).work(_CALL, MemoryContext(journal, granted=ALL))
        except Killed:
            deaths += 1
            journal.kill_after = None if journal.kill_after is None else len(journal.records) + 1
        else:
            return performed.output, deaths


@settings(max_examples=25, deadline=None)
@given(turns=_turns, first_death=st.integers(1, 6))
async def test_killed_after_each_record_the_outcome_is_that_of_an_undisturbed_run(
    turns: list[object], first_death: int
) -> None:
    whole = (*turns, {"n": 1})
    calm_script, calm_tools, calm = scripted(*whole), Tools(), MemoryJournal()  # type: ignore[arg-type]
    expected, _ = await _until_done(calm_script, calm_tools, calm)
    script, tools, journal = scripted(*whole), Tools(), MemoryJournal(kill_after=first_death)  # type: ignore[arg-type]
    output, _ = await _until_done(script, tools, journal)
    assert output == expected == {"n": 1}
    assert script.asked == calm_script.asked, "no recorded turn is asked again"
    assert {name: record.output for name, record in journal.records.items()} == {
        name: record.output for name, record in calm.records.items()
    }
    assert journal.usage() == calm.usage()
    assert {key for _, _, key in tools.done} == {key for _, _, key in calm_tools.done}


async def test_an_agent_killed_in_its_third_tool_call_asks_for_each_turn_once() -> None:
    script = scripted([Call("http.request")], [Call("http.request")], [Call("mail.send")], {"n": 1})
    journal = MemoryJournal(kill_after=5)
    output, deaths = await _until_done(script, Tools(), journal)
    assert output == {"n": 1}
    assert deaths >= 1
    assert script.asked == 4


async def test_a_replay_of_everything_asks_nobody_and_resolves_no_key() -> None:
    script, journal = scripted([Call("mail.send")], {"n": 1}), MemoryJournal()
    await _until_done(script, Tools(), journal)
    asked, tools = script.asked, Tools()
    output, _ = await _until_done(script, tools, journal)
    assert (output, script.asked, tools.done) == ({"n": 1}, asked, [])


async def test_a_replay_with_another_prompt_stops_with_a_clear_error() -> None:
    script, journal = scripted([Call("mail.send")], {"n": 1}), MemoryJournal()
    await _until_done(script, Tools(), journal)
    other = AgentCall("Work harder.", agent="scout", output=_CALL.output)
    with pytest.raises(StepFailed, match=r"diverged at turn\[1\]"):
        await _scout(script, Tools()).work(other, MemoryContext(journal, granted=ALL))


async def test_live_code_works_with_what_was_recorded_not_with_what_the_model_said() -> None:
    script = scripted([Call("http.request", {"token": "hunter2"})], "It was hunter2.")
    context = MemoryContext(MemoryJournal(), granted=ALL, secrets={"K": "hunter2"})
    await context.secret("K")
    tools = Tools()
    call = AgentCall("Go.", model="scripted", tools=("http.request",))
    agents = staff(Models(extra={"scripted": script}), tools=tools)
    assert (await agents.work(call, context)).output == "It was ***."
    assert tools.done[0][1] == {"token": "***"}
    assert (await agents.work(call, context)).output == "It was ***."


async def test_the_mark_of_outside_data_survives_a_replay() -> None:
    script, journal = scripted([Call("crm/find.account", {"name": "A"})], {"n": 1}), MemoryJournal()
    context = MemoryContext(journal, granted=ALL)
    live = await _scout(script, Tools()).work(_CALL, context)
    again = await _scout(script, Tools()).work(_CALL, context)
    assert live.untrusted
    assert again.untrusted


async def test_a_further_attempt_goes_on_where_the_last_was_interrupted() -> None:
    journal = MemoryJournal()
    script = scripted([Call("http.request")], {"n": 1})
    with pytest.raises(StepFailed, match="away"):
        failing = Tools(fail=StepFailed(ErrorKind.NETWORK, "away"))
        await _scout(script, failing).work(_CALL, MemoryContext(journal, granted=ALL))
    performed = await _scout(script, Tools()).work(_CALL, MemoryContext(journal, granted=ALL, attempt=2))
    assert (performed.output, script.asked) == ({"n": 1}, 2)
    assert not any(suffix.startswith("again") for suffix in journal.records)


async def test_a_further_attempt_after_a_conversation_without_an_answer_begins_a_new_one() -> None:
    journal, script = MemoryJournal(), scripted({"n": "bad"})
    for attempt in (1, 2):
        with pytest.raises(StepFailed, match="no usable answer"):
            await _scout(script, Tools()).work(_CALL, MemoryContext(journal, granted=ALL, attempt=attempt))
        assert script.asked == 4 * attempt
    with pytest.raises(StepFailed, match="no usable answer"):
        await _scout(script, Tools()).work(_CALL, MemoryContext(journal, granted=ALL, attempt=2))
    assert script.asked == 8, "the second attempt, replayed after a crash, asks nobody"
    better = scripted({"n": 1})
    performed = await _scout(better, Tools()).work(_CALL, MemoryContext(journal, granted=ALL, attempt=3))
    assert (performed.output, better.asked) == ({"n": 1}, 1)
    assert "again[3]/turn[1]" in journal.records


async def test_further_attempts_share_the_budget_of_the_step() -> None:
    journal, script = MemoryJournal(), scripted({"n": "bad"})
    call = AgentCall("Work.", agent="scout", output=_CALL.output, budget=Budget(requests=6))
    with pytest.raises(StepFailed, match="no usable answer"):
        await _scout(script, Tools()).work(call, MemoryContext(journal, granted=ALL))
    with pytest.raises(StepFailed, match="may use 6 model requests"):
        await _scout(script, Tools()).work(call, MemoryContext(journal, granted=ALL, attempt=2))
    assert script.asked == 6


async def test_a_failed_turn_leaves_no_record_and_is_asked_again() -> None:
    journal = MemoryJournal()
    failing = Tools(fail=StepFailed(ErrorKind.NETWORK, "away"))
    script = scripted([Call("http.request")], {"n": 1})
    with pytest.raises(StepFailed, match="away"):
        await _scout(script, failing).work(_CALL, MemoryContext(journal, granted=ALL))
    assert list(journal.records) == ["turn[1]"]
    output, _ = await _until_done(script, Tools(), journal)
    assert (output, script.asked) == ({"n": 1}, 2)
