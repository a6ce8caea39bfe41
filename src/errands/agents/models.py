"""The models of this process: found by definition, opened with a key that is resolved in the call only."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from errands.agents.embedded import EmbeddedModel
from errands.agents.loading import keep_loaded
from errands.core.definition.agents import KnownModel, ModelDefinition, Rate
from errands.core.outcomes import ErrorKind, StepFailed

if TYPE_CHECKING:
    from pydantic_ai.models import Model

    from errands.agents.thinking.providers import Providers

CheckUrl = Callable[[str], None]
"""Raises StepFailed (denied) for an address that the administrator has not allowed for models."""


class Secret(Protocol):
    """`StepContext.credential`."""

    async def __call__(self, name: str, *, of_server: bool = False) -> str: ...


class Pace(Protocol):
    """Counts what models with a rate are asked, over all workers."""

    async def take(self, model_id: str, rate: Rate, tokens: int) -> float:
        """Count one request of so many tokens, if the minute has room; else the seconds until the next minute."""
        ...

    async def settle(self, model_id: str, tokens: int) -> None:
        """Count so many more tokens (fewer, below 0) in the present minute."""
        ...


_DEFAULT_URLS = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "ollama": "http://localhost:11434/v1",
}
_KEYLESS = frozenset(("openai-compatible", "ollama", "bedrock", "embedded"))


class ScriptedModel(Protocol):
    """A model that a test, a bench or a dry run puts in place of a real one."""

    def open(self) -> "Model":
        """A pydantic-ai model. May be called often."""
        ...


class Models:
    """Opens models and owns what they share: HTTP connections and the embedded model's server.

    `extra` adds models by name that need no definition: any step or agent may name them.
    """

    def __init__(
        self,
        *,
        embedded: EmbeddedModel | None = None,
        check_url: CheckUrl = lambda url: None,
        extra: Mapping[str, ScriptedModel] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.pace = pace
        """None: no model has a rate here."""
        self._embedded = embedded
        self._check_url = check_url
        self._extra = dict(extra or {})
        self._providers: Providers | None = None

    def builtin(self, name: str) -> ModelDefinition | None:
        """The definition of a model that every project has."""
        if name in self._extra:
            return ModelDefinition(model=name, provider="openai-compatible", name=name, base_url="http://localhost")
        if name == "embedded":
            return ModelDefinition(model=name, provider="embedded")
        return None

    async def open(self, definition: ModelDefinition, secret: Secret) -> "Model":
        """A model ready for one request.

        Raises StepFailed: denied (host not allowed), secret (no key), not_found (an extra is not installed, or the
        definition lacks what its provider needs).
        """
        if scripted := self._extra.get(definition.model):
            return scripted.open()
        providers = await self._ready()
        if definition.provider == "embedded":
            if self._embedded is None:
                raise StepFailed(
                    ErrorKind.NOT_FOUND,
                    "this server runs without the embedded model",
                    hint="choose another model in the step, the agent or the server's settings",
                )
            endpoint = await self._embedded.endpoint()
            return providers.embedded(endpoint.base_url, endpoint.api_key)
        url = definition.base_url or _DEFAULT_URLS.get(definition.provider)
        if url is None and definition.provider == "openai-compatible":
            raise StepFailed(
                ErrorKind.INPUT,
                f"the model {definition.model!r} has the provider openai-compatible but no base_url",
                hint="set base_url, such as http://localhost:8000/v1",
            )
        if url is not None:
            self._check_url(url)
        key = await _key(definition, secret)
        return await asyncio.to_thread(providers.open, definition, url, key)

    async def aclose(self) -> None:
        """Close connections and stop the embedded model."""
        if self._providers is not None:
            await self._providers.aclose()
            self._providers = None
        if self._embedded is not None:
            await self._embedded.aclose()

    async def _ready(self) -> "Providers":
        if self._providers is None:
            providers = await asyncio.to_thread(_load_providers)
            self._providers = self._providers or providers()
        return self._providers


def _load_providers() -> type["Providers"]:
    from errands.agents.thinking.providers import Providers

    keep_loaded()
    return Providers


async def _key(definition: ModelDefinition, secret: Secret) -> str | None:
    if definition.api_key is not None:
        of_server = isinstance(definition, KnownModel) and definition.of_server
        return await secret(definition.api_key.removeprefix("secret:"), of_server=of_server)
    if definition.provider in _KEYLESS:
        return None
    raise StepFailed(
        ErrorKind.SECRET,
        f"the model {definition.model!r} has no api_key, which {definition.provider} needs",
        hint="store the key with `errands secrets set NAME` and write api_key: secret:NAME in the model's file",
    )
