"""A tool server at an address: the SDK's streamable HTTP over the guarded connections, with answers of bounded size."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpcore
import httpx2
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage

from errands.core.outcomes import ErrorKind
from errands.core.tool_servers import HttpConnection
from errands.tools.hosts import check_granted, shown_url, target_of
from errands.tools.outbound import Outbound
from errands.tools.refusal import Refusal
from errands.tools.servers.faults import Fault

Streams = tuple[ReadStream[SessionMessage | Exception], WriteStream[SessionMessage]]


@asynccontextmanager
async def address_transport(
    connection: HttpConnection, headers: Mapping[str, str], outbound: Outbound, fault: Fault
) -> AsyncIterator[Streams]:
    """Carry messages to and from the address. `headers` have their secrets resolved."""
    target = target_of(connection.url)
    transport = _Guarded(outbound.connections(), target.label, connection, fault)
    # No time-out here: the session bounds each call as a whole.
    timeout = httpx2.Timeout(None, connect=10.0)
    sent = {**headers, "accept-encoding": "identity"}
    async with httpx2.AsyncClient(transport=transport, headers=sent, timeout=timeout) as client:
        opened: AbstractAsyncContextManager[Streams] = streamable_http_client(
            connection.url, http_client=client, max_sse_event_size=connection.max_answer
        )
        async with opened as streams:
            yield streams


class _Guarded(httpx2.AsyncBaseTransport):
    """Every request over the guarded pool, to the server's own host alone."""

    def __init__(self, pool: httpcore.AsyncConnectionPool, host: str, connection: HttpConnection, fault: Fault) -> None:
        self._pool = pool
        self._host = host
        self._connection = connection
        self._fault = fault

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        where = shown_url(str(request.url))
        try:
            check_granted(target_of(str(request.url)), [self._host])
            response = await self._pool.handle_async_request(_lowered(request, request.stream))
        except Refusal as refusal:
            self._fault.note(ErrorKind.DENIED, refusal.message, refusal.hint)
            raise httpx2.ConnectError(refusal.message, request=request) from refusal
        except httpcore.TimeoutException as error:
            self._fault.note(ErrorKind.NETWORK, f"no connection to {where}", "is the host up, and its name right?")
            raise httpx2.ConnectTimeout(str(error), request=request) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            reason = str(error) or type(error).__name__
            self._fault.note(ErrorKind.NETWORK, f"{where}: {reason}", "is the host up, and its name right?")
            raise httpx2.ConnectError(str(error), request=request) from error
        self._note_status(response.status)
        body = _Bounded(response, self._connection.max_answer, self._fault)
        return httpx2.Response(response.status, headers=response.headers, stream=body, request=request)

    def _note_status(self, status: int) -> None:
        match status:
            case 401 | 403:
                self._fault.note(ErrorKind.DENIED, f"it refused us (HTTP {status})", self._why(), status=status)
            case 429:
                self._fault.note(ErrorKind.RATE_LIMITED, "it limits the rate of requests (HTTP 429)")
            case _ if status >= 500:
                self._fault.note(ErrorKind.UNAVAILABLE, f"it is not available (HTTP {status})")
            case _:
                pass

    def _why(self) -> str:
        if self._connection.oauth is not None:
            return f"sign in again: errands servers connect {self._fault.server}"
        if self._connection.bearer is not None or self._connection.headers:
            return "check the secret that its `bearer` or `headers` name"
        return (
            "if a person can sign in there: errands servers add NAME --url URL --oauth; else name a secret (--bearer)"
        )


class _TooLong(httpx2.StreamError):
    """The SDK answers the request with an error for exceptions of this family."""

    def __init__(self) -> None:
        super().__init__("the answer is too long")


class _Bounded(httpx2.AsyncByteStream):
    """A body up to the limit. Event streams are bounded by the size of an event instead: one lasts for a session."""

    def __init__(self, response: httpcore.Response, limit: int, fault: Fault) -> None:
        self._response = response
        self._limit = limit
        self._fault = fault
        headers = {name.lower(): value.lower() for name, value in response.headers}
        self._endless = headers.get(b"content-type", b"").startswith(b"text/event-stream")
        self._packed = headers.get(b"content-encoding", b"identity") not in (b"", b"identity")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._packed:
            self._fault.note(ErrorKind.TOOL, "it answered compressed, though asked for plain answers")
            raise _TooLong
        taken = 0
        try:
            async for chunk in self._response.aiter_stream():
                taken += len(chunk)
                if taken > self._limit and not self._endless:
                    hint = "ask the tool for less, or raise max_answer of the tool server"
                    self._fault.note(ErrorKind.LIMIT, f"it sent more than {self._limit:,} bytes", hint)
                    raise _TooLong
                yield chunk
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            self._fault.note(ErrorKind.NETWORK, f"the connection was lost: {error or type(error).__name__}")
            raise httpx2.ReadError(str(error)) from error

    async def aclose(self) -> None:
        await self._response.aclose()


def _lowered(request: httpx2.Request, stream: httpx2.AsyncByteStream) -> httpcore.Request:
    return httpcore.Request(
        request.method,
        httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        ),
        headers=request.headers.raw,
        content=stream,
        extensions={"timeout": {"connect": 10.0, "pool": 10.0}},
    )
