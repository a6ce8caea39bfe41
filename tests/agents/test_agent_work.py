"""What an agent does with a prompt, tools, files, a schema and a budget; the model follows a script."""

import os
from decimal import Decimal
from pathlib import Path

import pydantic_ai.models
import pytest

from errands.agents import Answer, Call, Calls, Fail, Models, Say, scripted
from errands.agents.offers import encode
from errands.core.definition.agents import AgentDefinition, ModelDefinition, Price
from errands.core.definition.policies import Budget, Grants, ToolGrant
from errands.core.outcomes import ErrorKind, StepFailed, Usage
from errands.core.ports import AgentCall, Effect
from tests.agents.memory_journal import MemoryContext, MemoryJournal
from tests.agents.project import ALL, FETCH, LOOK_UP, SEND, Tools, Waits, staff

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}


@pytest.fixture(autouse=True)
def no_real_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pydantic_ai.models, "ALLOW_MODEL_REQUESTS", False)


def context(**given: object) -> MemoryContext:
    return MemoryContext(MemoryJournal(), **given)  # type: ignore[arg-type]


def call(prompt: str = "Do it.", **given: object) -> AgentCall:
    return AgentCall(prompt, model="scripted", **given)  # type: ignore[arg-type]


async def test_an_agent_without_tools_gives_text() -> None:
    script = scripted("Hello.")
    here = context()
    performed = await staff(Models(extra={"scripted": script})).work(call("Say hello."), here)
    assert performed.output == "Hello."
    assert not performed.untrusted
    assert not performed.usage, "the records below the step carry the usage"
    assert here.journal.usage().requests == 1
    assert script.prompts == ["Say hello."]


async def test_tool_calls_are_recorded_in_the_order_of_the_response_under_their_turn() -> None:
    tools = Tools()
    script = scripted([Call("mail.send", {"to": "ana"}), Call("crm/find.account", {"name": "Acme"})], "Done.")
    here = context(granted=ALL)
    performed = await staff(Models(extra={"scripted": script}), tools=tools).work(call(tools=("*",)), here)
    assert set(here.journal.records) == {"turn[1]", "turn[1]/mail.send[0]", "turn[1]/crm/find.account[1]", "turn[2]"}
    assert here.journal.records["turn[1]/mail.send[0]"].effect is Effect.CHANGES
    assert here.journal.usage().tool_calls == 2
    assert performed.untrusted, "an account from outside was read"


async def test_each_tool_call_carries_the_effect_key_of_its_own_record() -> None:
    tools = Tools()
    script = scripted([Call("mail.send", {"to": "ana"}), Call("mail.send", {"to": "bo"})], "Done.")
    await staff(Models(extra={"scripted": script}), tools=tools).work(call(tools=("mail.send",)), context(granted=ALL))
    assert {key for _, _, key in tools.done} == {
        "research/turn[1]/mail.send[0]#key",
        "research/turn[1]/mail.send[1]#key",
    }


async def test_a_request_record_holds_only_the_new_messages() -> None:
    script = scripted([Call("http.request", {"url": "x"})], [Call("http.request", {"url": "y"})], "Done.")
    here = context(granted=ALL)
    agent = AgentDefinition(agent="scout", model="scripted", instructions="Be brief.", tools=("http.request",))
    await staff(Models(extra={"scripted": script}), agents=(agent,)).work(AgentCall("Go.", agent="scout"), here)
    first, second, third = (here.journal.records[f"turn[{n}]"].request for n in (1, 2, 3))
    assert "Be brief." in first
    assert "Go." in first
    assert "Be brief." not in second
    assert "Go." not in second
    assert '"x"' in second
    assert '"x"' not in third
    assert '"y"' in third


@pytest.mark.parametrize("kind", [ErrorKind.INPUT, ErrorKind.NOT_FOUND, ErrorKind.TOOL, ErrorKind.DENIED])
async def test_a_failure_that_the_model_can_mend_is_told_to_it(kind: ErrorKind) -> None:
    tools = Tools(fail=StepFailed(kind, "no such city", hint="try Berlin"))
    script = scripted([Call("http.request", {})], "I could not.")
    here = context(granted=ALL)
    performed = await staff(Models(extra={"scripted": script}), tools=tools).work(call(tools=("*",)), here)
    assert performed.output == "I could not."
    assert "no such city" in script.prompts[-1]
    assert "try Berlin" in script.prompts[-1]
    assert '"error"' in here.journal.records["turn[1]/http.request[0]"].output


