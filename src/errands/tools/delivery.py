"""Sends the server's own messages: to a channel by apprise, to people by mail. Failures are told, never raised."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from urllib.parse import parse_qs, unquote, urlsplit

from errands.core.messages import Letter
from errands.core.outcomes import StepFailed
from errands.core.values import Json
from errands.tools.children import ChildLimits, run_in_child
from errands.tools.hosts import HostPolicy
from errands.tools.limits import MIB, ToolLimits
from errands.tools.mail import parsed_address
from errands.tools.notify import channel_url
from errands.tools.refusal import Refusal

_WEBHOOKS = ("json", "jsons", "form", "forms", "xml", "xmls")
_MEMORY = 256 * MIB


class Delivery:
    """The way out for messages that no task sends."""

    def __init__(self, policy: HostPolicy, limits: ToolLimits, smtp: str | None) -> None:
        """`smtp`: URL of the server's mail account, such as `smtp://user:pass@host:587?from=a@b`; None: no mail."""
        self._policy = policy
        self._limits = limits
        self._smtp = smtp

    def no_mail(self) -> str | None:
        """Why no mail can be sent from here; never shows the account's URL."""
        if self._smtp is None:
            return "this server has no mail account; the administrator sets one: ERRANDS_SMTP_URL"
        try:
            _sender(self._smtp)
        except ValueError as error:
            return str(error)
        return None

    def misfit(self, url: str, label: str) -> str | None:
        """Why an apprise URL cannot be a channel; never shows it."""
        try:
            channel_url(url, label)
        except Refusal as refusal:
            return f"{refusal.message}: {refusal.hint}" if refusal.hint else refusal.message
        return None

    async def to_channel(self, url: str, label: str, letter: Letter) -> str | None:
        """Send to an apprise URL. Gives why it did not get through, or None. Webhooks get the header
        `Idempotency-Key`, the same each time the message is repeated.
        """
        try:
            target = channel_url(url, label)
        except Refusal as refusal:
            return refusal.message
        if target.partition("://")[0] in _WEBHOOKS:
            target += f"{'&' if '?' in target else '?'}+Idempotency-Key={_key(letter)}"
        job: Mapping[str, Json] = {
            "channels": [{"label": label, "url": target}],
            "title": letter.title,
            "body": letter.body,
            "allow_private": sorted(self._policy.allow_private),
        }
        found = await self._in_child("errands.tools.notify_child:deliver", job, self._limits.notify_seconds)
        if isinstance(found, str):
            return found
        results = found["results"]
        assert isinstance(results, Sequence)
        first = results[0]
        assert isinstance(first, Mapping)
        return None if first["problem"] is None else str(first["problem"])

    async def by_mail(self, to: Sequence[str], letter: Letter) -> str | None:
        """Send to mail addresses. Gives why it did not get through (to one of them), or None."""
        problem = self.no_mail()
        if self._smtp is None or problem is not None:
            return problem
        try:
            sender = _sender(self._smtp)
            mail = _mail(sender, to, letter)
        except ValueError as error:
            return str(error)
        job: Mapping[str, Json] = {
            "connection": self._smtp,
            "sender": sender.addr_spec,
            "recipients": list(to),
            "message": b64encode(mail.as_bytes(policy=SMTP)).decode(),
        }
        found = await self._in_child("errands.tools.mail_child:send", job, self._limits.mail_seconds)
        if isinstance(found, str):
            return found
        refused = found["refused"]
        assert isinstance(refused, Mapping)
        return "; ".join(f"{who}: {said}" for who, said in refused.items()) or None

    async def _in_child(self, function: str, job: Json, seconds: float) -> Mapping[str, Json] | str:
        """What the child gives, or what went wrong."""
        try:
            given = await run_in_child(function, job, ChildLimits(seconds, _MEMORY, result_bytes=MIB))
        except StepFailed as failure:
            return failure.error.message
        assert isinstance(given.value, Mapping)
        return given.value


def _sender(smtp: str) -> Address:
    """Who the mail is from. Raises ValueError that does not show the URL."""
    wrong = "ERRANDS_SMTP_URL is not like smtp://user:pass@host:587?from=errands@example.com"
    try:
        url = urlsplit(smtp)
        usable = url.scheme in ("smtp", "smtps") and bool(url.hostname) and url.port != 0
    except ValueError:
        raise ValueError(wrong) from None
    user = unquote(url.username or "")
    chosen = next((each for each in (*parse_qs(url.query).get("from", []), user) if "@" in each), None)
    if not usable or chosen is None:
        raise ValueError(wrong)
    return parsed_address(chosen)


def _mail(sender: Address, to: Sequence[str], letter: Letter) -> EmailMessage:
    """Raises ValueError for an address that is none."""
    mail = EmailMessage(policy=SMTP)
    try:
        mail["From"] = sender
        mail["To"] = [parsed_address(each) for each in to]
    except (MessageError, ValueError) as error:
        raise ValueError(f"an address cannot be used: {error}") from None
    mail["Subject"] = " ".join(letter.title.split())
    mail["Date"] = format_datetime(letter.at)
    mail["Message-ID"] = f"<{_key(letter)}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.body)
    return mail


def _key(letter: Letter) -> str:
    """The letter's key in a form that may stand anywhere."""
    return sha256(letter.key.encode()).hexdigest()[:32]
