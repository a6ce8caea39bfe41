"""One model request: streamed, bounded in time and size, tried again, and passed on to fallback models."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from pydantic_ai.messages import (
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ThinkingPartDelta,
    ToolCallPart,
    ToolCallPartDelta,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.settings import ModelSettings

from errands.agents.models import Models
from errands.agents.spending import estimate_tokens
from errands.agents.thinking.failures import translate
from errands.agents.thinking.histories import History
from errands.agents.thinking.messages import characters
from errands.agents.thinking.prices import has_published_price, price_of, published_cost
from errands.core.definition.agents import KnownModel, ModelDefinition
from errands.core.outcomes import RETRIED_BY_DEFAULT, ErrorKind, StepFailed, Usage
from errands.core.ports import StepContext

_LONGEST_ANSWER = 2 * 2**20
"""Characters of one answer, tool arguments included. The longest answers of today's models have half a million."""
_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0
_LONGEST_RETRY_AFTER = 60.0
"""Seconds to wait for a provider inside a step; what asks for more is left to the step's own retry, which suspends."""
_EMBEDDED_ANSWER = 512
"""Output tokens of the embedded model where its definition sets none: it rambles."""
_EMBEDDED_TEMPERATURE = 0.2

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked."""

    history: History
    parameters: ModelRequestParameters
    max_output_tokens: int | None


@dataclass(frozen=True, slots=True)
class Answered:
    """What a model answered, which one, and what it used."""

    response: ModelResponse
    model: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks the models of a chain in order until one answers."""

    models: Models
    chain: Sequence[ModelDefinition]
    context: StepContext
    sleep: Sleep = asyncio.sleep

    async def ask(self, question: Question) -> Answered:
        """The first answer. Raises StepFailed that names what each model said."""
        failures: list[StepFailed] = []
        for definition in self.chain:
            try:
                return await self._ask_patiently(definition, question)
            except StepFailed as failure:
                if failure.error.kind is ErrorKind.BUDGET:
                    raise
                failures.append(failure)
                self.context.log(failure.error.message, level="warning")
        raise _summed_up(failures)

    async def _ask_patiently(self, definition: ModelDefinition, question: Question) -> Answered:
        """Ask one model, again after passing failures."""
        for attempt in range(definition.retries + 1):
            try:
                return await self._ask_in_turn(definition, question)
            except StepFailed as failure:
                delay = _delay(failure, attempt)
                if attempt == definition.retries or delay is None:
                    raise
                self.context.log(f"{failure.error.message}; asking again in {delay:g} s", level="info")
                await self.sleep(delay)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _ask_in_turn(self, definition: ModelDefinition, question: Question) -> Answered:
        """Wait until the model's rate has room, ask, and count what was really used."""
        pace, rate = self.models.pace, definition.rate
        if pace is None or rate is None or not isinstance(definition, KnownModel):
            return await self._ask_once(definition, question)
        expected = estimate_tokens(characters(question.history.messages)) + (question.max_output_tokens or 0)
        while (delay := await pace.take(definition.model_id, rate, expected)) > 0:
            self.context.log(f"model {definition.model} has had its share of this minute; waiting {delay:.0f} s")
            await self.sleep(delay)
        answered = await self._ask_once(definition, question)
        await pace.settle(definition.model_id, answered.usage.tokens - expected)
        return answered

    async def _ask_once(self, definition: ModelDefinition, question: Question) -> Answered:
        arriving = Arriving(definition.model, self.context)
        try:
            async with asyncio.timeout(definition.timeout.total_seconds()):
                model = await self.models.open(definition, self.context.credential)
                if definition.provider == "embedded" and question.parameters.function_tools:
                    self.context.log("the embedded model calls no tools and answers without them", level="warning")
                response = await _converse(model, question, definition, arriving)
        except TimeoutError as error:
            raise StepFailed(
                ErrorKind.TIMEOUT,
                f"model {definition.model} did not finish its answer within {definition.timeout.total_seconds():g} s",
                hint="raise timeout in the model's file, or ask for a shorter answer",
            ) from error
        except Exception as error:
            failure = _step_failure(error) or translate(error, definition.model, answering=arriving.length > 0)
            if failure is None or failure is error:
                raise
            raise failure from error
        return Answered(response, definition.model, _usage(response, question, definition))


