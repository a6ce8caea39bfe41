"""A model that is asked again after passing failures, as long as nothing of an answer has arrived."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models import CompletedStreamedResponse, Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from errands.agents.thinking.failures import translate
from errands.core.outcomes import RETRIED_BY_DEFAULT, StepFailed

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 10.0
"""Seconds; somebody is waiting for the answer."""


class PatientModel(WrapperModel):
    """One model of a chain; what its provider raises becomes a StepFailed that says who can mend it."""

    def __init__(
        self, wrapped: Model, name: str, retries: int, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        super().__init__(wrapped)
        self._name = name
        self._retries = retries
        self._sleep = sleep

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """The answer as it arrives. Raises StepFailed."""
        async with AsyncExitStack() as stack:
            attempt = 0
            while True:
                try:
                    opening = self._open(messages, model_settings, model_request_parameters, run_context)
                    stream = await stack.enter_async_context(opening)
                    break
                except Exception as error:
                    delay = self._delay(self._failure(error), attempt)
                attempt += 1
                await self._sleep(delay)
            yield stream

    @asynccontextmanager
    async def _open(
        self,
        messages: list[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None,
    ) -> AsyncGenerator[StreamedResponse]:
        inner = self.wrapped
        if isinstance(inner, FunctionModel) and inner.stream_function is None:
            response = await inner.request(messages, settings, parameters)
            yield CompletedStreamedResponse(response, model_request_parameters=parameters, replay_events=True)
            return
        async with inner.request_stream(messages, settings, parameters, run_context) as stream:
            yield stream

    def _failure(self, error: Exception) -> StepFailed:
        """Raises what is no failure of the model's."""
        failure = error if isinstance(error, StepFailed) else translate(error, self._name, answering=False)
        if failure is None:
            raise error
        return failure

    def _delay(self, failure: StepFailed, attempt: int) -> float:
        """Seconds to wait before asking again. Raises the failure where that is no use."""
        asked = failure.error.retry_after or 0.0
        if failure.error.kind not in RETRIED_BY_DEFAULT or attempt >= self._retries or asked > _LONGEST_DELAY:
            raise failure
        backoff: float = min(_FIRST_DELAY * 2.0**attempt, _LONGEST_DELAY)
        return max(backoff, asked)
