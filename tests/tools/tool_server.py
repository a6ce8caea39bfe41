"""A tool server for tests, good and bad: `python tool_server.py` over standard input, or `serve(...)` over HTTP.

Its catalog is in a JSON file, `CATALOG`, so that a test can change it under a running server: `{tool: description}`.
"""

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import mcp_types as types
import uvicorn
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError

_TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
_NONE: dict[str, Any] = {"type": "object", "properties": {}}
_SUM = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
    "additionalProperties": False,
}
_SUMMED = {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}
_READS = types.ToolAnnotations(read_only_hint=True)
TOOLS = (
    types.Tool(name="echo", description="Says it again.", input_schema=_TEXT, annotations=_READS),
    types.Tool(name="add", description="Adds.", input_schema=_SUM, output_schema=_SUMMED, annotations=_READS),
    types.Tool(name="note", description="Notes.", input_schema=_TEXT),
    types.Tool(name="where", description="Tells its process and environment.", input_schema=_NONE, annotations=_READS),
    types.Tool(name="refuse", description="Fails.", input_schema=_TEXT),
    types.Tool(name="raise", description="Fails in the protocol.", input_schema=_TEXT),
    types.Tool(name="die", description="Dies.", input_schema=_NONE),
    types.Tool(name="hang", description="Never answers.", input_schema=_NONE),
    types.Tool(name="flood", description="Answers with very much.", input_schema=_NONE),
    types.Tool(name="eat", description="Takes memory.", input_schema=_NONE),
    types.Tool(name="spawn", description="Starts a child.", input_schema=_NONE),
    types.Tool(name="picture", description="Gives an image.", input_schema=_NONE, annotations=_READS),
    types.Tool(name="lie", description="Breaks its own schema.", input_schema=_NONE, output_schema=_SUMMED),
)
PIXEL = b"\x89PNG\r\n\x1a\nnot really"


def make_server() -> Server[Any]:
    return Server("tester", on_list_tools=_list, on_call_tool=_call)


def _described() -> dict[str, str]:
    path = os.environ.get("CATALOG")
    return dict(json.loads(Path(path).read_text())) if path else {}


async def _list(context: Any, params: Any) -> types.ListToolsResult:
    others = _described()
    changed = [tool.model_copy(update={"description": others.get(tool.name, tool.description)}) for tool in TOOLS]
    return types.ListToolsResult(tools=[tool for tool in changed if tool.description])


async def _call(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
    given = params.arguments or {}
    match params.name:
        case "echo" | "note":
            return _said(str(given["text"]))
        case "add":
            return types.CallToolResult(content=[], structured_content={"sum": given["a"] + given["b"]})
        case "where":
            key = (context.meta or {}).get("errands.dev/effect-key")
            told = {"pid": os.getpid(), "env": dict(os.environ), "key": key, "folder": str(Path.cwd())}
            return types.CallToolResult(content=[], structured_content=told)
        case "refuse":
            return types.CallToolResult(
                content=[types.TextContent(type="text", text=f"no: {given['text']}")], is_error=True
            )
        case "raise":
            raise MCPError(-32603, f"broken: {given['text']}")
        case "lie":
            return types.CallToolResult(content=[], structured_content={"sum": "many"})
        case "picture":
            data = base64.b64encode(PIXEL).decode()
            return types.CallToolResult(
                content=[types.ImageContent(type="image", data=data, mime_type="image/png"), _text("a pixel")]
            )
        case _:
            return await _misbehave(params.name)


async def _misbehave(how: str) -> types.CallToolResult:
    match how:
        case "die":
            sys.stderr.write("something broke inside\n")
            sys.stderr.flush()
            os._exit(3)
        case "hang":
            await asyncio.Event().wait()
        case "flood":
            return _said("x" * (100 * 2**20))
        case "eat":
            held = bytearray(2**32)
            return _said(str(len(held)))
        case "spawn":
            child = await asyncio.create_subprocess_exec("sleep", "600")
            return types.CallToolResult(content=[], structured_content={"pid": child.pid})
    raise AssertionError(how)


def _said(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[_text(text)])


def _text(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=text)


class _Listening(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@asynccontextmanager
async def serve(*, token: str | None = None) -> AsyncIterator[str]:
    """Over HTTP on loopback; gives the URL. With a token, others are refused."""
    inner = make_server().streamable_http_app(streamable_http_path="/mcp")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers", ()))
        if scope["type"] == "http" and token and headers.get(b"authorization") != f"Bearer {token}".encode():
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await inner(scope, receive, send)

    server = _Listening(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="on"))
    running = asyncio.create_task(server.serve())
    await server.listens.wait()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.should_exit = server.force_exit = True
        await running


def babble() -> None:
    """Speaks the protocol until it is called; then it writes a log to its standard output."""
    greeting = {
        "protocolVersion": "2025-06-18",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "b", "version": "1"},
    }
    for line in sys.stdin:
        asked = json.loads(line)
        if "id" not in asked:
            continue
        answer: dict[str, Any] = {"error": {"code": -32601, "message": "not known"}}
        match asked["method"]:
            case "initialize":
                answer = {"result": greeting}
            case "tools/list":
                described = _described().get("babble", "Writes.")
                answer = {"result": {"tools": [{"name": "babble", "description": described, "inputSchema": _NONE}]}}
            case "tools/call":
                for number in range(200):
                    print(f"line {number} of a log", flush=True)
                continue
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **answer}), flush=True)


async def main() -> None:
    server = make_server()
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    if sys.argv[1:] == ["babble"]:
        babble()
    else:
        asyncio.run(main())
