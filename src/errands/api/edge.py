"""Around every request: its id, its limits, safe headers, and a document in place of whatever it raises."""

import re
import secrets
import time
from collections.abc import Callable
from http import HTTPStatus

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from errands.api.problems import Refusal, Translate, is_defect, problem_response

log = structlog.get_logger()

MAX_BODY_BYTES = 16 * 2**20
"""The largest request: some hundred task files at once."""
DEFECTS = "errands.defects"
"""Where a request from within this process wants to be told of an error that nobody has foreseen: a list in its scope.
It is not logged then."""
MULTIPART = "multipart/form-data"
"""The form in which files come; its limit is the server's for uploads."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
Observer = Callable[[str, str, int, float], None]
"""Told of each request: method, route, status, seconds until the answer began."""


class Edge:
    """ASGI middleware, the outermost. `translate` makes of a library's exception what it means for the caller;
    `version` is told with every answer, so that clients notice one that they do not fit.
    """

    def __init__(
        self, app: ASGIApp, translate: Translate, observe: Observer, version: str, largest_upload: int
    ) -> None:
        self._app = app
        self._translate = translate
        self._observe = observe
        self._version = version
        self._largest_upload = largest_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id, most = _request_id(headers), self._most(scope, headers)
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(scope, send, request_id, self._observe, self._version)
        with structlog.contextvars.bound_contextvars(request=request_id):
            try:
                _check_form(scope, headers, most)
                await self._app(scope, _limited(receive, scope, most), answer.send)
            except ClientDisconnect:
                pass  # Whoever asked has gone.
            except Exception as error:
                # What came of a body that is cut off, where it was being read, says nothing.
                meant = _too_large(most) if scope["state"].get("too_large") else error
                await self._refuse(meant, scope, receive, answer)

    def _most(self, scope: Scope, headers: Headers) -> int:
        """Bytes that the request may have."""
        starts = scope["method"] == "POST" and scope["path"].endswith("/runs")
        uploads = starts and headers.get("content-type", "").lower().startswith(MULTIPART)
        return self._largest_upload if uploads else MAX_BODY_BYTES

    async def _refuse(self, error: Exception, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        if is_defect(error, self._translate):
            defects: list[Exception] | None = scope.get(DEFECTS)
            if defects is not None:
                defects.append(error)
            else:
                log.error("api.defect", method=scope["method"], path=scope["path"], exc_info=error)
        if answer.begun:
            raise error  # Half an answer is out; the connection is cut, so that nobody takes it for the whole.
        response = problem_response(error, answer.request_id, self._translate)
        if isinstance(error, Refusal) and error.status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            response.headers["Connection"] = "close"
        await response(scope, receive, answer.send)


class _Answer:
    """What goes back: each answer gets the headers that all have in common."""

    def __init__(self, scope: Scope, send: Send, request_id: str, observe: Observer, version: str) -> None:
        self.request_id = request_id
        self.begun = False
        self._scope = scope
        self._send = send
        self._observe = observe
        self._version = version
        self._arrived = time.perf_counter()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in _SAFE.items():
                headers.setdefault(name, value)
            headers["X-Request-ID"] = self.request_id
            headers["Errands-Version"] = self._version
            for cookie in self._scope["state"].get("cookies", ()):
                headers.append("Set-Cookie", cookie)
            seconds = time.perf_counter() - self._arrived
            route = getattr(self._scope.get("route"), "path", "none")
            self._observe(self._scope["method"], route, message["status"], seconds)
        await self._send(message)


def _request_id(headers: Headers) -> str:
    """The caller's, where it can stand in a log; else one of our own."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _check_form(scope: Scope, headers: Headers, most: int) -> None:
    """Raises Refusal for what no endpoint should have to think of."""
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "malformed", "The address holds a NUL character.")
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > most:
        raise _too_large(most)


def _limited(receive: Receive, scope: Scope, most: int) -> Receive:
    """The body, up to the limit, also where its length was not told before."""
    taken = 0

    async def next_part() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            scope["state"]["too_large"] = True
            raise _too_large(most)
        return message

    return next_part


def _too_large(most: int) -> Refusal:
    limit = most // 2**20
    return Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too-large",
        f"The request is larger than {limit} MiB.",
        "Send less at once; files of a run go as multipart/form-data, which may be larger.",
    )
