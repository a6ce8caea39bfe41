"""The stream of one answer, in the Vercel AI protocol (UI message stream, version 1), and the message that it makes.

Each chunk goes out at once and is kept, so that whoever comes later, or comes back, is told the whole.
See https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol#data-stream-protocol for the chunks.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from errands.core.values import Json, JsonObject, to_text

HEADERS = {"x-vercel-ai-ui-message-stream": "v1", "X-Accel-Buffering": "no", "Cache-Control": "no-store"}
QUIET_SECONDS = 15.0
"""Silence after which a comment tells proxies and clients that the connection lives."""
STILL_HERE = b": still here\n\n"
DONE = b"data: [DONE]\n\n"


class Message:
    """The parts of a message, as its chunks make them: what a page would hold after the same stream."""

    def __init__(self, parts: Sequence[JsonObject] = ()) -> None:
        self._parts: list[dict[str, Json]] = [dict(part) for part in parts]
        self._places: dict[tuple[str, str], int] = {}
        for place, part in enumerate(self._parts):
            if "toolCallId" in part:
                self._places["tool", str(part["toolCallId"])] = place
        self._inputs: dict[str, str] = {}

    @property
    def parts(self) -> list[JsonObject]:
        """The parts so far."""
        return [dict(part) for part in self._parts]

    @property
    def words(self) -> str:
        """What was written, without tools and cards."""
        return "\n".join(str(part["text"]) for part in self._parts if part["type"] == "text")

    def take(self, chunk: JsonObject) -> None:
        """One chunk."""
        kind = str(chunk["type"])
        head, _, tail = kind.partition("-")
        if head in ("text", "reasoning") and tail in ("start", "delta", "end"):
            self._take_words(head, tail, chunk)
        elif head == "tool":
            self._take_call(tail, chunk)
        elif head == "data" and not chunk.get("transient"):
            self._take_data(kind, chunk)
        elif kind == "start-step":
            self._parts.append({"type": "step-start"})
        elif kind in ("file", "source-url", "source-document"):
            self._parts.append(dict(chunk))

    def close(self) -> None:
        """Nothing follows: what was cut off is no longer under way."""
        for part in self._parts:
            if part.get("state") == "streaming":
                part["state"] = "done"
            elif part.get("state") in ("input-streaming", "input-available"):
                part |= {"state": "output-error", "errorText": "The answer ended before this call did."}

    def _take_words(self, head: str, tail: str, chunk: JsonObject) -> None:
        key = (head, str(chunk["id"]))
        if tail == "start":
            self._places[key] = len(self._parts)
            self._parts.append({"type": head, "text": "", "state": "streaming"})
            return
        part = self._parts[self._places[key]]
        if tail == "delta":
            part["text"] = f"{part['text']}{chunk['delta']}"
        else:
            part["state"] = "done"

    def _take_call(self, tail: str, chunk: JsonObject) -> None:
        call = str(chunk["toolCallId"])
        part = self._call(call, chunk)
        match tail:
            case "input-delta":
                self._inputs[call] = self._inputs.get(call, "") + str(chunk["inputTextDelta"])
            case "input-available":
                part |= {"state": "input-available", "input": chunk.get("input")}
            case "input-error":
                part |= {"state": "output-error", "input": chunk.get("input"), "errorText": chunk["errorText"]}
            case "approval-request":
                part |= {"state": "approval-requested", "approval": {"id": chunk["approvalId"]}}
            case "output-available":
                part |= {"state": "output-available", "output": chunk.get("output")}
            case "output-error":
                part |= {"state": "output-error", "errorText": chunk["errorText"]}
            case "output-denied":
                part |= {"state": "output-denied"}
            case _:
                pass

    def _call(self, call: str, chunk: JsonObject) -> dict[str, Json]:
        place = self._places.setdefault(("tool", call), len(self._parts))
        if place == len(self._parts):
            name = chunk.get("toolName", "unknown")
            self._parts.append({"type": f"tool-{name}", "toolCallId": call, "state": "input-streaming"})
        return self._parts[place]

    def _take_data(self, kind: str, chunk: JsonObject) -> None:
        """A part with an id that was seen before takes the earlier one's place."""
        made: dict[str, Json] = {"type": kind, "data": chunk.get("data")}
        if chunk.get("id") is None:
            self._parts.append(made)
            return
        made["id"] = chunk["id"]
        place = self._places.setdefault((kind, str(chunk["id"])), len(self._parts))
        if place == len(self._parts):
            self._parts.append(made)
        else:
            self._parts[place] = made


class Stream:
    """The chunks of an answer that is being written; any number may listen, from the beginning each."""

    def __init__(self, message: str, parts: Sequence[JsonObject] = ()) -> None:
        """`parts`: of the message so far, where it goes on."""
        self.message = message
        self.written = Message(parts)
        self._chunks: list[bytes] = []
        self._ended = False
        self._news = asyncio.Event()

    @property
    def length(self) -> int:
        """How many chunks there are so far."""
        return len(self._chunks)

    def put(self, chunk: JsonObject) -> None:
        """Send a chunk to everybody who listens."""
        self.written.take(chunk)
        self._send(event_of(chunk))

    def end(self) -> None:
        """Nothing follows."""
        self._ended = True
        self._send(DONE)

    def close(self) -> None:
        """Leave listeners to themselves: the server stops. They come back and are told the whole."""
        self._ended = True
        self._wake()

    async def listen(self) -> AsyncIterator[bytes]:
        """Server-sent events, from the first on, until the answer ends."""
        at = 0
        while True:
            while at < len(self._chunks):
                at += 1
                yield self._chunks[at - 1]
            if self._ended:
                return
            news = self._news
            try:
                async with asyncio.timeout(QUIET_SECONDS):
                    await news.wait()
            except TimeoutError:
                yield STILL_HERE

    def _send(self, line: bytes) -> None:
        self._chunks.append(line)
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def event_of(chunk: JsonObject) -> bytes:
    """A chunk as it goes over the wire."""
    return f"data: {to_text(chunk)}\n\n".encode()


def text_chunks(name: str, text: str) -> list[JsonObject]:
    """A whole text as the protocol has it."""
    return [
        {"type": "text-start", "id": name},
        {"type": "text-delta", "id": name, "delta": text},
        {"type": "text-end", "id": name},
    ]


def data_chunk(kind: str, name: str, data: Mapping[str, Json]) -> JsonObject:
    """A card, or news of one."""
    return {"type": f"data-{kind}", "id": name, "data": data}