class Arriving:
    """Counts an answer as it arrives and shows its text to whoever follows the run."""

    def __init__(self, model: str, context: StepContext) -> None:
        self.length = 0
        self._model = model
        self._context = context

    def take(self, event: object) -> None:
        """One event of the stream. Raises StepFailed (limit) where the answer grows too long."""
        match event:
            case PartStartEvent(part=TextPart(content=text)) | PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
                self.count(len(text))
                self._context.token(text)
            case PartStartEvent(part=ThinkingPart(content=text)):
                self.count(len(text))
            case PartDeltaEvent(delta=ThinkingPartDelta(content_delta=thought)):
                self.count(len(thought or ""))
            case PartStartEvent(part=ToolCallPart() as call):
                self.count(len(call.args_as_json_str()))
            case PartDeltaEvent(delta=ToolCallPartDelta(args_delta=arguments)):
                self.count(len(str(arguments or "")))
            case _:
                pass

    def count(self, length: int) -> None:
        """So many more characters."""
        self.length += length
        if self.length > _LONGEST_ANSWER:
            raise StepFailed(
                ErrorKind.LIMIT,
                f"the answer of model {self._model} has more than {_LONGEST_ANSWER:,} characters and was stopped",
                hint="ask for a shorter answer, or set max_output_tokens in the model's file",
            )


async def _converse(model: Model, question: Question, definition: ModelDefinition, arriving: Arriving) -> ModelResponse:
    parameters = _suited(question.parameters, definition)
    settings = _settings(definition, question.max_output_tokens)
    messages = question.history.prepared(definition.model, model, parameters)
    if isinstance(model, FunctionModel) and model.stream_function is None:
        response = await model.request(messages, settings, parameters)
        arriving.count(characters([response]))
        return response
    async with model.request_stream(messages, settings, parameters) as stream:
        async for event in stream:
            arriving.take(event)
        response = stream.get()
    told = response.finish_reason or (response.provider_details or {}).get("finish_reason")
    if told is None and not isinstance(model, FunctionModel):
        raise StepFailed(
            ErrorKind.MODEL, f"the answer of model {definition.model} was cut off after {arriving.length} characters"
        )
    return response


def _suited(parameters: ModelRequestParameters, definition: ModelDefinition) -> ModelRequestParameters:
    """The embedded model gets no tools, and its structured output comes by grammar."""
    if definition.provider != "embedded":
        return parameters
    mode = "native" if parameters.output_object else parameters.output_mode
    return replace(parameters, function_tools=[], output_mode=mode)


def _settings(definition: ModelDefinition, max_output_tokens: int | None) -> ModelSettings:
    settings = ModelSettings()
    embedded = definition.provider == "embedded"
    temperature = definition.temperature
    if temperature is None and embedded:
        temperature = _EMBEDDED_TEMPERATURE
    if temperature is not None:
        settings["temperature"] = temperature
    most = max_output_tokens or definition.max_output_tokens or (_EMBEDDED_ANSWER if embedded else None)
    if most is not None:
        settings["max_tokens"] = most
    return settings


def _step_failure(error: BaseException) -> StepFailed | None:
    """The StepFailed that an SDK has wrapped in an error of its own, if there is one."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, StepFailed):
            return cause
        cause = cause.__cause__
    return None


def _delay(failure: StepFailed, attempt: int) -> float | None:
    """Seconds before the next attempt; `None`: asking again is no use here."""
    if failure.error.kind not in RETRIED_BY_DEFAULT:
        return None
    asked = failure.error.retry_after
    if asked is not None and asked > _LONGEST_RETRY_AFTER:
        return None
    backoff: float = min(_FIRST_DELAY * 2.0**attempt, _LONGEST_DELAY)
    return max(backoff, asked or 0.0)


def _summed_up(failures: Sequence[StepFailed]) -> StepFailed:
    if len(failures) == 1:
        return failures[0]
    errors = [failure.error for failure in failures]
    passing = [error for error in errors if error.kind in RETRIED_BY_DEFAULT]
    waits = [error.retry_after for error in passing if error.retry_after is not None]
    return StepFailed(
        passing[0].kind if passing else errors[0].kind,
        "no model answered: " + "; ".join(error.message for error in errors),
        hint=next((error.hint for error in errors if error.hint), None),
        retry_after=min(waits, default=None),
    )


def _usage(response: ModelResponse, question: Question, definition: ModelDefinition) -> Usage:
    """What the provider counted, or our estimate where it counted nothing."""
    given, made = response.usage.input_tokens, response.usage.output_tokens
    if not given and not made:
        given = estimate_tokens(characters(question.history.messages))
        made = estimate_tokens(characters([response]))
    looked_up = has_published_price(definition)
    usd = published_cost(response) if looked_up else price_of(definition)(given, made)
    return Usage(given, made, usd, requests=1)