@pytest.mark.parametrize("kind", [ErrorKind.NETWORK, ErrorKind.BUDGET, ErrorKind.SECRET, ErrorKind.TIMEOUT])
async def test_a_failure_that_the_model_cannot_mend_fails_the_step(kind: ErrorKind) -> None:
    tools = Tools(fail=StepFailed(kind, "away"))
    script = scripted([Call("http.request", {}), Call("mail.send", {})], "Never said.")
    with pytest.raises(StepFailed) as failed:
        await staff(Models(extra={"scripted": script}), tools=tools).work(call(tools=("*",)), context(granted=ALL))
    assert failed.value.error.kind is kind
    assert script.asked == 1


async def test_wrong_arguments_come_back_to_the_model_which_mends_them() -> None:
    tools = Tools()
    script = scripted([Call("crm/find.account", {"name": 7})], [Call("crm/find.account", {"name": "Acme"})], "Found.")
    performed = await staff(Models(extra={"scripted": script}), tools=tools).work(
        call(tools=("*",)), context(granted=ALL)
    )
    assert performed.output == "Found."
    assert [arguments for _, arguments, _ in tools.done] == [{"name": "Acme"}]


async def test_an_unknown_tool_is_answered_with_the_tools_there_are() -> None:
    script = scripted([Call("shell.run", {})], "Never mind.")
    performed = await staff(Models(extra={"scripted": script})).work(call(tools=("mail.send",)), context(granted=ALL))
    assert performed.output == "Never mind."
    assert "mail_send" in script.prompts[-1]


async def test_a_model_that_insists_on_an_unknown_tool_fails_the_step() -> None:
    script = scripted([Call("shell.run", {})])
    with pytest.raises(StepFailed, match="no usable answer") as failed:
        await staff(Models(extra={"scripted": script})).work(call(tools=("mail.send",)), context(granted=ALL))
    assert failed.value.error.kind is ErrorKind.MODEL
    assert script.asked < 10


async def test_an_endless_tool_loop_ends_at_max_turns() -> None:
    script = scripted([Call("http.request", {})])
    agent = AgentDefinition(agent="scout", model="scripted", tools=("http.request",), max_turns=4)
    with pytest.raises(StepFailed, match="scout made 4 model requests") as failed:
        await staff(Models(extra={"scripted": script}), agents=(agent,)).work(
            AgentCall("Go.", agent="scout"), context(granted=ALL)
        )
    assert failed.value.error.kind is ErrorKind.LIMIT
    assert script.asked == 4


async def test_structured_output_fits_the_schema() -> None:
    performed = await staff(Models(extra={"scripted": scripted({"n": 3})})).work(call(output=SCHEMA), context())
    assert performed.output == {"n": 3}


async def test_structured_output_of_any_type_is_wrapped_for_the_model_and_unwrapped_for_the_step() -> None:
    schema = {"type": "array", "items": {"type": "string"}}
    script = scripted(Answer(["a", "b"]))
    performed = await staff(Models(extra={"scripted": script})).work(call(output=schema), context())
    assert performed.output == ["a", "b"]


async def test_references_in_a_wrapped_schema_still_find_what_they_point_to() -> None:
    schema = {"type": "array", "items": {"$ref": "#/$defs/word"}, "$defs": {"word": {"type": "string"}}}
    script = scripted(Answer([1]), Answer(["a"]))
    performed = await staff(Models(extra={"scripted": script})).work(call(output=schema), context())
    assert performed.output == ["a"]
    assert script.asked == 2


async def test_an_answer_that_does_not_fit_is_mended() -> None:
    script = scripted({"n": "three"}, {"n": 3})
    performed = await staff(Models(extra={"scripted": script})).work(call(output=SCHEMA), context())
    assert performed.output == {"n": 3}
    assert '"three" is not of type "integer"' in script.prompts[-1]


async def test_an_answer_that_never_fits_fails_the_step_after_three_retries() -> None:
    script = scripted({"n": "three"})
    with pytest.raises(StepFailed) as failed:
        await staff(Models(extra={"scripted": script})).work(call(output=SCHEMA), context())
    assert failed.value.error.kind is ErrorKind.MODEL
    assert script.asked == 4


@pytest.mark.parametrize(
    "schema", [{"type": "object", "properties": {"a": {"type": "nonsense"}}}, {"$ref": "http://x/y"}]
)
async def test_a_schema_that_cannot_be_used_is_the_authors_to_mend(schema: dict[str, object]) -> None:
    script = scripted({"a": 1})
    with pytest.raises(StepFailed, match="schema") as failed:
        await staff(Models(extra={"scripted": script})).work(call(output=schema), context())
    assert failed.value.error.kind is ErrorKind.INPUT
    assert script.asked == 0


