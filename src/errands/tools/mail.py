"""`mail.send`: one mail over SMTP."""

import asyncio
import hashlib
import mimetypes
from base64 import b64encode
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Annotated
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import AfterValidator, Field, model_validator

from errands.core.outcomes import ErrorKind
from errands.core.ports import Effect
from errands.tools.paths import Place, reading
from errands.tools.refusal import Refusal
from errands.tools.secret_text import SecretOnly
from errands.tools.tool import Arguments, Output, ToolContext, tool


def _one_line(text: str) -> str:
    if any(ord(each) < 32 or ord(each) == 127 for each in text):
        raise ValueError("must be one line without control characters (a line break would start another header)")
    return text


def _mail_address(text: str) -> str:
    parsed_address(_one_line(text))
    return text


def parsed_address(text: str) -> Address:
    """`ana@example.com` or `Ana Li <ana@example.com>`. Raises ValueError for anything else."""
    name, bracket, rest = text.rpartition("<")
    spec = rest.removesuffix(">").strip() if bracket else text.strip()
    wrong = "is not a mail address, such as ana@example.com or Ana Li <ana@example.com>"
    try:
        address = Address(display_name=name.strip().strip('"'), addr_spec=spec)
    except (MessageError, ValueError, IndexError):
        raise ValueError(wrong) from None
    if not address.username or not address.domain or (bracket and not rest.endswith(">")):
        raise ValueError(wrong)
    return address


MailAddress = Annotated[str, AfterValidator(_mail_address), Field(max_length=320)]
Line = Annotated[str, AfterValidator(_one_line), Field(max_length=998)]


class Attachment(Arguments):
    path: Annotated[str, Field(min_length=1, max_length=4096, description="File in the workspace or a granted folder")]
    name: Annotated[Line | None, Field(description="Name to show; by default the file's")] = None


class MailArguments(Arguments):
    to: Annotated[list[MailAddress], Field(min_length=1, max_length=500, description="Addresses that get it")]
    cc: Annotated[list[MailAddress], Field(max_length=500, description="Addresses that get a copy, shown to all")] = (
        Field(default_factory=list)
    )
    bcc: Annotated[
        list[MailAddress], Field(max_length=500, description="Addresses that get a copy, shown to nobody")
    ] = Field(default_factory=list)
    from_: Annotated[
        MailAddress | None, Field(alias="from", description="By default the connection's from= or its user")
    ] = None
    reply_to: Annotated[MailAddress | None, Field(description="Address that answers go to")] = None
    subject: Annotated[Line, Field(description="One line")]
    text: Annotated[str | None, Field(description="Plain text; this, html or both")] = None
    html: Annotated[str | None, Field(description="The same as HTML")] = None
    attachments: Annotated[list[Attachment | str], Field(max_length=100, description="Files")] = Field(
        default_factory=list
    )
    connection: Annotated[
        SecretOnly,
        Field(description="`secret:NAME` of smtp://user:pass@host:587 or smtps://...; ?from=a@b sets the sender"),
    ] = "secret:SMTP"

    @model_validator(mode="after")
    def _has_body(self) -> "MailArguments":
        if self.text is None and self.html is None:
            raise ValueError("give text, html or both")
        return self


class MailOutput(Output):
    message_id: Annotated[str, Field(description="The same each time this step is repeated")]
    accepted: Annotated[list[str], Field(description="Addresses that the server took")]
    refused: Annotated[dict[str, str], Field(description="Address and what the server said")]


@tool(
    "mail.send",
    effect=Effect.CHANGES,
    errors=(
        ErrorKind.NETWORK,
        ErrorKind.TIMEOUT,
        ErrorKind.UNAVAILABLE,
        ErrorKind.SECRET,
        ErrorKind.LIMIT,
        ErrorKind.NOT_FOUND,
        ErrorKind.TOOL,
    ),
)
async def mail_send(arguments: MailArguments, context: ToolContext) -> MailOutput:
    """Send a mail over SMTP. Fails when the server refuses every recipient; otherwise those refused are listed."""
    sender = _sender(arguments)
    message_id = _message_id(context.step.effect_key, sender.domain)
    message = _message(arguments, sender, message_id, context)
    await asyncio.to_thread(_attach, message, _files(arguments, context), context.limits.mail_bytes)
    everybody = [*arguments.to, *arguments.cc, *arguments.bcc]
    recipients = list(dict.fromkeys(parsed_address(each).addr_spec for each in everybody))
    report = await context.in_child(
        "errands.tools.mail_child:send",
        {
            "connection": str(arguments.connection),
            "sender": sender.addr_spec,
            "recipients": recipients,
            "message": b64encode(message.as_bytes(policy=SMTP)).decode(),
        },
        seconds=context.limits.mail_seconds,
        result_bytes=2**20,
    )
    assert isinstance(report, dict)
    return MailOutput.model_validate({"message_id": message_id, **report})


def _sender(arguments: MailArguments) -> Address:
    """Who the mail is from. Raises Refusal (secret) where the connection is not an SMTP URL."""
    try:
        url = urlsplit(arguments.connection)
        usable = url.scheme in ("smtp", "smtps") and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise Refusal("secret", "the connection is not an SMTP URL", "store smtp://user:pass@host:587 as the secret")
    user = unquote(url.username or "")
    candidates = [arguments.from_, *parse_qs(url.query).get("from", []), user if "@" in user else None]
    chosen = next((each for each in candidates if each), None)
    if chosen is None:
        raise Refusal("input", "the mail has no sender", "pass from, or add ?from=a@b to the connection")
    try:
        return parsed_address(chosen)
    except ValueError:
        raise Refusal("secret", "the connection's sender is not a mail address", "mend from= in the secret") from None


def _message_id(effect_key: str, domain: str) -> str:
    return f"<{hashlib.sha256(effect_key.encode()).hexdigest()[:32]}@{domain}>"


def _message(arguments: MailArguments, sender: Address, message_id: str, context: ToolContext) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = [parsed_address(each) for each in arguments.to]
    if arguments.cc:
        message["Cc"] = [parsed_address(each) for each in arguments.cc]
    if arguments.reply_to:
        message["Reply-To"] = parsed_address(arguments.reply_to)
    message["Subject"] = arguments.subject
    message["Date"] = format_datetime(context.step.run.started_at)
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    if arguments.text is not None:
        message.set_content(arguments.text)
        if arguments.html is not None:
            message.add_alternative(arguments.html, subtype="html")
    else:
        message.set_content(arguments.html or "", subtype="html")
    return message


def _files(arguments: MailArguments, context: ToolContext) -> list[tuple[Place, str]]:
    listed = [Attachment(path=each) if isinstance(each, str) else each for each in arguments.attachments]
    places = [(context.locate(each.path), each.name) for each in listed]
    return [(place, name or place.name) for place, name in places]


def _attach(message: EmailMessage, files: list[tuple[Place, str]], limit: int) -> None:
    room = limit
    for place, name in files:
        with reading(place) as file:
            content = file.read(room + 1)
        room -= len(content)
        if room < 0:
            raise Refusal("limit", f"the attachments have more than {limit} bytes", "send a link instead")
        main, _, sub = (mimetypes.guess_type(name)[0] or "application/octet-stream").partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
