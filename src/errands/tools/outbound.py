"""The one way out over HTTP: names are resolved once and checked, and the connection goes to what was checked.

`Outbound.send` serves tools: grants, redirects, size and time. `Outbound.transport` is the same guarded road for
libraries that bring a client of their own (model providers, MCP over HTTP).
"""

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from errands.core.outcomes import ErrorKind, StepFailed
from errands.tools.hosts import HostPolicy as HostPolicy
from errands.tools.hosts import Target, ascii_url, check_granted, shown_url, target_of
from errands.tools.refusal import Refusal

if TYPE_CHECKING:
    import httpcore
    import httpx

_MAX_REDIRECTS = 10
_ACROSS_HOSTS = frozenset({"accept", "accept-language", "content-type", "user-agent", "idempotency-key"})
_BODY_HEADERS = frozenset({"content-type", "content-length", "content-encoding", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to send."""

    method: str
    url: str
    """With its query."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Lower-case names."""
    body: bytes = b""
    seconds: float = 60.0
    """For all of it, redirects included."""
    max_bytes: int | None = None
    """Answer after decompression; `None` or more than the server's limit: the server's limit."""
    redirects: bool = True
    """Follow them. Otherwise one is an answer like any other."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read to its end."""

    status: int
    headers: Mapping[str, str]
    """Lower-case names; repeated ones joined with a comma."""
    body: bytes
    """Decompressed."""
    url: str
    """Of the last request, after redirects."""


class Outbound:
    """HTTP to the outside, under the administrator's host policy. One per process; opened on first use."""

    def __init__(self, policy: HostPolicy, *, max_bytes: int) -> None:
        self.policy = policy
        self._max_bytes = max_bytes
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def send(self, outgoing: Outgoing, hosts: Sequence[str]) -> Answer:
        """Send, follow redirects, read the answer. `hosts` are the task's `grants.hosts`.

        Raises StepFailed: input (URL), denied (host), network, timeout, limit (size, redirects). Any status is an
        answer.
        """
        try:
            async with asyncio.timeout(outgoing.seconds):
                return await self._follow(outgoing, hosts)
        except TimeoutError:
            raise StepFailed(
                ErrorKind.TIMEOUT,
                f"{outgoing.method} {shown_url(outgoing.url)}: no complete answer within {outgoing.seconds:g} s",
                hint="raise the timeout, or retry later",
            ) from None
        except Refusal as refusal:
            raise StepFailed(ErrorKind(refusal.kind), refusal.message, hint=refusal.hint) from None

    def transport(self, hosts: Sequence[str]) -> "httpx.AsyncBaseTransport":
        """A transport for an `httpx.AsyncClient` that reaches these hosts (`["*"]`: any public one) and no other.

        Give the client `follow_redirects=False` or not: each hop is checked all the same.
        """
        from errands.tools.pinned import PinnedTransport

        return PinnedTransport(self._opened(), hosts)

    def connections(self) -> "httpcore.AsyncConnectionPool":
        """The guarded pool itself, for transports of other HTTP libraries; they check hosts themselves."""
        return self._opened()

    async def aclose(self) -> None:
        """Close kept connections. The next request opens new ones."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.aclose()

    def _opened(self) -> "httpcore.AsyncConnectionPool":
        if self._pool is None:
            import httpcore

            from errands.tools.pinned import PinnedBackend

            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=ssl.create_default_context(),
                max_connections=100,
                max_keepalive_connections=20,
                keepalive_expiry=15,
                network_backend=PinnedBackend(self.policy),
            )
        return self._pool

    async def _follow(self, outgoing: Outgoing, hosts: Sequence[str]) -> Answer:
        limit = min(outgoing.max_bytes or self._max_bytes, self._max_bytes)
        for _ in range(_MAX_REDIRECTS + 1):
            target = target_of(outgoing.url)
            check_granted(target, hosts)
            answer = await self._exchange(outgoing, limit)
            location = answer.headers.get("location")
            if answer.status not in (301, 302, 303, 307, 308) or not location or not outgoing.redirects:
                return answer
            outgoing = _redirected(outgoing, target, answer.status, location)
        raise StepFailed(
            ErrorKind.LIMIT,
            f"{shown_url(outgoing.url)}: more than {_MAX_REDIRECTS} redirects",
            hint="request the final address instead",
        )

    async def _exchange(self, outgoing: Outgoing, limit: int) -> Answer:
        import httpcore

        url = outgoing.url.split("#", 1)[0]
        headers = {"accept-encoding": "gzip, deflate", "host": _host_header(url), **outgoing.headers}
        if outgoing.body or outgoing.method in ("POST", "PUT", "PATCH"):
            headers["content-length"] = str(len(outgoing.body))
        with _network_errors(outgoing):
            request = httpcore.Request(
                outgoing.method,
                url.encode("ascii"),
                headers=[(name.encode(), value.encode()) for name, value in headers.items()],
                content=outgoing.body,
                extensions={"timeout": {"connect": outgoing.seconds, "pool": outgoing.seconds}},
            )
            response = await self._opened().handle_async_request(request)
            try:
                received = _joined(response.headers)
                body = await _read(response.aiter_stream(), received.get("content-encoding", ""), limit, url)
            finally:
                await response.aclose()
        return Answer(response.status, received, body, outgoing.url)


def _redirected(outgoing: Outgoing, source: Target, status: int, location: str) -> Outgoing:
    """The next request by RFC 9110, 15.4: what may be repeated is, what was meant for one host stays there."""
    url = ascii_url(urljoin(outgoing.url, location))
    method, body, headers = outgoing.method, outgoing.body, dict(outgoing.headers)
    becomes_get = (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST")
    if becomes_get:
        method, body = "GET", b""
        headers = {name: value for name, value in headers.items() if name not in _BODY_HEADERS}
    if target_of(url) != source:
        # Credentials hide in any header (X-Api-Key, Cookie); only what says nothing about us may travel on.
        headers = {name: value for name, value in headers.items() if name in _ACROSS_HOSTS}
    return Outgoing(method, url, headers, body, outgoing.seconds, outgoing.max_bytes)


def _host_header(url: str) -> str:
    return target_of(url).label


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


async def _read(chunks: AsyncIterator[bytes], encoding: str, limit: int, url: str) -> bytes:
    """The body, decompressed. Stops at `limit`, before a small packet can unpack to gigabytes."""
    unpack = _unpacker(encoding, url)
    body = bytearray()
    async for chunk in chunks:
        body += unpack(chunk, limit + 1 - len(body))
        if len(body) > limit:
            raise StepFailed(
                ErrorKind.LIMIT,
                f"{shown_url(url)} answered with more than {limit} bytes",
                hint="ask the other side for less (a page, a filter); max_bytes can only lower the server's limit",
            )
    return bytes(body)


class _Inflate:
    """gzip and deflate, with a bound on what one chunk may become."""

    def __init__(self, url: str, *, window: int) -> None:
        self._url = url
        self._inflate = zlib.decompressobj(window)
        self._raw = window == zlib.MAX_WBITS

    def __call__(self, chunk: bytes, room: int) -> bytes:
        try:
            return self._inflate.decompress(chunk, max(room, 1))
        except zlib.error:
            if not self._raw:
                raise StepFailed(
                    ErrorKind.NETWORK, f"{shown_url(self._url)}: the compressed answer is damaged"
                ) from None
            # Some servers send `deflate` without its zlib header.
            self._raw, self._inflate = False, zlib.decompressobj(-zlib.MAX_WBITS)
            return self(chunk, room)


def _unpacker(encoding: str, url: str) -> "_Inflate | _Plain":
    match encoding.strip().lower():
        case "" | "identity":
            return _Plain()
        case "gzip" | "x-gzip":
            return _Inflate(url, window=zlib.MAX_WBITS | 16)
        case "deflate":
            return _Inflate(url, window=zlib.MAX_WBITS)
        case other:
            raise StepFailed(
                ErrorKind.TOOL, f"{shown_url(url)} answered in {other!r}, though asked for gzip, deflate or plain"
            )


class _Plain:
    def __call__(self, chunk: bytes, room: int) -> bytes:
        return chunk


@contextmanager
def _network_errors(outgoing: Outgoing) -> Iterator[None]:
    """What the HTTP library raises, as a step's error."""
    import httpcore

    where = f"{outgoing.method} {shown_url(outgoing.url)}"
    try:
        yield
    except httpcore.TimeoutException:
        raise TimeoutError from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise StepFailed(ErrorKind.NETWORK, f"{where}: {reason}", hint="is the host up, and its name right?") from None
