"""A model at the other end of a real connection that does what a test has written down."""

import json
from typing import Any

import httpx

from errands.core.values import Json
from tests.agents.fake_provider import Behaviour, FakeProvider, calls, says

MODEL = """model: fake
provider: openai-compatible
name: fake
base_url: {url}
price: {{input: 1, output: 2}}
retries: 1
"""


class ScriptedModel:
    """Answers with the turns that were added, one after the other."""

    def __init__(self, provider: FakeProvider) -> None:
        self._provider = provider
        self._turns: list[Behaviour] = []
        provider.behaviours = self._turns

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What it was sent."""
        return self._provider.bodies

    @property
    def provider(self) -> FakeProvider:
        return self._provider

    def then(self, *turns: str | Behaviour) -> None:
        """Next it says or does this."""
        self._turns += [says(turn) if isinstance(turn, str) else turn for turn in turns]

    def uses(self, tool: str, **arguments: Json) -> Behaviour:
        """A call of a tool."""
        return self.uses_all((tool, arguments))

    def uses_all(self, *wanted: tuple[str, Json]) -> Behaviour:
        """Calls side by side."""
        listed = [(tool, json.dumps(arguments)) for tool, arguments in wanted]
        return calls(*listed, turn=f"{len(self._turns)}{id(listed) % 9973}_")

    async def installed(self, client: httpx.AsyncClient) -> "ScriptedModel":
        """Declared in the project."""
        files = [{"name": "models/fake.yaml", "source": MODEL.format(url=self._provider.url)}]
        answer = await client.post("/api/v1/projects/default/files", json={"files": files})
        assert answer.status_code == 200, answer.text
        return self