async def test_only_granted_tools_are_offered_of_the_agents_own() -> None:
    agent = AgentDefinition(agent="scout", model="scripted", tools=("*",))
    script = scripted([Call("mail.send", {})], "No.")
    tools = Tools()
    grants = Grants(tools=(ToolGrant(name="crm/*"), "http.*"))
    await staff(Models(extra={"scripted": script}), agents=(agent,), tools=tools).work(
        AgentCall("Go.", agent="scout"), context(granted=grants)
    )
    assert tools.done == []
    assert "crm_find_account" in script.prompts[-1]
    assert "'mail_send'" not in script.prompts[-1].split("Available tools")[1]


@pytest.mark.parametrize(("name", "kind"), [("mail.send", ErrorKind.DENIED), ("mail.sned", ErrorKind.NOT_FOUND)])
async def test_a_tool_that_the_step_names_must_exist_and_be_granted(name: str, kind: ErrorKind) -> None:
    with pytest.raises(StepFailed, match=name) as failed:
        await staff(Models(extra={"scripted": scripted("x")})).work(call(tools=(name,)), context())
    assert failed.value.error.kind is kind


def test_tool_names_are_encoded_without_ambiguity() -> None:
    names = ["a.b", "a/b", "a_b", "final_result", "x" * 80, "x" * 79 + "y"]
    aliases = encode(names)
    assert aliases == encode(reversed(names))
    assert len(set(aliases.values())) == len(names)
    assert all(len(alias) <= 64 and alias.replace("_", "a").replace("-", "a").isalnum() for alias in aliases.values())
    assert "final_result" not in aliases.values()


async def test_an_unknown_agent_or_model_is_named() -> None:
    agents = staff(Models())
    with pytest.raises(StepFailed, match="no agent 'ghost'"):
        await agents.work(AgentCall("x", agent="ghost"), context())
    with pytest.raises(StepFailed, match="no model 'gpt-9'"):
        await agents.work(AgentCall("x", model="gpt-9"), context())


async def test_the_embedded_model_is_offered_no_tools_and_the_log_says_so() -> None:
    here = context(granted=ALL)
    with pytest.raises(StepFailed, match="without the embedded model"):
        await staff(Models()).work(AgentCall("x", model="embedded", tools=("mail.send",)), here)
    assert any("calls no tools" in line for level, line in here.lines if level == "warning")


async def test_a_tool_call_budget_holds_within_one_response() -> None:
    script = scripted([Call("http.request", {"n": n}) for n in range(5)], "Done.")
    tools = Tools()
    with pytest.raises(StepFailed, match="may use 3 tool calls") as failed:
        await staff(Models(extra={"scripted": script}), tools=tools).work(
            call(tools=("*",), budget=Budget(tool_calls=3)), context(granted=ALL)
        )
    assert failed.value.error.kind is ErrorKind.BUDGET
    assert len(tools.done) <= 3


async def test_each_tool_call_counts_once_against_the_budget() -> None:
    calls = [Call("http.request", {"n": 1}), Call("http.request", {"n": 2})]
    script = scripted(calls, calls, "Done.")
    performed = await staff(Models(extra={"scripted": script})).work(
        call(tools=("*",), budget=Budget(tool_calls=4)), context(granted=ALL)
    )
    assert performed.output == "Done."


async def test_a_request_budget_stops_before_the_next_request() -> None:
    script = scripted([Call("http.request", {})])
    with pytest.raises(StepFailed, match="may use 2 model requests"):
        await staff(Models(extra={"scripted": script})).work(
            call(tools=("*",), budget=Budget(requests=2)), context(granted=ALL)
        )
    assert script.asked == 2


async def test_a_token_budget_too_small_for_the_prompt_asks_nobody() -> None:
    script = scripted("x")
    with pytest.raises(StepFailed, match="may use 100 tokens") as failed:
        await staff(Models(extra={"scripted": script})).work(call("word " * 200, budget=Budget(tokens=100)), context())
    assert failed.value.error.kind is ErrorKind.BUDGET
    assert script.asked == 0


async def test_a_request_reserves_no_more_than_the_run_has_left() -> None:
    here = context(left=Usage(500, 500, Decimal(1), 10, 10))
    await staff(Models(extra={"scripted": scripted("ok")})).work(call(), here)
    assert here.journal.reserves[0].tokens <= 1000


