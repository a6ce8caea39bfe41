"""Webhooks: a call from outside, proved by its signature or token, starts its trigger's run. No caller is signed in."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Final, NoReturn
from uuid import uuid4

from errands.core import ids
from errands.core.definition.nodes import show_path
from errands.core.definition.triggers import Webhook, WebhookTrigger
from errands.core.json_schema import compile_schema
from errands.core.outcomes import StepFailed
from errands.core.payloads import PayloadUnreadable, read_payload
from errands.core.signatures import OWN_HEADERS, Verdict, is_token, verify
from errands.core.values import Json
from errands.engine.deliveries import Delivered
from errands.engine.happenings import Happening
from errands.services.attempts import place
from errands.services.errors import (
    Invalid,
    NotAccepted,
    PayloadInvalid,
    ServiceError,
    TooLarge,
    TooMany,
)
from errands.services.reception import MOST_FORGED, Delivery, Reception, accepted_by, started_run
from errands.services.trigger_views import Received
from errands.services.vault import Vault
from errands.store.deliveries import Addressed

_MEMORY: Final = timedelta(days=1)
"""A body without a name is remembered for so long, or for twice the trigger's tolerance."""
_DELIVERY_HEADERS: Final[Mapping[str, str]] = {"github": "x-github-delivery"}
_DELIVERY_FIELDS: Final[Mapping[str, str]] = {"stripe": "id", "slack": "event_id"}
_NAME: Final = re.compile(r"[!-~]{1,200}")
_SECRET_WORDS: Final = re.compile("token|secret|key|signature|auth|cookie|password|forwarded|real-ip")
_MOST_HEADERS, _LONGEST_HEADER = 40, 500
_WHY: Final[Mapping[Verdict, tuple[str, str]]] = {
    "missing": ("signature", "the header that proves the sender is missing"),
    "malformed": ("signature", "the header that proves the sender cannot be read"),
    "forged": ("signature", "the signature or token is not the right one"),
    "late": ("late", "the signed time stamp is too far from now"),
}

_ACCEPTED: Final = "accepted ones"

ReadBody = Callable[[int], Awaitable[bytes]]
"""Reads the body up to so many bytes. Raises TooLarge."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A call whose sender is known."""

    headers: Mapping[str, str]
    body: bytes
    payload: Json


class WebhookService:
    """Takes calls. Each is proved before anything of it is looked at."""

    def __init__(self, reception: Reception, vault: Vault, url: str) -> None:
        """`url` is where this server is reached, without a slash at the end."""
        self._reception = reception
        self._vault = vault
        self._url = url

    async def receive(self, address: str, headers: Mapping[str, str], read: ReadBody, *, sender: str) -> Received:
        """Start the run of the trigger behind an address.

        `headers` have names in lower case; `sender` is an IP address.
        Raises NotAccepted (no such address, wrong signature), and once the sender is known: Invalid, PayloadInvalid,
        TooLarge, TooMany, Conflict (the task is paused). Nothing is started then.
        """
        trigger = await self._reception.find(address, "webhook")
        if trigger is None:
            await read(Webhook().max_body)
            raise NotAccepted
        webhook = WebhookTrigger.model_validate_json(trigger.definition).webhook
        await self._check_rates(trigger, webhook, sender)
        body = await self._read(trigger, webhook, read)
        await self._prove(trigger, webhook, headers, body, sender)
        call = await self._understood(trigger, webhook, headers, body)
        greeting = _greeting(webhook, call)
        if greeting is not None:
            await self._reception.count(trigger, "answered", "greeting", greeting.reason or "")
            return greeting
        await self._check_payload(trigger, webhook, call.payload)
        await self._count_accepted(trigger, webhook)
        return self._told(await self._reception.start(trigger, self._delivery(webhook, call)))

    async def _check_rates(self, trigger: Addressed, webhook: Webhook, sender: str) -> None:
        """Before anything is read: whoever is over a limit costs little."""
        rates = self._reception.rates
        await self._refuse_if_full(trigger, rates.closed(accepted_by(trigger)), webhook.max_per_minute, _ACCEPTED)
        wait = await rates.wait(_forged(trigger, sender), MOST_FORGED)
        await self._refuse_if_full(trigger, wait, MOST_FORGED, "refused ones of one sender")

    async def _count_accepted(self, trigger: Addressed, webhook: Webhook) -> None:
        wait = await self._reception.rates.take(accepted_by(trigger), webhook.max_per_minute)
        await self._refuse_if_full(trigger, wait, webhook.max_per_minute, _ACCEPTED)

    async def _refuse_if_full(self, trigger: Addressed, wait: float, most: int, what: str) -> None:
        if wait > 0:
            error = TooMany("Too many deliveries have come to this address.", ceil(wait))
            await self._refuse(trigger, "rate", f"more than {most} {what} in a minute", error)

    async def _read(self, trigger: Addressed, webhook: Webhook, read: ReadBody) -> bytes:
        try:
            return await read(webhook.max_body)
        except TooLarge as error:
            await self._refuse(trigger, "too_large", f"its body has more than {webhook.max_body} bytes", error)

    async def _prove(
        self, trigger: Addressed, webhook: Webhook, headers: Mapping[str, str], body: bytes, sender: str
    ) -> None:
        """Raises NotAccepted where the sender is not known, Invalid where it is and comes too late."""
        verdicts: list[Verdict] = []
        if webhook.signature is not None:
            secret = await self._secret(trigger, webhook.signature.secret)
            verdicts.append(verify(webhook.signature, secret, headers, body, self._reception.clock()))
        if webhook.token is not None:
            verdicts.append(is_token(await self._secret(trigger, webhook.token), headers))
        wrong: Verdict = next((verdict for verdict in verdicts if verdict not in ("genuine", "late")), "genuine")
        if wrong != "genuine" or not verdicts:
            await self._reception.rates.take(_forged(trigger, sender), MOST_FORGED)
            await self._refuse(trigger, *_WHY.get(wrong, _WHY["missing"]), NotAccepted())
        if "late" in verdicts:
            hint = "Sign it again with the time of now; if it is, set the clocks of both sides."
            await self._refuse(trigger, *_WHY["late"], Invalid("The signed time stamp is too far from now.", hint))

    async def _secret(self, trigger: Addressed, reference: str) -> str:
        name = reference.removeprefix("secret:")
        try:
            found = await self._vault.reveal(str(trigger.project_id), [name], trigger.task)
        except StepFailed as failure:
            await self._refuse(trigger, "secret", failure.error.message, NotAccepted())
        if name not in found:
            await self._refuse(trigger, "secret", f"there is no secret {name}; nobody can be known", NotAccepted())
        return found[name]

    async def _understood(self, trigger: Addressed, webhook: Webhook, headers: Mapping[str, str], body: bytes) -> _Call:
        try:
            return _Call(headers, body, read_payload(headers.get("content-type", ""), body))
        except PayloadUnreadable as error:
            said = f"{str(error)[:1].upper()}{str(error)[1:]}."
            await self._refuse(trigger, "unreadable", str(error), Invalid(said, "Send JSON in UTF-8, or a form."))

    async def _check_payload(self, trigger: Addressed, webhook: Webhook, payload: Json) -> None:
        if webhook.payload is None:
            return
        misfits = compile_schema(webhook.payload).misfits(payload, subject="the payload")
        if misfits:
            problems = [(show_path(("payload", *one.path)), one.message, one.hint) for one in misfits]
            places = ", ".join(sorted({path for path, _, _ in problems})[:5])
            await self._refuse(trigger, "payload", f"it does not fit the schema at {places}", PayloadInvalid(problems))

    async def _refuse(self, trigger: Addressed, code: str, reason: str, error: ServiceError) -> NoReturn:
        """Count it, without anything of what it said, and refuse it."""
        await self._reception.count(trigger, "refused", code, reason)
        raise error

    def _delivery(self, webhook: Webhook, call: _Call) -> Delivery:
        name = _name(webhook, call)
        about: dict[str, Json] = {"headers": _kept(webhook, call.headers)}
        about |= {"delivery": name} if name is not None else {}
        happening = Happening(about, call.payload, untrusted=True)
        if name is not None and webhook.once_per == "delivery":
            return Delivery(f"delivery:{name}", name, happening)
        if webhook.signature is None and webhook.once_per == "delivery":
            return Delivery(f"call:{uuid4().hex}", None, happening)  # A token proves each call alike: none is a replay.
        tolerance = webhook.signature.tolerance if webhook.signature is not None else timedelta(0)
        since = self._reception.clock() - max(_MEMORY, 2 * tolerance)
        return Delivery(f"body:{_digest(webhook, call)}", name, happening, since)

    def _told(self, made: Delivered) -> Received:
        """Raises Conflict, Invalid where it started nothing."""
        run = ids.encode("run", started_run(made))
        return Received(made.outcome, run, f"{self._url}/api/v1/runs/{run}", made.reason, made.existing)


