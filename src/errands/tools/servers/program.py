"""A tool server as a child process: a bare environment, limits, messages of bounded size, and an end for all of it."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from errands.core.outcomes import ErrorKind
from errands.core.tool_servers import ProgramConnection
from errands.tools.servers.faults import Fault, shortened

_MOST_BABBLE = 100
"""Lines that are no messages before the server is given up; some print a greeting to the wrong stream."""
_STDERR_KEPT = 4096
_READ_SIZE = 64 * 1024
_GRACE = 1.0
"""Seconds between closing its standard input and killing it."""

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]


@asynccontextmanager
async def program_transport(
    connection: ProgramConnection, env: Mapping[str, str], fault: Fault
) -> AsyncIterator[Streams]:
    """Start the program and carry messages. `env` has its secrets resolved. On leaving, its whole group is gone."""
    incoming, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    with tempfile.TemporaryDirectory(prefix="errands-tool-server-") as home:
        process = await _started(connection, env, home)
        try:
            async with anyio.create_task_group() as group, incoming, read, write, outgoing:
                group.start_soon(_Reader(process, connection, fault).run, incoming)
                group.start_soon(_send, process, outgoing)
                yield read, write
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)


async def _started(connection: ProgramConnection, env: Mapping[str, str], home: str) -> asyncio.subprocess.Process:
    limits = f"{connection.memory}:{max(1, round(connection.cpu.total_seconds()))}"
    launcher = (sys.executable, "-I", "-m", "errands.tools.servers.launch", str(os.getpid()), limits)
    bare = {"PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"), "LANG": "C.UTF-8", "HOME": home}
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *launcher,
            connection.command,
            *connection.args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**bare, **env},
            cwd=connection.folder or home,
            start_new_session=True,
            limit=connection.max_answer,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await _end(await starting)
        raise


class _Reader:
    """Takes messages from the program, one a line, and notes why there are no more."""

    def __init__(self, process: asyncio.subprocess.Process, connection: ProgramConnection, fault: Fault) -> None:
        self._process = process
        self._connection = connection
        self._fault = fault
        self._complaint = b""

    async def run(self, incoming: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
        complaints = asyncio.ensure_future(self._complaints())
        try:
            async with incoming:
                await self._messages(incoming)
                # What it said last explains its end.
                await asyncio.wait((complaints,), timeout=_GRACE)
                await self._note_end()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass  # Nobody listens any more.
        finally:
            complaints.cancel()

    async def _messages(self, incoming: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
        assert self._process.stdout is not None
        while True:
            try:
                line = await self._process.stdout.readline()
            except ValueError:
                limit = f"{self._connection.max_answer:,} bytes"
                hint = "ask the tool for less, or raise max_answer of the tool server"
                self._fault.note(ErrorKind.LIMIT, f"it sent a message of more than {limit}", hint, ends=True)
                return
            if not line:
                return
            if line.isspace():
                continue
            try:
                message = jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValueError:
                if self._babbles(line):
                    return
                continue
            await incoming.send(SessionMessage(message))

    def _babbles(self, line: bytes) -> bool:
        fault = self._fault
        fault.babble += 1
        fault.babbled = fault.babbled or shortened(line[:200].decode(errors="replace"))
        if fault.babble < _MOST_BABBLE:
            return False
        hint = "its standard output is for the protocol alone; logs belong on standard error"
        fault.note(ErrorKind.TOOL, f"it does not speak MCP{fault.babble_note}", hint, ends=True)
        return True

    async def _complaints(self) -> None:
        assert self._process.stderr is not None
        while part := await self._process.stderr.read(_READ_SIZE):
            self._complaint = (self._complaint + part)[-_STDERR_KEPT:]

    async def _note_end(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await self._process.wait()
        code = self._process.returncode
        said = self._complaint.decode(errors="replace").strip().splitlines()
        last = f": {shortened(said[-1])}" if said else ""
        match code:
            case None:
                how = "its program closed its output"
            case 127:
                how = "its program could not be started"
            case _ if code == -signal.SIGXCPU:
                how = "its program used up its processor time"
            case _ if code < 0:
                how = f"its program was killed by {signal.Signals(-code).name}"
            case _:
                how = f"its program ended with exit code {code}"
        self._fault.note(ErrorKind.CRASH, f"{how}{last}{self._fault.babble_note}", ends=True)


async def _send(process: asyncio.subprocess.Process, outgoing: MemoryObjectReceiveStream[SessionMessage]) -> None:
    assert process.stdin is not None
    with suppress(ConnectionError, anyio.ClosedResourceError):  # The reader notes why it ended.
        async for message in outgoing:
            process.stdin.write(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
            await process.stdin.drain()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let it end by itself for a moment, then kill it and whatever it has started."""
    if process.stdin is not None:
        process.stdin.close()
    draining = [asyncio.ensure_future(_drained(stream)) for stream in (process.stdout, process.stderr)]
    with suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            await process.wait()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    for drain in draining:
        drain.cancel()
    await asyncio.gather(*draining, return_exceptions=True)


async def _drained(stream: asyncio.StreamReader | None) -> None:
    assert stream is not None
    with suppress(RuntimeError):  # Somebody still reads it: that will do as well.
        while await stream.read(_READ_SIZE):
            pass
