"""Builds pydantic-ai models. The SDKs' own retries are off: `asking` retries, and records why."""

import re
from collections.abc import AsyncIterator
from typing import assert_never

import httpx2
from openai import AsyncOpenAI
from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model
from pydantic_ai.models.ollama import OllamaModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.ollama import OllamaProvider
from pydantic_ai.providers.openai import OpenAIProvider

from errands.core.definition.agents import ModelDefinition
from errands.core.outcomes import ErrorKind, StepFailed

_NO_KEY = "none"
"""Keeps an SDK from looking for a key in the environment."""
_LARGEST_ANSWER = 64 * 2**20
"""Bytes of one HTTP answer: far above any real one, streams included, and far below what hurts."""
_CONNECT_SECONDS = 10.0
_REGION = re.compile(r"^https://bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com")
_WHOLE_STREAMS = OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True)
"""A stream that ends without saying why was cut: half an answer must not pass for a whole one."""


class Providers:
    """One pool of connections for all models of a process. `asking` bounds the time of a request as a whole."""

    def __init__(self) -> None:
        timeout = httpx2.Timeout(None, connect=_CONNECT_SECONDS)
        limits = httpx2.Limits(max_connections=200, max_keepalive_connections=20)
        hooks = {"response": [_bound]}
        self._http = httpx2.AsyncClient(timeout=timeout, limits=limits, follow_redirects=False, event_hooks=hooks)
        self._loopback = httpx2.AsyncClient(timeout=timeout, trust_env=False)

    def open(self, definition: ModelDefinition, url: str | None, key: str | None) -> Model:
        """The model behind a definition. Raises StepFailed (not_found) where an extra is not installed.

        Blocking: imports the SDK of the provider on first use.
        """
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
                return self._anthropic(name, url, key)
            case "google":
                return self._google(name, url, key)
            case "bedrock":
                return _bedrock(definition, name, url, key)
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

    def _anthropic(self, name: str, url: str | None, key: str | None) -> Model:
        from anthropic import AsyncAnthropic
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        client = AsyncAnthropic(api_key=key or _NO_KEY, base_url=url, http_client=self._http, max_retries=0)
        return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client))

    def _google(self, name: str, url: str | None, key: str | None) -> Model:
        try:
            from pydantic_ai.models.google import GoogleModel
            from pydantic_ai.providers.google import GoogleProvider
        except ImportError:
            raise _not_installed("google") from None
        return GoogleModel(name, provider=GoogleProvider(api_key=key or _NO_KEY, base_url=url, http_client=self._http))


def _bedrock(definition: ModelDefinition, name: str, url: str | None, key: str | None) -> Model:
    """Amazon's SDK has connections of its own. Without a key it takes the credentials of this machine."""
    try:
        from pydantic_ai.models.bedrock import BedrockConverseModel
        from pydantic_ai.providers.bedrock import BedrockProvider
    except ImportError:
        raise _not_installed("bedrock") from None
    found = _REGION.search(url or "")
    region, patience = found[1] if found else None, definition.timeout.total_seconds()
    try:
        if key is not None:
            provider = BedrockProvider(
                api_key=key,
                base_url=url,
                region_name=region,
                aws_read_timeout=patience,
                aws_connect_timeout=_CONNECT_SECONDS,
            )
        else:
            provider = BedrockProvider(
                base_url=url, region_name=region, aws_read_timeout=patience, aws_connect_timeout=_CONNECT_SECONDS
            )
    except UserError:
        raise StepFailed(
            ErrorKind.INPUT,
            f"the model {definition.model!r} does not say in which region of AWS it is",
            hint="set base_url: https://bedrock-runtime.REGION.amazonaws.com in its file, or AWS_DEFAULT_REGION",
        ) from None
    provider.client.meta.events.unregister("needs-retry.bedrock-runtime", unique_id="retry-config-bedrock-runtime")
    return BedrockConverseModel(name, provider=provider)


async def _bound(response: httpx2.Response) -> None:
    stream = response.stream
    if isinstance(stream, httpx2.AsyncByteStream):
        response.stream = _BoundedStream(stream)


class _BoundedStream(httpx2.AsyncByteStream):
    """The bytes of an answer, up to the limit: an event without an end would otherwise gather in memory."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        taken = 0
        async for chunk in self._stream:
            taken += len(chunk)
            if taken > _LARGEST_ANSWER:
                raise StepFailed(
                    ErrorKind.LIMIT,
                    f"the model's server sent more than {_LARGEST_ANSWER:,} bytes in one answer",
                    hint="check base_url: this is not what a model answers",
                )
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def _not_installed(extra: str) -> StepFailed:
    return StepFailed(
        ErrorKind.NOT_FOUND,
        f"the provider {extra} is not installed on this server",
        hint=f"install it with: pip install 'errands[{extra}]'",
    )
