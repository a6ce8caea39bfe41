"""What becomes of a response: an answer, calls, both, neither, or something that cannot be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pytest
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelResponsePart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel

from errands.agents import Models
from errands.core.definition.agents import AgentDefinition
from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.ports import AgentCall
from errands.core.values import Json, JsonObject
from tests.agents.memory_journal import MemoryContext, MemoryJournal
from tests.agents.project import ALL, Tools, staff

SCHEMA: JsonObject = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
SCOUT = AgentDefinition(agent="scout", model="raw", tools=("*",), max_turns=8)
_Reason = Literal["length", "content_filter"] | None


@dataclass
class Raw:
    """A model that gives these responses one after another, the last one again and again."""

    turns: Sequence[Sequence[ModelResponsePart]]
    reason: _Reason = None
    asked: int = 0
    told: Sequence[ModelMessage] = ()

    def open(self) -> FunctionModel:
        return FunctionModel(self._answer, model_name="raw")

    async def _answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.asked, self.told = self.asked + 1, messages
        return ModelResponse(list(self.turns[min(self.asked, len(self.turns)) - 1]), finish_reason=self.reason)

    def results(self) -> list[ToolReturnPart]:
        """What it was last told of its calls."""
        last = self.told[-1]
        assert isinstance(last, ModelRequest)
        return [part for part in last.parts if isinstance(part, ToolReturnPart)]


def said(text: str) -> list[ModelResponsePart]:
    return [TextPart(text)]


def called(*calls: tuple[str, str]) -> list[ModelResponsePart]:
    return [ToolCallPart(name, arguments, f"call_{place}") for place, (name, arguments) in enumerate(calls)]


async def ask(model: Raw, *, output: JsonObject | None = None, tools: Tools | None = None) -> Json:
    here = MemoryContext(MemoryJournal(), granted=ALL)
    agents = staff(Models(extra={"raw": model}), tools=tools, agents=(SCOUT,))
    return (await agents.work(AgentCall("Go.", agent="scout", output=output), here)).output


async def refused(model: Raw, *, output: JsonObject | None = None) -> str:
    with pytest.raises(StepFailed, match="scout gave no usable answer") as failed:
        await ask(model, output=output)
    assert failed.value.error.kind is ErrorKind.MODEL
    return failed.value.error.message


@pytest.mark.parametrize("nothing", [[], [TextPart("")], [ThinkingPart("Hm.")]], ids=["empty", "blank", "thought"])
async def test_a_model_that_gives_nothing_is_asked_again(nothing: list[ModelResponsePart]) -> None:
    model = Raw([nothing, said("Here.")])
    assert await ask(model) == "Here."
    assert "Please return text or call a tool." in str(model.told)


async def test_a_model_that_never_gives_anything_fails_the_step() -> None:
    model = Raw([[]])
    assert "the model gave nothing in 4 turns" in await refused(model)
    assert model.asked == 4


@pytest.mark.parametrize(
    ("reason", "words"), [("length", "max_output_tokens were used up"), ("content_filter", "content filter")]
)
async def test_a_model_that_was_stopped_before_it_gave_anything_is_not_asked_again(reason: _Reason, words: str) -> None:
    model = Raw([[]], reason)
    assert words in await refused(model)
    assert model.asked == 1


async def test_the_text_beside_calls_and_the_thoughts_beside_text_are_no_answer() -> None:
    beside = [TextPart("Let me see."), *called(("http_request", "{}"))]
    assert await ask(Raw([beside, [ThinkingPart("So."), TextPart("It is "), TextPart("done.")]])) == "It is done."


@pytest.mark.parametrize("text", ['{"n": 3}', '```json\n{"n": 3}\n```', 'Here it is:\n```\n{"n": 3}\n```\nBye.'])
async def test_an_object_may_come_as_text(text: str) -> None:
    assert await ask(Raw([said(text)]), output=SCHEMA) == {"n": 3}


async def test_text_that_is_no_object_is_mended() -> None:
    model = Raw([said("three"), called(("final_result", '{"n": 3}'))])
    assert await ask(model, output=SCHEMA) == {"n": 3}
    assert model.asked == 2


async def test_an_object_that_was_cut_off_is_not_asked_for_again() -> None:
    model = Raw([said('{"n": ')], "length")
    assert "cut off" in await refused(model, output=SCHEMA)
    assert model.asked == 1


async def test_calls_beside_an_answer_are_made_and_the_answer_counts() -> None:
    tools = Tools()
    model = Raw([called(("http_request", "{}"), ("final_result", '{"n": 3}'), ("mail_send", "{}"))])
    assert await ask(model, output=SCHEMA, tools=tools) == {"n": 3}
    assert [name for name, _, _ in tools.done] == ["http.request", "mail.send"]
    assert model.asked == 1


async def test_the_first_of_two_answers_counts() -> None:
    model = Raw([called(("final_result", '{"n": 1}'), ("final_result", '{"n": 2}'))])
    assert await ask(model, output=SCHEMA) == {"n": 1}


async def test_an_answer_beside_a_call_that_cannot_be_read_does_not_count_yet() -> None:
    model = Raw([called(("http_request", "{"), ("final_result", '{"n": 3}')), called(("final_result", '{"n": 4}'))])
    assert await ask(model, output=SCHEMA) == {"n": 4}
    assert [part.outcome for part in model.results()] == ["retried", "success"]


async def test_an_answer_beside_a_call_of_a_tool_that_is_not_there_counts() -> None:
    assert await ask(Raw([called(("ghost", "{}"), ("final_result", '{"n": 3}'))]), output=SCHEMA) == {"n": 3}


async def test_a_model_may_make_the_same_mistake_again_once_it_has_mended_it() -> None:
    broken, mended = called(("http_request", "[1]")), called(("http_request", "{}"))
    assert await ask(Raw([broken, broken, mended, broken, broken, said("Done.")])) == "Done."


async def test_a_tool_that_is_never_called_rightly_fails_the_step_and_is_not_called() -> None:
    tools, model = Tools(), Raw([called(("http_request", '{"a": '))], "length")
    with pytest.raises(StepFailed, match=r"the tool 'http_request' right in 4 turns: .*; it was cut off"):
        await ask(model, tools=tools)
    assert (model.asked, tools.done) == (4, [])


async def test_a_call_without_arguments_is_one_with_none() -> None:
    tools = Tools()
    await ask(
        Raw([[ToolCallPart("http_request", None, "a"), ToolCallPart("mail_send", "", "b")], said("Done.")]), tools=tools
    )
    assert [arguments for _, arguments, _ in tools.done] == [{}, {}]


async def test_two_calls_under_one_id_fail_the_step_before_either_is_made() -> None:
    tools, twice = Tools(), [ToolCallPart("http_request", "{}", "a"), ToolCallPart("mail_send", "{}", "a")]
    with pytest.raises(StepFailed, match="under the same id"):
        await ask(Raw([twice]), tools=tools)
    assert tools.done == []
