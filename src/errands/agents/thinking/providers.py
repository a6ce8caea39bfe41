"""Builds pydantic-ai models. The SDKs' own retries are off: `asking` retries, and records why."""

from typing import assert_never

import httpx2
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.ollama import OllamaModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.ollama import OllamaProvider
from pydantic_ai.providers.openai import OpenAIProvider

from errands.core.definition.agents import ModelDefinition
from errands.core.outcomes import ErrorKind, StepFailed

_NO_KEY = "none"
"""Keeps an SDK from looking for a key in the environment."""
_LARGEST_ANSWER = 64 * 2**20
"""Bytes of one HTTP answer: far above any real one, streams included, and far below what hurts."""
_CONNECT_SECONDS = 10.0
_WHOLE_STREAMS = OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True)
"""A stream that ends without saying why was cut: half an answer must not pass for a whole one."""


class Providers:
    """One pool of connections for all models of a process. `asking` bounds the time of a request as a whole."""

    def __init__(self) -> None:
        timeout = httpx2.Timeout(None, connect=_CONNECT_SECONDS)
        limits = httpx2.Limits(max_connections=200, max_keepalive_connections=20)
        hooks = {"response": [_refuse_huge]}
        self._http = httpx2.AsyncClient(timeout=timeout, limits=limits, follow_redirects=False, event_hooks=hooks)
        self._loopback = httpx2.AsyncClient(timeout=timeout, trust_env=False)

    def open(self, definition: ModelDefinition, url: str | None, key: str | None) -> Model:
        """The model behind a definition. Raises StepFailed (not_found) where an extra is not installed."""
        name = definition.name or definition.model
        match definition.provider:
            case "openai" | "openai-compatible":
                return OpenAIChatModel(
                    name, provider=OpenAIProvider(openai_client=self._openai(url, key)), profile=_WHOLE_STREAMS
                )
            case "ollama":
                return OllamaModel(
                    name, provider=OllamaProvider(openai_client=self._openai(url, key)), profile=_WHOLE_STREAMS
                )
            case "anthropic":
                client = AsyncAnthropic(api_key=key or _NO_KEY, base_url=url, http_client=self._http, max_retries=0)
                return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client))
            case "google":
                return self._google(name, url, key)
            case "bedrock":
                return self._bedrock(name, url)
            case "embedded":
                raise StepFailed(ErrorKind.INTERNAL, "the embedded model has no definition to open")
            case _:
                assert_never(definition.provider)

    def embedded(self, url: str, key: str) -> Model:
        """The embedded model at its loopback address. It writes JSON by grammar and calls no tools."""
        client = AsyncOpenAI(api_key=key, base_url=url, http_client=self._loopback, max_retries=0)
        profile = OpenAIModelProfile(
            **_WHOLE_STREAMS,
            supports_json_schema_output=True,
            supports_json_object_output=True,
            default_structured_output_mode="native",
            openai_supports_strict_tool_definition=False,
        )
        return OpenAIChatModel("embedded", provider=OpenAIProvider(openai_client=client), profile=profile)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()
        await self._loopback.aclose()

    def _openai(self, url: str | None, key: str | None) -> AsyncOpenAI:
        return AsyncOpenAI(api_key=key or _NO_KEY, base_url=url, http_client=self._http, max_retries=0)

    def _google(self, name: str, url: str | None, key: str | None) -> Model:
        try:
            from pydantic_ai.models.google import GoogleModel
            from pydantic_ai.providers.google import GoogleProvider
        except ImportError:
            raise _not_installed("google") from None
        return GoogleModel(name, provider=GoogleProvider(api_key=key or _NO_KEY, base_url=url, http_client=self._http))

    def _bedrock(self, name: str, url: str | None) -> Model:
        try:
            from pydantic_ai.models.bedrock import BedrockConverseModel
            from pydantic_ai.providers.bedrock import BedrockProvider
        except ImportError:
            raise _not_installed("bedrock") from None
        return BedrockConverseModel(name, provider=BedrockProvider(base_url=url))


async def _refuse_huge(response: httpx2.Response) -> None:
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) > _LARGEST_ANSWER:
        raise StepFailed(
            ErrorKind.LIMIT,
            f"the model's server sends an answer of {int(length):,} bytes; the most is {_LARGEST_ANSWER:,}",
            hint="check base_url: this is not what a model answers",
        )


def _not_installed(extra: str) -> StepFailed:
    return StepFailed(
        ErrorKind.NOT_FOUND,
        f"the provider {extra} is not installed on this server",
        hint=f"install it with: pip install 'pydantic-ai-slim[{extra}]'",
    )
