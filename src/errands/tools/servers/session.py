"""One session with a tool server. A task of its own enters and leaves the SDK's contexts, which insist on that."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import cast

from mcp import Client
from mcp.client import IncomingMessage, Transport
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, Implementation, RequestParamsMeta, Tool, ToolListChangedNotification
from pydantic import ValidationError

from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.tool_servers import OAUTH_TOKEN, SECRET_REFERENCE, HttpConnection, ProgramConnection, RemoteTool
from errands.core.values import Json
from errands.tools.outbound import Outbound
from errands.tools.refusal import Refusal
from errands.tools.servers.faults import Fault, shortened

_MOST_TOOLS = 1000
_MOST_PAGES = 50
_EFFECT_KEY = "errands.dev/effect-key"
_US = Implementation(name="errands", version="1")


class Session:
    """Open from `open` until `close`, or until the server is gone. Calls may come from any task."""

    def __init__(
        self, name: str, connection: ProgramConnection | HttpConnection, secrets: Mapping[str, str], outbound: Outbound
    ) -> None:
        self.users = 0
        self.used_at = 0.0
        """When the last call ended, by the loop's clock."""
        self.tools: Mapping[str, RemoteTool] = {}
        """What the server says that it has, as of the last look."""
        self._connection = connection
        self._name = name
        self._fault = Fault(name)
        self._transport = _transport(connection, secrets, outbound, self._fault)
        self._over = asyncio.Event()
        self._fault.on_end(self._over.set)
        self._changed = False
        self._client: Client | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def usable(self) -> bool:
        """Whether a further call may be made."""
        return not self._over.is_set() and self._keeper is not None and not self._keeper.done()

    async def open(self) -> None:
        """Connect and look at the tools. Raises StepFailed; then nothing is left open."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._keeper = asyncio.create_task(self._keep(ready), name=f"tool server {self._name}")
        seconds = self._connection.start_timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(ready)
        except TimeoutError:
            await self.close()
            message = f"tool server {self._name} did not greet us within {seconds:g} s{self._fault.babble_note}"
            raise StepFailed(ErrorKind.TIMEOUT, message, hint="see whether it runs by itself") from None
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End it, with the program behind it."""
        self._over.set()
        if self._keeper is not None:
            keeper = self._keeper
            # One that hangs in its greeting or its farewell does not end by being asked.
            await asyncio.wait((keeper,), timeout=0 if self._client is None else 5)
            keeper.cancel()
            await asyncio.wait((keeper,))

    async def call(self, tool: str, arguments: Mapping[str, Json], *, seconds: float, key: str) -> CallToolResult:
        """One call. `key` names its effect for a server that wants to know. Raises StepFailed.

        A server that has not answered in time gets no further calls: it may be stuck for all.
        """
        if self.users <= 1:
            self._fault.forget()
        try:
            async with asyncio.timeout(seconds):
                meta = cast(RequestParamsMeta, {_EFFECT_KEY: key})
                return await self._asked().call_tool(tool, dict(arguments), meta=meta)
        except TimeoutError:
            self._over.set()
            message = f"tool server {self._name} gave no answer to {tool} within {seconds:g} s{self._fault.babble_note}"
            hint = "give the tool less to do, or raise the timeout of the tool server"
            raise StepFailed(ErrorKind.TIMEOUT, message, hint=hint) from None
        except (MCPError, RuntimeError, ValueError) as error:
            raise await self._failure(error) from error

    async def look(self, *, again: bool = False) -> Mapping[str, RemoteTool]:
        """The server's tools; asked anew where the server has said that they changed. Raises StepFailed."""
        if again or self._changed:
            self._changed = False
            try:
                async with asyncio.timeout(self._connection.timeout.total_seconds()):
                    self.tools = await _tools(self._asked())
            except TimeoutError:
                self._over.set()
                message = f"tool server {self._name} did not list its tools in time"
                raise StepFailed(ErrorKind.TIMEOUT, message) from None
            except (MCPError, RuntimeError, ValueError) as error:
                raise await self._failure(error) from error
        return self.tools

    def _asked(self) -> Client:
        if self._client is None or not self.usable:
            raise self._fault.failure() or StepFailed(ErrorKind.CRASH, f"the session with {self._name} has ended")
        return self._client

    async def _keep(self, ready: asyncio.Future[None]) -> None:
        """Hold the SDK's contexts open until the session is over."""
        try:
            async with Client(self._transport, cache=None, client_info=_US, message_handler=self._heard) as client:
                self.tools = await _tools(client)
                self._client = client
                ready.set_result(None)
                await self._over.wait()
        except Exception as error:
            if not ready.done():
                ready.set_exception(await self._failure(error))
            elif self._fault.kind is None:
                self._fault.note(ErrorKind.NETWORK, f"the session broke off: {_reason(error)}")
        finally:
            self._over.set()
            if not ready.done():
                ready.cancel()
            if ready.done() and not ready.cancelled():
                ready.exception()  # Seen, even where whoever waited has gone.

    async def _heard(self, message: IncomingMessage) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._changed = True

    async def _failure(self, error: BaseException) -> StepFailed:
        """What the SDK's error means: the transport's reason where it has one, else the server's own words."""
        if _is_lost(error):
            # The end of a program is noted a moment after its last line.
            with suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await self._over.wait()
        known = self._fault.failure()
        if known is not None:
            return known
        if isinstance(error, StepFailed):
            return error
        if isinstance(error, Refusal):
            return StepFailed(ErrorKind(error.kind), error.message, hint=error.hint)
        return StepFailed(ErrorKind.TOOL, f"tool server {self._name}: {_reason(error)}{self._fault.babble_note}")


