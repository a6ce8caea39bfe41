"""`http.request`: one HTTP request, its answer, and what an unexpected status means for the step."""

import asyncio
import base64
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.ports import Effect
from errands.core.values import Json, JsonObject, from_text, to_text
from errands.tools.folders import write_effect
from errands.tools.hosts import ascii_url, shown_url
from errands.tools.outbound import Answer, Outgoing
from errands.tools.paths import Place, writing
from errands.tools.refusal import Refusal
from errands.tools.secret_text import Revealed, SecretText
from errands.tools.tool import Arguments, Output, ToolContext, tool

_SAFE = ("GET", "HEAD", "OPTIONS")
_SHOWN_BODY = 2000
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})


class BasicAuth(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    username: Annotated[SecretText, Field(description="Of the account")]
    password: Annotated[SecretText, Field(description="Of the account; best a `secret:NAME`")]


class Auth(BaseModel):
    """One of two ways to authenticate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bearer: Annotated[SecretText | None, Field(description="Token of `Authorization: Bearer`")] = None
    basic: Annotated[BasicAuth | None, Field(description="Name and password")] = None

    @model_validator(mode="after")
    def _one(self) -> "Auth":
        if (self.bearer is None) == (self.basic is None):
            raise ValueError("give either bearer or basic")
        return self


StatusPattern = Annotated[int, Field(ge=100, le=599)] | Literal["1xx", "2xx", "3xx", "4xx", "5xx"]
QueryValue = SecretText | int | float | bool


class HttpArguments(Arguments):
    method: Annotated[
        Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"],
        Field(description="What to ask of the address"),
    ] = "GET"
    url: Annotated[
        str, Field(min_length=1, max_length=8192, description="With http:// or https://; its host must be granted")
    ]
    query: Annotated[dict[str, QueryValue | list[QueryValue]], Field(description="Added to the query of the URL")] = (
        Field(default_factory=dict)
    )
    headers: Annotated[dict[str, SecretText], Field(description="Sent with the request, by name")] = Field(
        default_factory=dict
    )
    auth: Annotated[Auth | None, Field(description="Either a bearer token or a name with a password")] = None
    json_body: Annotated[JsonValue, Field(alias="json", description="Body, sent as JSON")] = None
    text: Annotated[str | None, Field(description="Body, sent as text/plain unless a header says otherwise")] = None
    form: Annotated[dict[str, SecretText] | None, Field(description="Body, sent as an HTML form")] = None
    timeout: Annotated[float | None, Field(gt=0, le=3600, description="Seconds, redirects included")] = None
    expect_status: Annotated[list[StatusPattern], Field(min_length=1, description="Statuses that count as success")] = (
        Field(default=["2xx"])
    )
    max_bytes: Annotated[int | None, Field(gt=0, description="Largest body that is accepted")] = None
    save_to: Annotated[str | None, Field(description="File that gets the body, for binary data")] = None

    @model_validator(mode="after")
    def _consistent(self) -> "HttpArguments":
        if sum(body is not None for body in (self.json_body, self.text, self.form)) > 1:
            raise ValueError("give one of json, text and form")
        for name, value in self.headers.items():
            if name.lower() in _OURS:
                raise ValueError(f"the header {name} is set by the tool")
            if not name.isascii() or not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
                raise ValueError(f"{name!r} is not a header name")
            if any((ord(each) < 32 and each != "\t") or ord(each) == 127 for each in value):
                raise ValueError(f"the header {name} holds a line break or control character")
            if "secret:" in value and not isinstance(value, Revealed) and not value.startswith("secret:"):
                raise ValueError(
                    f"the header {name} holds a reference amid other text; write auth: {{bearer: secret:NAME}}"
                )
        return self


class HttpOutput(Output):
    status: Annotated[int, Field(description="Of the last answer, such as 200")]
    headers: Annotated[dict[str, str], Field(description="Of the last answer, their names in small letters")]
    text: Annotated[str, Field(description="The body; empty where it is binary or was saved to a file")]
    json_body: Annotated[
        JsonValue, Field(serialization_alias="json", description="The body, if it is JSON and was not saved")
    ] = None
    url: Annotated[str, Field(description="Where the answer came from, after redirects; without its query")]
    elapsed_ms: Annotated[int, Field(description="Milliseconds until the whole answer was here")]
    bytes: Annotated[int, Field(description="Size of the body")]
    saved_to: Annotated[str | None, Field(description="The file, if one was named")] = None


def _effect(arguments: JsonObject) -> Effect:
    if str(arguments.get("method", "GET")).upper() not in _SAFE:
        return Effect.CHANGES
    return Effect.CHANGES if write_effect(arguments.get("save_to")) is Effect.CHANGES else Effect.READS


@tool(
    "http.request",
    effect=Effect.CHANGES,
    effect_of=_effect,
    errors=(
        ErrorKind.NETWORK,
        ErrorKind.TIMEOUT,
        ErrorKind.RATE_LIMITED,
        ErrorKind.UNAVAILABLE,
        ErrorKind.NOT_FOUND,
        ErrorKind.LIMIT,
        ErrorKind.TOOL,
        ErrorKind.STORAGE,
    ),
    returns_outside_data=True,
)
async def http_request(arguments: HttpArguments, context: ToolContext) -> HttpOutput:
    """Send an HTTP request to a host that the task was granted and give its answer. Fails when the status is not
    one of expect_status (by default any 2xx)."""
    target = context.locate(arguments.save_to, write=True) if arguments.save_to else None
    outgoing = _outgoing(arguments, context)
    began = time.monotonic()
    answer = await context.outbound.send(outgoing, context.step.grants.hosts)
    elapsed_ms = round((time.monotonic() - began) * 1000)
    if not _expected(answer.status, arguments.expect_status):
        raise unexpected_status(arguments.method, answer, datetime.now(UTC))
    if target is not None:
        await asyncio.to_thread(_save, target, answer.body)
    text = "" if target is not None else _text(answer)
    return HttpOutput(
        status=answer.status,
        headers=dict(answer.headers),
        text=text,
        json_body=_json(answer, text),
        url=shown_url(answer.url),
        elapsed_ms=elapsed_ms,
        bytes=len(answer.body),
        saved_to=arguments.save_to,
    )


def unexpected_status(method: str, answer: Answer, now: datetime) -> StepFailed:
    """The step's error for a status that was not expected."""
    status = answer.status
    return StepFailed(
        _kind(status),
        f"{method} {shown_url(answer.url)} answered {status}",
        hint=_hint(status),
        retry_after=_retry_after(answer.headers.get("retry-after"), now) if status in (429, 503) else None,
        detail={"status": status, "body": _text(answer)[:_SHOWN_BODY]},
    )


def _outgoing(arguments: HttpArguments, context: ToolContext) -> Outgoing:
    headers = {name.lower(): str(value) for name, value in arguments.headers.items()}
    body, media_type = _body(arguments)
    if media_type:
        headers.setdefault("content-type", media_type)
    headers.setdefault("user-agent", "errands")
    headers.setdefault("accept", "*/*")
    if arguments.method not in _SAFE:
        headers.setdefault("idempotency-key", context.step.effect_key)
    if arguments.auth is not None:
        headers["authorization"] = _authorization(arguments.auth)
    seconds = arguments.timeout or context.limits.http_seconds
    return Outgoing(arguments.method, _url(arguments), headers, body, seconds, arguments.max_bytes)


def _url(arguments: HttpArguments) -> str:
    url = ascii_url(arguments.url.split("#", 1)[0])
    if not arguments.query:
        return url
    plain = {name: _query_value(value) for name, value in arguments.query.items()}
    return f"{url}{'&' if '?' in url else '?'}{urlencode(plain, doseq=True)}"


def _query_value(value: object) -> object:
    if isinstance(value, list):
        return [_query_value(item) for item in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _body(arguments: HttpArguments) -> tuple[bytes, str | None]:
    if arguments.json_body is not None:
        return to_text(arguments.json_body).encode(), "application/json"
    if arguments.form is not None:
        return urlencode(arguments.form).encode(), "application/x-www-form-urlencoded"
    if arguments.text is not None:
        return arguments.text.encode(), "text/plain; charset=utf-8"
    return b"", None


def _authorization(auth: Auth) -> str:
    if auth.basic is not None:
        return "Basic " + base64.b64encode(f"{auth.basic.username}:{auth.basic.password}".encode()).decode()
    token = str(auth.bearer)
    if any(ord(each) < 33 or ord(each) == 127 for each in token):
        raise Refusal("input", "auth.bearer holds a space or line break", "store the bare token as the secret")
    return f"Bearer {token}"


def _expected(status: int, patterns: list[StatusPattern]) -> bool:
    return any(status == each if isinstance(each, int) else str(status)[0] == each[0] for each in patterns)


def _kind(status: int) -> ErrorKind:
    match status:
        case 401 | 403 | 407:
            return ErrorKind.DENIED
        case 404 | 410:
            return ErrorKind.NOT_FOUND
        case 408:
            return ErrorKind.TIMEOUT
        case 429:
            return ErrorKind.RATE_LIMITED
        case _ if status >= 500:
            return ErrorKind.UNAVAILABLE
        case _ if status >= 400:
            return ErrorKind.INPUT
        case _:
            return ErrorKind.TOOL


def _hint(status: int) -> str:
    if status in (401, 403, 407):
        return "check the secret and what it may do on the other side"
    if status == 429 or status >= 500:
        return "give the step a retry"
    return f"if {status} is fine here, list it in expect_status"


def _retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds, from either form of RFC 9110, 10.2.3; never negative."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


def _save(target: Place, body: bytes) -> None:
    with writing(target) as file:
        file.write(body)


def _text(answer: Answer) -> str:
    media_type = answer.headers.get("content-type", "")
    if b"\x00" in answer.body or media_type.startswith(("image/", "audio/", "video/", "application/octet-stream")):
        return ""
    try:
        return answer.body.decode(_charset(media_type), errors="replace")
    except LookupError:
        return answer.body.decode("utf-8", errors="replace")


def _charset(media_type: str) -> str:
    _, _, after = media_type.lower().partition("charset=")
    return after.split(";")[0].strip(" \"'") or "utf-8"


def _json(answer: Answer, text: str) -> Json:
    media_type = answer.headers.get("content-type", "").split(";")[0].strip().lower()
    if not text or not (media_type.endswith(("/json", "+json")) or media_type in ("", "text/plain")):
        return None
    try:
        return from_text(text)
    except ValueError:
        return None