async def test_money_is_counted_by_the_models_own_price() -> None:
    model = ModelDefinition(model="scripted", provider="ollama", price=Price(input=Decimal(10), output=Decimal(1000)))
    here = context()
    await staff(Models(extra={"scripted": scripted("Hello there.")}), known=(model,)).work(call(), here)
    used = here.journal.usage()
    assert used.usd == (used.input_tokens * Decimal(10) + used.output_tokens * Decimal(1000)) / 10**6 > 0


async def test_a_fallback_answers_when_the_first_model_does_not() -> None:
    broken, fine = scripted(Fail(ErrorKind.UNAVAILABLE, "down")), scripted("Hello.")
    first = ModelDefinition(model="first", provider="ollama", fallback=("second",), retries=1)
    here, waits = context(), Waits()
    agents = staff(Models(extra={"first": broken, "second": fine}), known=(first,), waits=waits)
    performed = await agents.work(AgentCall("x", model="first"), here)
    assert performed.output == "Hello."
    assert (broken.asked, fine.asked, len(waits.seconds)) == (2, 1, 1)
    assert here.journal.outputs()["turn[1]"]["model"] == "second"  # type: ignore[index, call-overload]


async def test_when_every_model_fails_the_error_names_what_each_said() -> None:
    first = ModelDefinition(model="first", provider="ollama", fallback=("second",), retries=0)
    second = scripted(Fail(ErrorKind.RATE_LIMITED, "slow down", retry_after=9))
    models = Models(extra={"first": scripted(Fail(ErrorKind.DENIED, "bad key")), "second": second})
    second_definition = ModelDefinition(model="second", provider="ollama", retries=0)
    with pytest.raises(StepFailed, match="bad key; slow down") as failed:
        await staff(models, known=(first, second_definition)).work(AgentCall("x", model="first"), context())
    assert failed.value.error.kind is ErrorKind.RATE_LIMITED
    assert failed.value.error.retry_after == 9


async def test_files_are_shown_by_name(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("The answer is 42.")
    (tmp_path / "dot.png").write_bytes(b"\x89PNG not really")
    script = scripted("Seen.")
    here = context(folder=tmp_path)
    await staff(Models(extra={"scripted": script})).work(call(files=("notes.txt", "dot.png")), here)
    assert "The answer is 42." in script.prompts[0]
    assert "image/png" in script.prompts[0]
    assert "bm90" not in here.journal.records["turn[1]"].request, "bytes are named by a digest in a turn's record"


async def test_a_file_is_shown_on_replay_as_it_was_at_first(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("before")
    here = context(folder=tmp_path)
    agents = staff(Models(extra={"scripted": scripted("Seen.")}))
    await agents.work(call(files=("notes.txt",)), here)
    (tmp_path / "notes.txt").write_text("after")
    assert (await agents.work(call(files=("notes.txt",)), here)).output == "Seen."


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../outside.txt", ErrorKind.DENIED),
        ("/etc/passwd", ErrorKind.DENIED),
        ("link.txt", ErrorKind.DENIED),
        ("", ErrorKind.DENIED),
        ("missing.txt", ErrorKind.NOT_FOUND),
        ("folder", ErrorKind.INPUT),
        ("pipe", ErrorKind.INPUT),
        ("binary.dat", ErrorKind.INPUT),
        ("big.txt", ErrorKind.LIMIT),
    ],
)
async def test_a_file_that_cannot_be_shown_is_refused(tmp_path: Path, name: str, kind: ErrorKind) -> None:
    workspace = tmp_path / "workspace"
    (workspace / "folder").mkdir(parents=True)
    (tmp_path / "outside.txt").write_text("secret")
    (workspace / "link.txt").symlink_to(tmp_path / "outside.txt")
    (workspace / "binary.dat").write_bytes(b"\xff\xfe\x00\x01")
    (workspace / "big.txt").write_bytes(b"x" * 600_000)
    os.mkfifo(workspace / "pipe")
    script = scripted("x")
    with pytest.raises(StepFailed) as failed:
        await staff(Models(extra={"scripted": script})).work(call(files=(name,)), context(folder=workspace))
    assert failed.value.error.kind is kind
    assert script.asked == 0


def test_the_specs_used_here_have_names_that_need_encoding() -> None:
    assert [encode([spec.name])[spec.name] for spec in (LOOK_UP, SEND, FETCH)] == [
        "crm_find_account",
        "mail_send",
        "http_request",
    ]


def test_a_script_takes_plain_data() -> None:
    assert scripted("a", {"n": 1}, [Call("log", {})]).turns == (Say("a"), Answer({"n": 1}), Calls((Call("log", {}),)))
