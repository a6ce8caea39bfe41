"""How soon the first word of a model reaches whoever asked in a thread.

usage: chat.py [TIMES]

A model's server on loopback streams one word and then the rest; a client on a real socket notes when that word arrives.
TIMES (50) answers, each in a thread with what was said before. What is measured is everything between the two sockets:
the provider's client, the agent's loop, the stream's protocol, the API. The history grows by each answer.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
from harness import fresh_folder
from measuring import Figure, percentile, report

from errands.api.serving import listening, take_address
from errands.bootstrap import Runtime, make_api, open_services
from errands.core.access import Scope, ServerRole
from errands.services.principals import operator
from errands.services.views import SourceFile
from errands.settings import Settings

OPERATOR = operator("bench")
PROJECT = "default"


async def main(times: int) -> list[Figure]:
    async with fresh_folder() as folder, model_server() as model, _opened(folder) as runtime:
        source = f"model: fake\nprovider: openai-compatible\nname: fake\nbase_url: {model.url}\n"
        await runtime.services.tasks.apply(OPERATOR, PROJECT, [SourceFile("fake.yaml", source)])
        token = await _token(runtime)
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            listening(make_api(runtime), take_address("127.0.0.1", 0), timedelta(seconds=5)) as server,
            httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60) as client,
        ):
            thread = (await client.post(f"/api/v1/projects/{PROJECT}/threads", json={})).json()["id"]
            delays = [await first_word(client, thread, model) for _ in range(times + 1)][1:]
    print(f"milliseconds: {', '.join(f'{delay * 1000:.1f}' for delay in delays)}")
    return [Figure("chat: first word after the model's, p95", percentile(delays, 0.95) * 1000, "ms", 30, None, "lower")]


async def first_word(client: httpx.AsyncClient, thread: str, model: "ModelServer") -> float:
    """Seconds from the model's first word to its arrival; the answer is read to its end."""
    said = {"message": {"role": "user", "parts": [{"type": "text", "text": "Say something."}]}}
    arrived = 0.0
    path = f"/api/v1/projects/{PROJECT}/threads/{thread}/messages"
    async with client.stream("POST", path, json=said) as answer:
        async for line in answer.aiter_lines():
            if not arrived and '"text-delta"' in line:
                arrived = time.perf_counter()
                model.go_on.set()
    return arrived - model.said_at


class ModelServer:
    """Speaks as much of the OpenAI chat API as one answer needs."""

    def __init__(self) -> None:
        self.url = ""
        self.said_at = 0.0
        self.go_on = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One answer for each request, on connections that stay open."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = head.partition("content-length:")[2].partition("\r\n")[0]
                await reader.readexactly(int(length.strip() or "0"))
                await self._answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        self.go_on.clear()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        _send(writer, {"role": "assistant", "content": "First"})
        self.said_at = time.perf_counter()
        await writer.drain()
        await self.go_on.wait()
        _send(writer, {"content": " word."})
        _send(writer, {}, "stop")
        writer.write(b"0\r\n\r\n")
        await writer.drain()


def _send(writer: asyncio.StreamWriter, delta: dict[str, str], finish: str | None = None) -> None:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "fake", "choices": [choice]}
    data = b"data: " + json.dumps(chunk).encode() + b"\n\n"
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


@asynccontextmanager
async def model_server() -> AsyncIterator[ModelServer]:
    """On a free port of loopback."""
    model = ModelServer()
    server = await asyncio.start_server(model.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    model.url = f"http://{host}:{port}/v1"
    try:
        yield model
    finally:
        server.close()


@asynccontextmanager
async def _opened(folder: Path) -> AsyncIterator[Runtime]:
    settings = Settings.load(home=folder, default_model="fake", allow_private_hosts=("127.0.0.1",))
    async with open_services(settings, worker=False) as runtime:
        yield runtime


async def _token(runtime: Runtime) -> str:
    await runtime.services.people.create(OPERATOR, "bench", server_role=ServerRole.ADMIN)
    made = await runtime.services.tokens.make(OPERATOR, "bench", [*Scope], expires_in=None, person="bench")
    return made.text


if __name__ == "__main__":
    report(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)))
