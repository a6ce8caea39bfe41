"""Connections that go to the address that was checked. Imported on first use: the HTTP libraries load slowly."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable, Sequence

import httpcore
import httpx

from errands.tools.hosts import HostPolicy, check_addresses, check_granted, target_of
from errands.tools.refusal import Refusal

_CONNECT_SECONDS = 10.0


class PinnedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name once, checks every address, connects to one of them. TLS still asks for the name."""

    def __init__(self, policy: HostPolicy) -> None:
        self._policy = policy
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await _resolve(host.strip("[]").rstrip(".").lower(), port, self._policy)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved ({error.strerror or error})") from None
        seconds = min(timeout or _CONNECT_SECONDS, _CONNECT_SECONDS)
        for last, address in enumerate(addresses, start=1 - len(addresses)):
            try:
                return await self._network.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if last == 0:
                    raise
        raise httpcore.ConnectError(f"{host} has no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("sockets of this machine cannot be reached")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


class PinnedTransport(httpx.AsyncBaseTransport):
    """Every request of an httpx client over the guarded pool. The pool outlives the client."""

    def __init__(self, pool: httpcore.AsyncConnectionPool, hosts: Sequence[str]) -> None:
        self._pool = pool
        self._hosts = hosts

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        try:
            check_granted(target_of(str(request.url)), self._hosts)
            response = await self._pool.handle_async_request(_lowered(request, request.stream))
        except Refusal as refusal:
            raise httpx.ConnectError(refusal.message, request=request) from refusal
        except httpcore.TimeoutException as error:
            raise httpx.ReadTimeout(str(error), request=request) from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise httpx.NetworkError(str(error), request=request) from error
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response, request),
            extensions=response.extensions,
        )


async def _resolve(host: str, port: int, policy: HostPolicy) -> list[str]:
    """The host's addresses, all of them allowed. Raises Refusal (denied), OSError where there is none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    check_addresses(host, port, addresses, policy)
    return addresses


def _lowered(request: httpx.Request, stream: httpx.AsyncByteStream) -> httpcore.Request:
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
        extensions=request.extensions,
    )


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response, request: httpx.Request) -> None:
        self._response = response
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.aiter_stream():
                yield chunk
        except httpcore.TimeoutException as error:
            raise httpx.ReadTimeout(str(error), request=self._request) from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise httpx.ReadError(str(error), request=self._request) from error

    async def aclose(self) -> None:
        await self._response.aclose()
