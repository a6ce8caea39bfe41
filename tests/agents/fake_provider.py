"""A real HTTP server on loopback that speaks just enough of the OpenAI chat API, and misbehaves as told."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Writer = asyncio.StreamWriter
Behaviour = Callable[[Writer], Awaitable[None]]


@dataclass
class FakeProvider:
    """Behaves like the next behaviour of its list for each request; the last one repeats."""

    behaviours: Sequence[Behaviour] = ()
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client has closed a connection that was left hanging."""
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            while (head := await _head(reader)) is not None:
                lines = head.split("\r\n")
                headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines[1:])}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.keys.append(headers.get("authorization", ""))
                self.bodies.append(json.loads(body))
                self.asked.set()
                behaviour = self.behaviours[min(len(self.bodies), len(self.behaviours)) - 1]
                if behaviour is hang:
                    await reader.read()
                    self.gone.set()
                    return
                await behaviour(writer)
                if writer.is_closing():
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            self.gone.set()
        finally:
            writer.close()


@asynccontextmanager
async def provider(*behaviours: Behaviour) -> AsyncIterator[FakeProvider]:
    """Serve on a free port of loopback."""
    fake = FakeProvider(behaviours)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    fake.url = f"http://{host}:{port}/v1"
    try:
        yield fake
    finally:
        server.close()


async def hang(writer: Writer) -> None:
    """Never answer."""
    raise AssertionError("handled by the server")


def status(code: int, message: str, **headers: str) -> Behaviour:
    """An error answer."""

    async def behave(writer: Writer) -> None:
        body = json.dumps({"error": {"message": message, "type": "error", "code": None}}).encode()
        extra = "".join(f"{key.replace('_', '-')}: {value}\r\n" for key, value in headers.items())
        writer.write(
            f"HTTP/1.1 {code} Error\r\ncontent-type: application/json\r\n{extra}"
            f"content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        await writer.drain()

    return behave


def says(text: str, *, given: int = 10, made: int = 5, finish: str = "stop") -> Behaviour:
    """A whole streamed answer in two chunks."""
    half = len(text) // 2
    deltas = [{"role": "assistant", "content": text[:half]}, {"content": text[half:]}]
    return _stream([*(_chunk(delta) for delta in deltas), _chunk({}, finish), _usage(given, made)])


def calls(*tools: tuple[str, str], turn: str = "") -> Behaviour:
    """Tool calls: name and arguments as the model wrote them. `turn` makes their ids differ from those of others."""
    listed = [
        {
            "index": place,
            "id": f"call_{turn}{name}_{place}",
            "type": "function",
            "function": {"name": name, "arguments": text},
        }
        for place, (name, text) in enumerate(tools)
    ]
    return _stream([_chunk({"role": "assistant", "tool_calls": listed}), _chunk({}, "tool_calls"), _usage(20, 8)])


def half_a_stream(text: str, *, politely: bool) -> Behaviour:
    """Text and then nothing: the connection closes, `politely` with the end of the stream."""

    async def behave(writer: Writer) -> None:
        _start(writer)
        _send(writer, _event(_chunk({"role": "assistant", "content": text})))
        if politely:
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.close()

    return behave


def garbage(text: str) -> Behaviour:
    """A stream whose events are not JSON."""

    async def behave(writer: Writer) -> None:
        _start(writer)
        _send(writer, f"data: {text}\n\n".encode())
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    return behave


def endless(size: int) -> Behaviour:
    """An answer of so many bytes."""

    async def behave(writer: Writer) -> None:
        _start(writer)
        for _ in range(size // 65_536):
            _send(writer, _event(_chunk({"role": "assistant", "content": "x" * 65_536})))
            await writer.drain()
        _send(writer, _event(_chunk({}, "stop")))
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    return behave


def endless_line(size: int) -> Behaviour:
    """One event of so many bytes that never ends."""

    async def behave(writer: Writer) -> None:
        _start(writer)
        for _ in range(size // 65_536):
            _send(writer, b"x" * 65_536)
            await writer.drain()

    return behave


def anthropic_says(text: str, *, given: int, made: int, whole: bool = True) -> Behaviour:
    """An answer as Anthropic streams it."""
    usage = {"input_tokens": given, "output_tokens": 1}
    message = {"id": "m1", "type": "message", "role": "assistant", "model": "claude-x", "content": []}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
    ]
    if whole:
        stop = {"stop_reason": "end_turn", "stop_sequence": None}
        events += [
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": stop, "usage": {"output_tokens": made}},
            {"type": "message_stop"},
        ]

    async def behave(writer: Writer) -> None:
        _start(writer)
        for event in events:
            _send(writer, f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    return behave


def _stream(chunks: Sequence[dict[str, Any]]) -> Behaviour:
    async def behave(writer: Writer) -> None:
        _start(writer)
        for chunk in chunks:
            _send(writer, _event(chunk))
        _send(writer, b"data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    return behave


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "fake", "choices": [choice]}


def _usage(given: int, made: int) -> dict[str, Any]:
    usage = {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "fake", "choices": [], "usage": usage}


def _start(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _send(writer: Writer, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


async def _head(reader: asyncio.StreamReader) -> str | None:
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode()[:-4]
    except asyncio.IncompleteReadError:
        return None