def _forged(trigger: Addressed, sender: str) -> str:
    """What is counted against those who cannot prove who they are."""
    return f"{accepted_by(trigger)}:forged:{place(sender)}"


def _name(webhook: Webhook, call: _Call) -> str | None:
    """What the sender calls the delivery."""
    style = webhook.signature.style if webhook.signature is not None else "generic"
    given: Json = None
    if webhook.delivery is not None:
        given = call.headers.get(webhook.delivery.lower())
    elif style in _DELIVERY_FIELDS:
        given = call.payload.get(_DELIVERY_FIELDS[style]) if isinstance(call.payload, Mapping) else None
    else:
        given = call.headers.get(_DELIVERY_HEADERS.get(style, "idempotency-key"))
    return given if isinstance(given, str) and _NAME.fullmatch(given) else None


def _digest(webhook: Webhook, call: _Call) -> str:
    """Of the body; and of the signed time stamp where the trigger names one and does not ask for the body alone."""
    stamp = webhook.signature.timestamp if webhook.signature is not None else None
    signed = call.headers.get(stamp.lower(), "") if stamp is not None and webhook.once_per == "delivery" else ""
    return hashlib.sha256(signed.encode() + b"." + call.body).hexdigest()[:40]


def _greeting(webhook: Webhook, call: _Call) -> Received | None:
    """What GitHub and Slack send to see whether somebody answers."""
    style = webhook.signature.style if webhook.signature is not None else None
    if style == "github" and call.headers.get("x-github-event") == "ping":
        return Received("answered", None, None, "GitHub's ping starts nothing")
    said = call.payload if style == "slack" and isinstance(call.payload, Mapping) else {}
    challenge = said.get("challenge")
    if said.get("type") == "url_verification" and isinstance(challenge, str):
        return Received("answered", None, None, "Slack's challenge starts nothing", challenge=challenge)
    return None


def _kept(webhook: Webhook, headers: Mapping[str, str]) -> dict[str, Json]:
    """Headers that say something of the call and prove nothing: a run may see them."""
    signature = webhook.signature
    proof = {*OWN_HEADERS.values(), (signature.header or "").lower() if signature is not None else ""}
    told = [
        (name, value)
        for name, value in headers.items()
        if (name.startswith("x-") or name in ("content-type", "user-agent"))
        and name not in proof
        and not _SECRET_WORDS.search(name)
        and "\0" not in value
    ]
    return {name: value[:_LONGEST_HEADER] for name, value in sorted(told)[:_MOST_HEADERS]}
