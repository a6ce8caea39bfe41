"""The outside of the fleet: a server that takes effects, holds whoever stands at its gate, and is a channel."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Receiver:
    """What came, and the gate."""

    port: int = 0
    keys: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Idempotency keys by the number of the order that they came with."""
    effects: Counter[int] = field(default_factory=Counter)
    """How often an order's effect came."""
    told: Counter[str] = field(default_factory=Counter)
    """Messages of the channel, by their title."""
    at_gate: int = 0
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of one connection."""
        try:
            line, headers, body = await _read(reader)
            path = line.split(" ")[1]
            if path == "/gate":
                self.at_gate += 1
                await self.opened.wait()
                self.at_gate -= 1
            elif path == "/effect":
                number = int(json.loads(body)["n"])
                self.effects[number] += 1
                self.keys[number].add(headers["idempotency-key"])
            elif path == "/team":
                self.told[str(json.loads(body)["title"])] += 1
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
            )
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # Whoever asked was killed.
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    return head[0], headers, await reader.readexactly(int(headers.get("content-length", "0")))


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a port of loopback."""
    made = Receiver()
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        made.opened.set()
        server.close()
