"""`notify.send`: a message to chat, phone or mail channels, each kept as a secret URL."""

from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field

from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.ports import Effect
from errands.tools.refusal import Refusal
from errands.tools.secret_text import Revealed, SecretOnly
from errands.tools.tool import Arguments, Output, ToolContext, tool

SCHEMES = frozenset(
    {"mailto", "mailtos", "slack", "msteams", "workflow", "workflows", "discord", "tgram", "telegram", "ntfy", "ntfys"}
    | {"gotify", "gotifys", "pover", "pushover", "matrix", "matrixs"}
    | {"json", "jsons", "form", "forms", "xml", "xmls"}
)
# These make apprise read files of this machine or fetch what the URL names.
_REFUSED_OPTIONS = frozenset(
    ("template", "attach", "attachment", "include", "config", "pgp", "pgpkey", "key", "cert", "verify")
)


class NotifyArguments(Arguments):
    to: Annotated[
        SecretOnly | Annotated[list[SecretOnly], Field(min_length=1, max_length=50)],
        Field(description="`secret:NAME` of a channel's apprise URL, or several"),
    ]
    title: Annotated[
        str | None, Field(max_length=1000, description="Above the message, where the channel has titles")
    ] = None
    body: Annotated[str, Field(min_length=1, max_length=100_000, description="The message")]


class Delivered(Output):
    channel: Annotated[str, Field(description="Name of its secret")]


class Undelivered(Output):
    channel: Annotated[str, Field(description="Name of its secret")]
    problem: Annotated[str, Field(description="Why not")]


class NotifyOutput(Output):
    delivered: Annotated[list[Delivered], Field(description="Channels that took it")]
    failed: Annotated[list[Undelivered], Field(description="Channels that did not, each with the reason")]


@tool(
    "notify.send",
    effect=Effect.CHANGES,
    granted_by_secrets=True,
    errors=(ErrorKind.UNAVAILABLE, ErrorKind.TIMEOUT, ErrorKind.SECRET, ErrorKind.LIMIT),
)
async def notify_send(arguments: NotifyArguments, context: ToolContext) -> NotifyOutput:
    """Send a message to one or more channels (Slack, Teams, Discord, Telegram, ntfy, Gotify, Pushover, Matrix, mail,
    webhook). Fails when no channel took it; otherwise those that did not are listed."""
    listed = arguments.to if isinstance(arguments.to, list) else [arguments.to]
    channels = [(_label(each), channel_url(each, _label(each))) for each in listed]
    found = await context.in_child(
        "errands.tools.notify_child:deliver",
        {
            "channels": [{"label": label, "url": url} for label, url in channels],
            "title": arguments.title or "",
            "body": arguments.body,
            "allow_private": sorted(context.outbound.policy.allow_private),
        },
        seconds=context.limits.notify_seconds,
        result_bytes=2**20,
    )
    return _report(found)


def _label(url: str) -> str:
    return url.reference if isinstance(url, Revealed) else "channel"


def channel_url(url: str, label: str) -> str:
    """The URL, if it is of an allowed kind. Raises Refusal (secret) that names it by its label and does not show it."""
    scheme = url.partition("://")[0].lower()
    if "://" not in url or scheme not in SCHEMES:
        raise Refusal(
            "secret",
            f"{label} is not a channel that may be used",
            "store an apprise URL that begins with one of " + ", ".join(f"{each}://" for each in sorted(SCHEMES)),
        )
    try:
        options = {name.lstrip("+-:").lower() for name, _ in parse_qsl(urlsplit(url).query)}
    except ValueError:
        raise Refusal("secret", f"{label} is not a URL") from None
    refused = options & _REFUSED_OPTIONS
    if refused:
        raise Refusal("secret", f"{label} uses the option {sorted(refused)[0]!r}, which is refused")
    renamed = {"telegram": "tgram", "pushover": "pover"}.get(scheme, scheme)
    return renamed + url[len(scheme) :]


def _report(found: object) -> NotifyOutput:
    assert isinstance(found, dict)
    delivered = [Delivered(channel=each["label"]) for each in found["results"] if each["problem"] is None]
    failed = [
        Undelivered(channel=each["label"], problem=each["problem"]) for each in found["results"] if each["problem"]
    ]
    if delivered:
        return NotifyOutput(delivered=delivered, failed=failed)
    denied = all(each["denied"] for each in found["results"])
    raise StepFailed(
        ErrorKind.DENIED if denied else ErrorKind.UNAVAILABLE,
        "no channel took the message: " + "; ".join(f"{each.channel}: {each.problem}" for each in failed),
        hint="the administrator can allow private hosts"
        if denied
        else "check the channel's secret, or give the step a retry",
    )
