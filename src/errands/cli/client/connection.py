"""One way to an API: requests with paths, queries and bodies; answers as views; refusals as services raise them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from pydantic_core import from_json

from errands.cli.client.http import httpx
from errands.cli.client.mounted import CALLER, Application, MountedTransport
from errands.cli.client.reading import Unreadable, read
from errands.cli.client.refusals import Missing, Unreachable, refusal_of
from errands.cli.screen import as_json
from errands.cli.versions import VERSION_HEADER, Versions
from errands.core.values import Json
from errands.services.cursors import LARGEST_PAGE, whole
from errands.services.errors import Invalid, Unavailable
from errands.services.views import Page

if TYPE_CHECKING:
    from errands.core.access import Principal

View = TypeVar("View")
Query = Mapping[str, object]
_PREFIX = "/api/v1"
_MOUNTED = "http://errands.local"
_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 330.0
"""A little longer than the longest time that the API makes a caller wait."""


class Connection:
    """Requests to one API. `server` is its address; None: it is mounted in this process."""

    def __init__(self, http: httpx.AsyncClient, server: str | None, versions: Versions) -> None:
        self.server = server
        self._http = http
        self._versions = versions
        self._extensions: dict[str, object] = {}

    def acting_as(self, caller: "Principal") -> "Connection":
        """The same, in another person's name. Raises Invalid with a server: there, a token says who calls."""
        if self.server is not None:
            hint = "Leave out --as, or use that person's token."
            raise Invalid(f"With a server you act as the person of your token, not as {caller.reference}.", hint)
        other = Connection(self._http, None, self._versions)
        other._extensions = {CALLER: caller}
        return other

    async def get(self, gives: type[View], *path: str, **query: object) -> View:
        """What is there, as a view of type `gives`."""
        return await self.ask(gives, "GET", *path, query=query)

    async def whole(self, gives: type[Page[View]], *path: str, **query: object) -> list[View]:
        """Everything in a list that is told in pages."""
        return await whole(lambda cursor: self.get(gives, *path, **query, cursor=cursor, limit=LARGEST_PAGE))

    async def post(self, gives: type[View], *path: str, body: object = None) -> View:
        """What came of a verb."""
        return await self.ask(gives, "POST", *path, body=body)

    async def upload(
        self,
        gives: type[View],
        *path: str,
        fields: Mapping[str, str],
        files: Sequence[tuple[str, Path]],
        headers: Mapping[str, str] | None = None,
    ) -> View:
        """What came of files that are sent, each under a name. Raises as `ask` does; OSError for an unreadable file."""
        with ExitStack() as stack:
            parts = [(name, (file.name, stack.enter_context(file.open("rb")))) for name, file in files]
            request = self._http.build_request(
                "POST",
                _address(path),
                data=fields,
                files=parts,
                headers=headers,
                timeout=httpx.Timeout(_CONNECT_SECONDS, read=_ANSWER_SECONDS, pool=None),
                extensions=self._extensions,
            )
            content = await self._content(request)
        return self._view(gives, from_json(content))

    async def ask(
        self,
        gives: type[View],
        method: str,
        *path: str,
        query: Query | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> View:
        """An answer as a view. Raises the service's refusal, Unreachable, Unavailable."""
        return self._view(gives, await self.value(method, *path, query=query, body=body, headers=headers))

    def _view(self, gives: type[View], value: Json) -> View:
        try:
            return read(gives, value)
        except Unreadable as error:
            hint = "Let both have the same version of Errands."
            raise Unavailable(f"{self._where()} answers in a form that is not known here: {error}", hint) from error

    async def value(
        self,
        method: str,
        *path: str,
        query: Query | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        """An answer as the JSON that it is; None where there is none. Raises as `ask` does."""
        request = self._request(method, path, query, body, headers, _ANSWER_SECONDS)
        content = await self._content(request)
        value: Json = from_json(content, allow_inf_nan=True) if content else None
        return value

    async def _content(self, request: httpx.Request) -> bytes:
        async with self._translated(), self._answer(request) as answer:
            return await answer.aread()

    @asynccontextmanager
    async def stream(
        self,
        *path: str,
        method: str = "GET",
        query: Query | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """An answer that goes on, such as events. Raises as `ask` does, also while it is read."""
        request = self._request(method, path, query, body, headers, None)
        async with self._translated(), self._answer(request) as answer:
            yield answer

    def _request(
        self,
        method: str,
        path: tuple[str, ...],
        query: Query | None,
        body: object,
        headers: Mapping[str, str] | None,
        seconds: float | None,
    ) -> httpx.Request:
        given = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        timeout = httpx.Timeout(_CONNECT_SECONDS, read=seconds, pool=None)
        return self._http.build_request(
            method,
            _address(path),
            params=given or None,
            json=None if body is None else as_json(body),
            headers=headers,
            timeout=timeout,
            extensions=self._extensions,
        )

    @asynccontextmanager
    async def _answer(self, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        answer = await self._http.send(request, stream=True)
        try:
            self._versions.saw(answer.headers.get(VERSION_HEADER))
            if not answer.is_success:
                await answer.aread()
                raise refusal_of(answer.status_code, _document(answer), where=self._where(), sign_in=self._sign_in())
            yield answer
        finally:
            await answer.aclose()

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            hint = "Is it running, and is the address right? Without a server: errands --server local"
            raise Unreachable(f"{self._where()} cannot be reached: {_reason(error)}.", hint) from error
        except httpx.TransportError as error:
            hint = "What you asked may have been done: look before you ask again."
            raise Unreachable(f"{self._where()} broke off: {_reason(error)}.", hint) from error

    def _where(self) -> str:
        return "Errands in this process" if self.server is None else f"The server {self.server}"

    def _sign_in(self) -> str:
        return f"errands login {self.server}"


@asynccontextmanager
async def mounted(app: Application, caller: "Principal", versions: Versions) -> AsyncIterator[Connection]:
    """A way to the API in this process, whose requests are made by `caller`."""
    async with httpx.AsyncClient(transport=MountedTransport(app, caller), base_url=_MOUNTED) as http:
        yield Connection(http, None, versions)


@asynccontextmanager
async def connected(server: str, token: str | None, versions: Versions) -> AsyncIterator[Connection]:
    """A way to a server. Redirects are not followed, so that the token goes nowhere else."""
    headers = {"User-Agent": f"errands/{versions.own}"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    async with httpx.AsyncClient(base_url=server, headers=headers, trust_env=True) as http:
        yield Connection(http, server, versions)


def _address(path: Sequence[str]) -> str:
    return "/".join((_PREFIX, *(_segment(part) for part in path)))


def _segment(part: str) -> str:
    """A part of a path. Raises Missing for what can be no name, and would change the address."""
    if part in ("", ".", "..") or "/" in part:
        raise Missing(f"There is nothing called {part!r}.", "Names hold no slash.")
    return quote(part, safe="")


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat()
        case Enum():
            return str(value.value)
        case _:
            return str(value)


def _document(answer: httpx.Response) -> object:
    try:
        document: object = answer.json()
    except ValueError:
        return None
    return document


def _reason(error: Exception) -> str:
    """What the operating system or the library says, without a full stop; the error's name where it says nothing."""
    cause: BaseException | None = error
    while cause is not None and not str(cause):
        cause = cause.__cause__ or cause.__context__
    return (str(cause) if cause is not None else type(error).__name__).strip().rstrip(".") or type(error).__name__
