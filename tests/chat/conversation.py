"""A thread as a page would use it: over the HTTP API, reading the stream and clicking on cards."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass
class Said:
    """What came back of one turn."""

    chunks: Sequence[Mapping[str, Any]]

    @property
    def text(self) -> str:
        return "".join(str(one["delta"]) for one in self.chunks if one["type"] == "text-delta")

    @property
    def error(self) -> str | None:
        return next((str(one["errorText"]) for one in self.chunks if one["type"] == "error"), None)

    @property
    def message(self) -> str:
        return str(self.chunks[0]["messageId"])

    def card(self, shows: str) -> Mapping[str, Any]:
        """The data of the one card of this type."""
        found = [one["data"] for one in self.chunks if one["type"] == f"data-{shows}"]
        assert len(found) == 1, f"{len(found)} cards, {self.error}, {self.text}"
        assert isinstance(found[0], dict)
        return found[0]

    def asked(self) -> list[Mapping[str, Any]]:
        """Calls that wait for a click: their names, arguments, ids."""
        inputs = {one["toolCallId"]: one for one in self.chunks if one["type"] == "tool-input-available"}
        return [
            {**inputs[one["toolCallId"]], "approvalId": one["approvalId"]}
            for one in self.chunks
            if one["type"] == "tool-approval-request"
        ]


@dataclass
class Conversation:
    """One thread."""

    client: httpx.AsyncClient
    project: str = "default"
    thread: str = ""
    said: list[Said] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/api/v1/projects/{self.project}/threads/{self.thread}"

    async def begin(self, **body: Any) -> "Conversation":
        answer = await self.client.post(f"/api/v1/projects/{self.project}/threads", json=body)
        assert answer.status_code == 201, answer.text
        self.thread = answer.json()["id"]
        return self

    async def say(self, text: str, **more: Any) -> Said:
        parts: list[Mapping[str, Any]] = [{"type": "text", "text": text}, *more.pop("files", ())]
        return await self.post({"message": {"role": "user", "parts": parts}, **more})

    async def again(self, message: str | None = None) -> Said:
        return await self.post({"trigger": "regenerate-message", "messageId": message})

    async def click(self, said: Said, *, allow: bool = True, **changes: Any) -> Said:
        """Allow (or refuse) every call that an answer asks for."""
        parts = [
            {
                "type": f"tool-{one['toolName']}",
                "toolCallId": one["toolCallId"],
                "state": "approval-responded",
                "input": one["input"],
                "approval": {"id": one["approvalId"], "approved": allow, **changes},
            }
            for one in said.asked()
        ]
        return await self.post({"message": {"id": said.message, "role": "assistant", "parts": parts}})

    async def post(self, body: Mapping[str, Any]) -> Said:
        answer = await self.client.post(f"{self.path}/messages", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-vercel-ai-ui-message-stream"] == "v1"
        self.said.append(Said(read_events(answer.text)))
        return self.said[-1]

    async def confirm(self, card: Mapping[str, Any], action: str, **values: Any) -> Mapping[str, Any]:
        """Click on a card."""
        state = card["card"]
        body = {"digest": state["digest"], "action": action, "values": values}
        answer = await self.client.post(f"/api/v1/cards/{state['id']}/confirm", json=body)
        assert answer.status_code == 200, answer.text
        result = answer.json()["result"]
        return result if isinstance(result, dict) else {}

    async def messages(self) -> list[dict[str, Any]]:
        answer = await self.client.get(f"{self.path}/messages")
        assert answer.status_code == 200, answer.text
        items = answer.json()["items"]
        assert isinstance(items, list)
        return items


def read_events(text: str) -> list[Mapping[str, Any]]:
    """The chunks of a stream that has ended as it should."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]", text[-300:]
    return [json.loads(line) for line in lines[:-1]]
