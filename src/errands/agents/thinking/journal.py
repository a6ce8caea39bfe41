"""The two places where an agent's work is journaled: each model request and each tool call is a record of its own.

A replay takes recorded turns and calls and asks no model again. Live code, too, uses only what `once` gives back,
because that is what a replay will see (redacted).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic_ai.messages import ModelRequest, ModelResponse, ToolCallPart, ToolReturnPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.tools import ToolDefinition

from errands.agents.call_context import CallContext
from errands.agents.offers import Offer
from errands.agents.ports import ToolBox
from errands.agents.spending import SHORTEST_ANSWER, PriceOf, Reserve, estimate_tokens, reserve_request
from errands.agents.thinking.asking import Answered, Asker, Question
from errands.agents.thinking.histories import History
from errands.agents.thinking.messages import characters, record_of_request, record_of_response, response_of_record
from errands.agents.thinking.prices import price_of
from errands.core.catalog import ToolSpec
from errands.core.definition.agents import ModelDefinition
from errands.core.gates import names_secret, why_ask
from errands.core.outcomes import ErrorKind, Performed, StepError, StepFailed, Usage
from errands.core.ports import Effect, Gate, Recorded, StepContext
from errands.core.values import Json, JsonObject, canonical, digest, digest_of_text, to_text

_MENDABLE = frozenset((ErrorKind.INPUT, ErrorKind.NOT_FOUND, ErrorKind.TOOL, ErrorKind.DENIED, ErrorKind.LIMIT))
"""Failures of a tool that are told to the model, so that it can mend its call; all others fail the step."""
_LONGEST_RESULT = 200_000
"""Characters of one tool result that a model is shown."""
_ONE_CALL = Usage(tool_calls=1)


@dataclass(slots=True)
class Conversation:
    """What the two journaled halves share: how far the conversation is, what it has seen."""

    context: StepContext
    prefix: str = ""
    """Before the suffix of every record; empty for the first conversation of a step."""
    live: bool = False
    """Something was asked or done, not only taken from the journal."""
    turn: int = 0
    """Number of the last model request, from 1."""
    untrusted: bool = False
    """It has seen data from outside: in its prompt, its files or a tool's result."""
    led_on: bool = False
    """It had when the last response was asked for, so that the calls of that response carry the mark."""

    def __post_init__(self) -> None:
        self.untrusted = self.context.untrusted


@dataclass(slots=True)
class _Asking:
    """A model request that is sized when it is reserved, and asked as it was sized."""

    asker: Asker
    history: History
    parameters: ModelRequestParameters
    price: PriceOf
    """The highest of the chain's."""
    input_tokens: int
    shortest: int = SHORTEST_ANSWER
    """Output tokens below which asking is pointless."""
    sized: Reserve | None = None

    def reserve(self, left: Usage | None) -> Usage:
        """The most that the request may use, given what the budgets leave."""
        most = self.asker.chain[0].max_output_tokens
        self.sized = reserve_request(self.input_tokens, most, self.price, left, shortest=self.shortest)
        return self.sized.usage

    async def ask(self) -> tuple[Answered, bool]:
        """The answer, and whether a budget keeps it shorter than the model's definition would."""
        assert self.sized is not None, "a request is reserved before it is asked"
        question = Question(self.history, self.parameters, self.sized.max_output_tokens)
        return await self.asker.ask(question), self.sized.narrowed