def _is_lost(error: BaseException) -> bool:
    return isinstance(error, MCPError) and error.code == -32000


def _reason(error: BaseException) -> str:
    """The server's words, or the innermost reason of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ValidationError):
        return f"its answer has not the form that the protocol asks for ({error.error_count()} problems)"
    return shortened(str(error.message if isinstance(error, MCPError) else error)) or type(error).__name__


async def _tools(client: Client) -> Mapping[str, RemoteTool]:
    """All tools, over all pages. Raises StepFailed (limit) for a list without an end."""
    found: dict[str, RemoteTool] = {}
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            found[tool.name] = _described(tool)
        cursor = page.next_cursor
        if cursor is None:
            return found
        if len(found) > _MOST_TOOLS:
            break
    raise StepFailed(ErrorKind.LIMIT, f"the server lists more than {_MOST_TOOLS} tools, or pages without an end")


def _described(tool: Tool) -> RemoteTool:
    hints = tool.annotations
    return RemoteTool(
        name=tool.name,
        description=(tool.description or tool.title or "").strip(),
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        read_only=hints.read_only_hint if hints else None,
        destructive=hints.destructive_hint if hints else None,
        idempotent=hints.idempotent_hint if hints else None,
    )


def _transport(
    connection: ProgramConnection | HttpConnection, secrets: Mapping[str, str], outbound: Outbound, fault: Fault
) -> Transport:
    """The way to the server, secrets put in where the connection names them."""

    def resolved(value: str) -> str:
        match = SECRET_REFERENCE.fullmatch(value)
        return secrets[match[1]] if match else value

    match connection:
        case ProgramConnection():
            from errands.tools.servers.program import program_transport

            env = {name: resolved(value) for name, value in connection.env.items()}
            return program_transport(connection, env, fault)
        case HttpConnection():
            from errands.tools.servers.address import address_transport

            headers = {name.lower(): resolved(value) for name, value in connection.headers.items()}
            if connection.bearer is not None:
                headers["authorization"] = f"Bearer {resolved(connection.bearer)}"
            if connection.oauth is not None and OAUTH_TOKEN in secrets:
                headers["authorization"] = f"Bearer {secrets[OAUTH_TOKEN]}"
            return address_transport(connection, headers, outbound, fault)
