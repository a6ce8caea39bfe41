"""Mail to a trigger's secret address starts its run. To know the address is the right; `senders` narrows it."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from io import BytesIO
from ipaddress import IPv4Network, IPv6Network, ip_address
from math import ceil
from typing import NoReturn
from uuid import UUID

from errands.core import ids
from errands.core.definition.triggers import Email, EmailTrigger
from errands.core.mail_origin import Origin, origin_of
from errands.core.mails import Mail, MailUnreadable, clean, is_allowed, read_mail
from errands.core.values import Json
from errands.engine.happenings import Happening
from errands.services.errors import MailRefused, ServiceError, TooLarge, TooMany
from errands.services.reception import Delivery, Reception, accepted_by, started_run
from errands.services.trigger_views import Received
from errands.services.uploads import Intake, Upload, places, told
from errands.store.connections import Connection
from errands.store.deliveries import Addressed
from errands.store.inputs import InputFile

_MEMORY = timedelta(days=1)
"""A mail without a Message-ID is remembered by its content for so long."""
_LONGEST_NAME = 200

Relays = Sequence[tuple[IPv4Network | IPv6Network, str]]
"""Mail servers that are believed, by their network, and the name under which they write results."""


class MailService:
    """Takes mail. Whatever is refused leaves a count and a reason, and nothing of what it said."""

    def __init__(self, reception: Reception, intake: Intake, relays: Relays = ()) -> None:
        self._reception = reception
        self._intake = intake
        self._relays = relays

    async def knows(self, address: str) -> bool:
        """Whether a trigger listens at an address, given without its domain."""
        return await self._reception.find(address.lower(), "email") is not None

    async def receive(self, address: str, raw: bytes, *, envelope_sender: str, peer: str) -> Received:
        """Start the run of the trigger behind an address. `peer` is the IP address of whoever brings the mail.

        Raises MailRefused, TooLarge, TooMany, Conflict (the task is paused), Invalid (the arguments do not fit),
        Unavailable. Nothing is started then.
        """
        trigger = await self._reception.find(address.lower(), "email")
        if trigger is None:
            raise MailRefused("there is no such address here")
        email = EmailTrigger.model_validate_json(trigger.definition).email
        await self._check_size_and_rate(trigger, email, raw)
        try:
            mail = await asyncio.to_thread(read_mail, raw, most_attachments=email.max_attachments)
        except MailUnreadable as error:
            await self._refuse(trigger, "unreadable", str(error), MailRefused(str(error)))
        origin = origin_of(mail.results, self._relay(peer), mail.sender)
        wrong = _wrong(email, mail, origin, envelope_sender)
        if wrong is not None:
            await self._refuse(trigger, *wrong, MailRefused(wrong[1]))
        full = await self._reception.rates.take(accepted_by(trigger), email.max_per_minute)
        await self._check_rate(trigger, email, full)
        kept = await self._kept(mail)
        payload = _payload(mail, origin, kept, envelope_sender, own=address.lower())
        about: dict[str, Json] = {"files": told(kept)} if kept else {}
        delivery = self._delivery(mail, raw, Happening(about, payload, untrusted=True))
        return await self._started(trigger, delivery, kept)

    async def _check_size_and_rate(self, trigger: Addressed, email: Email, raw: bytes) -> None:
        await self._check_rate(trigger, email, self._reception.rates.closed(accepted_by(trigger)))
        if len(raw) > email.max_size:
            reason = f"it has {len(raw):,} bytes, more than {email.max_size:,}"
            await self._refuse(trigger, "too_large", reason, TooLarge(f"The mail is too large: {reason}."))

    async def _check_rate(self, trigger: Addressed, email: Email, wait: float) -> None:
        if wait > 0:
            reason = f"more than {email.max_per_minute} mails in a minute"
            await self._refuse(trigger, "rate", reason, TooMany(f"{reason} have come to this address.", ceil(wait)))

    def _relay(self, peer: str) -> str | None:
        """The name under which the server that brings the mail writes results, if it is believed."""
        try:
            came_from = ip_address(peer)
        except ValueError:
            return None
        return next((name for network, name in self._relays if came_from in network), None)

    async def _kept(self, mail: Mail) -> Sequence[InputFile]:
        """Raises Unavailable."""
        uploads = [Upload(one.name, one.media_type, BytesIO(one.content)) for one in mail.attachments]
        return await self._intake.keep(list(zip(places([one.name for one in uploads]), uploads, strict=True)))

    async def _started(self, trigger: Addressed, delivery: Delivery, kept: Sequence[InputFile]) -> Received:
        """Start the run with its files; they are forgotten again where none is started."""
        now, new = self._reception.clock(), False

        async def with_files(connection: Connection, run_id: UUID) -> None:
            await self._intake.hand_over(connection, run_id, kept, now)

        try:
            made = await self._reception.start(trigger, delivery, also=with_files)
            new = made.run_id is not None and not made.existing
        finally:
            if not new:
                await self._intake.forget(kept)
        run = ids.encode("run", started_run(made))
        return Received(made.outcome, run, None, made.reason, made.existing)

    def _delivery(self, mail: Mail, raw: bytes, happening: Happening) -> Delivery:
        name = mail.message_id
        if name is not None:
            return Delivery(f"mail:{_digest(name.encode())}", name[:_LONGEST_NAME], happening)
        return Delivery(f"body:{_digest(raw)}", None, happening, self._reception.clock() - _MEMORY)

    async def _refuse(self, trigger: Addressed, code: str, reason: str, error: ServiceError) -> NoReturn:
        await self._reception.count(trigger, "refused", code, reason)
        raise error


def _wrong(email: Email, mail: Mail, origin: Origin, envelope_sender: str) -> tuple[str, str] | None:
    """Why a mail is not taken, as a code and in words. An address in a mail proves nothing; a trusted server may."""
    if mail.automatic or not envelope_sender:
        return "automatic", "it is an automatic answer, and answers to answers never end"
    if not is_allowed(mail.sender, email.senders):
        return "sender", "its sender is not one of those that are allowed"
    if not origin.verified and not is_allowed(envelope_sender, email.senders):
        return "sender", "the sender in its envelope is not one of those that are allowed"
    if origin.refuted:
        return "origin", f"{origin.by} says that neither SPF nor DKIM holds for its sender"
    if email.authenticated and not origin.verified:
        return "origin", "no trusted mail server says that SPF or DKIM holds for its sender"
    if email.subject is not None and not fnmatchcase(mail.subject.lower(), email.subject.lower()):
        return "subject", "its subject is not one that is wanted"
    return None


def _payload(
    mail: Mail, origin: Origin, kept: Sequence[InputFile], envelope_sender: str, *, own: str
) -> dict[str, Json]:
    """What the run sees as `payload`. The trigger's own address is a secret and left out."""
    headers = {"date": mail.date, "message-id": mail.message_id, "reply-to": mail.reply_to, "from": mail.shown_sender}
    attachments: list[Json] = [
        {
            "name": clean(one.name),
            "path": file.path,
            "media_type": file.media_type,
            "size": file.size,
            "sha256": file.sha256,
            "inline": one.inline,
        }
        for one, file in zip(mail.attachments, kept, strict=True)
    ]
    return {
        "from": mail.sender,
        "envelope_from": clean(envelope_sender),
        "to": [one for one in mail.to if not one.lower().startswith(f"{own}@")],
        "cc": [one for one in mail.cc if not one.lower().startswith(f"{own}@")],
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "headers": {name: value for name, value in headers.items() if value is not None},
        "attachments": attachments,
        "auth": origin.as_json(),
    }


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:40]