class Turns:
    """The model requests of a conversation: each is taken from the journal, or asked of the chain and recorded."""

    def __init__(self, conversation: Conversation, asker: Asker, parameters: ModelRequestParameters) -> None:
        self._conversation = conversation
        self._asker = asker
        self._parameters = parameters
        self._history = History()
        self._price = _highest(asker.chain)
        self._fixed = _fixed_part(asker.chain[0], parameters)
        self._length = _declared(parameters)
        """Characters of all that is sent with the next request."""

    async def ask(self, request: ModelRequest) -> ModelResponse:
        """The next turn: reserve, ask once, settle."""
        conversation = self._conversation
        conversation.turn += 1
        conversation.led_on = conversation.untrusted
        self._history.messages.append(request)
        self._length += characters([request])
        new = record_of_request([request], with_instructions=conversation.turn == 1)
        response = await self._asked(new)
        self._history.messages.append(response)
        self._length += characters([response])
        return response

    async def _asked(self, new: Sequence[Json]) -> ModelResponse:
        """The answer to a turn. One that a budget has cut short is asked for anew, with room for twice as much: there
        is room once somebody has raised the budget, and until then the request waits."""
        conversation, model = self._conversation, self._asker.chain[0].model
        suffix, again = f"{conversation.prefix}turn[{conversation.turn}]", 0
        asking = _Asking(self._asker, self._history, self._parameters, self._price, estimate_tokens(self._length))

        named = _digest(self._fixed, new)

        async def perform(_effect_key: str) -> Performed:
            conversation.live = True
            answered, narrowed = await asking.ask()
            output: JsonObject = {
                "model": answered.model,
                "narrowed": narrowed,
                "response": record_of_response(answered.response),
            }
            return Performed(output, answered.usage, untrusted=conversation.untrusted)

        while True:
            recorded = await conversation.context.once(
                suffix if again == 0 else f"{suffix}/more[{again}]",
                kind="turn",
                digest=named,
                perform=perform,
                request={"model": model, "messages": [*new]},
                reserve=asking.reserve,
            )
            response, narrowed = _taken(recorded)
            if response.finish_reason != "length":
                return response
            if not narrowed:
                warning = "the answer reached the model's max_output_tokens and may be cut"
                conversation.context.log(warning, level="warning")
                return response
            again += 1
            asking.shortest = 2 * max(recorded.usage.output_tokens, asking.shortest)


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """The calls of the offered tools; each is recorded at `turn[n]/tool[i]`, `i` being its place in the response."""

    conversation: Conversation
    toolbox: ToolBox
    offers: Sequence[Offer]
    approve_tools: Sequence[str] = ()
    """Names and globs of tools of which every call must be approved."""

    def offered(self) -> list[ToolDefinition]:
        """The tools as models see them."""
        return [
            ToolDefinition(
                name=offer.alias,
                description=offer.spec.description,
                parameters_json_schema=dict(offer.spec.input_schema),
            )
            for offer in self.offers
        ]

    def knows(self, name: str) -> bool:
        """Whether a model may call a tool of this name."""
        return any(offer.alias == name for offer in self.offers)

    async def make(self, call: ToolCallPart, arguments: JsonObject, place: int) -> ToolReturnPart:
        """Do a call once. What the model can mend comes back as its result; StepFailed is raised for the rest."""
        spec = next(offer.spec for offer in self.offers if offer.alias == call.tool_name)
        conversation = self.conversation
        suffix = f"{conversation.prefix}turn[{conversation.turn}]/{spec.name}[{place}]"

        async def perform(effect_key: str) -> Performed:
            conversation.live = True
            context = CallContext(conversation.context, f"{conversation.context.path}/{suffix}", effect_key)
            performed = await _attempt(self.toolbox, spec, arguments, context)
            seen = performed.untrusted or conversation.led_on or context.untrusted
            return replace(performed, untrusted=seen)

        effect = await self.toolbox.effect(spec.name, arguments, conversation.context.run.project_id)
        recorded = await conversation.context.once(
            suffix,
            kind="call",
            digest=digest([spec.name, arguments]),
            perform=perform,
            request={"tool": spec.name, "arguments": arguments},
            effect=effect,
            reserve=lambda _: _ONE_CALL,
            gate=self._gate(spec.name, arguments, effect),
        )
        return self._result(call, recorded)

    def _gate(self, tool: str, arguments: JsonObject, effect: Effect) -> Gate | None:
        """What a person is asked before the call; a refusal is told to the model, which goes on."""
        led_on = self.conversation.led_on
        why = why_ask(
            self.conversation.context.grants,
            tool,
            effect,
            untrusted=led_on,
            approve_tools=self.approve_tools,
            hands_over=names_secret(arguments),
        )
        if not why:
            return None
        return Gate(
            tool, arguments, why, lambda error: Performed({"error": error.as_json()}, _ONE_CALL, untrusted=led_on)
        )

    def _result(self, call: ToolCallPart, recorded: Recorded) -> ToolReturnPart:
        output = recorded.output
        if not isinstance(output, dict):
            raise StepFailed(ErrorKind.INTERNAL, "the record of a tool call is not an object")
        self.conversation.untrusted = self.conversation.untrusted or recorded.untrusted
        error = output.get("error")
        if isinstance(error, dict):
            told = _told(StepError.from_json(error))
            return ToolReturnPart(call.tool_name, told, call.tool_call_id, outcome="failed")
        return ToolReturnPart(call.tool_name, _shown(output.get("result")), call.tool_call_id)


def _taken(recorded: Recorded) -> tuple[ModelResponse, bool]:
    """The response, and whether a budget kept it short."""
    output = recorded.output
    if not isinstance(output, dict):
        raise StepFailed(ErrorKind.INTERNAL, "the record of a model request is not an object")
    return response_of_record(output.get("response")), output.get("narrowed") is True


def _declared(parameters: ModelRequestParameters) -> int:
    """Characters of what goes along with each request."""
    tools = [*parameters.function_tools, *parameters.output_tools]
    declared = sum(len(to_text(tool.parameters_json_schema)) + len(tool.description or "") for tool in tools)
    return declared + sum(len(part.content) for part in parameters.instruction_parts or ())


async def _attempt(toolbox: ToolBox, spec: ToolSpec, arguments: JsonObject, context: StepContext) -> Performed:
    """The call's record: `{result}` or, where the model may mend its call, `{error}`."""
    try:
        performed = await toolbox.call(spec.name, arguments, context)
    except StepFailed as failure:
        if failure.error.kind not in _MENDABLE:
            raise
        outside = spec.returns_outside_data
        return Performed({"error": failure.error.as_json()}, _ONE_CALL, untrusted=outside)
    return replace(performed, output={"result": performed.output}, usage=performed.usage + _ONE_CALL)


def _told(error: StepError) -> str:
    hint = f" ({error.hint})" if error.hint else ""
    return f"The call failed ({error.kind.value}): {error.message}{hint}"


def _shown(result: Json) -> Json:
    text = result if isinstance(result, str) else to_text(result)
    if len(text) <= _LONGEST_RESULT:
        return result
    return f"{text[:_LONGEST_RESULT]}\n[cut here: the result has {len(text):,} characters; ask for less]"


def _highest(chain: Sequence[ModelDefinition]) -> PriceOf:
    """What the dearest of the models would cost."""
    prices = [price_of(one) for one in chain]
    return prices[0] if len(prices) == 1 else lambda given, made: max(price(given, made) for price in prices)


def _fixed_part(definition: ModelDefinition, parameters: ModelRequestParameters) -> str:
    """What is the same in all requests of a conversation of that which decides their answers, as canonical text:
    model, settings, tools by name, output schema.

    Descriptions of tools and the length that a budget allows are left out: they may change between a crash and the
    replay without making the recorded answer wrong.
    """
    outputs = [tool.parameters_json_schema for tool in parameters.output_tools]
    if parameters.output_object is not None:
        outputs.append(parameters.output_object.json_schema)
    fixed: JsonObject = {
        "model": [definition.provider, definition.name, definition.base_url],
        "settings": [definition.temperature, definition.max_output_tokens],
        "tools": sorted(tool.name for tool in parameters.function_tools),
        "outputs": outputs,
    }
    return canonical(fixed)


def _digest(fixed: str, messages: Sequence[Json]) -> str:
    """Names a request: the digest of the fixed part with the new `messages`, whose key sorts before all of its keys."""
    return digest_of_text(f'{{"messages":{canonical(messages)},{fixed[1:]}')
