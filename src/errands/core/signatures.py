"""Is a webhook's call from whoever holds the shared secret? HMAC-SHA256 in four layouts.

Layouts: GitHub (docs.github.com, "Validating webhook deliveries"), Stripe (docs.stripe.com/webhooks/signature), Slack
(docs.slack.dev, "Verifying requests from Slack"), and a generic one whose parts the trigger names.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, assert_never

from errands.core.definition.triggers import Signature

Verdict = Literal["genuine", "missing", "malformed", "forged", "late"]
"""`late`: signed by the right key, but its time stamp is too far from now. Only then is the sender known."""

OWN_HEADERS: Final[Mapping[str, str]] = {
    "github": "x-hub-signature-256",
    "stripe": "stripe-signature",
    "slack": "x-slack-signature",
    "generic": "x-signature",
}
"""The header of each style, in lower case."""
_SLACK_TIME: Final = "x-slack-request-timestamp"
_HEX: Final = re.compile(r"[0-9a-fA-F]{64}")
_STAMP: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_LONGEST: Final = 4_096
_MOST_PARTS: Final = 50


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a header claims: these digests over this content, at this moment (seconds since 1970)."""

    digests: Sequence[bytes]
    content: bytes
    stamp: int | None = None


def verify(wanted: Signature, secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Verdict:
    """Whether the headers (names in lower case) sign the body. Never raises, whatever they hold."""
    header = headers.get((wanted.header or OWN_HEADERS[wanted.style]).lower())
    if header is None:
        return "missing"
    claim = _claim(wanted, header, headers, body) if len(header) <= _LONGEST else None
    if claim is None:
        return "malformed"
    expected = hmac.new(secret.encode(), claim.content, hashlib.sha256).digest()
    # All are compared, each in constant time: how long it takes tells nothing of which one was near.
    if not sum(hmac.compare_digest(expected, digest) for digest in claim.digests):
        return "forged"
    if claim.stamp is not None and abs(now.timestamp() - claim.stamp) > wanted.tolerance.total_seconds():
        return "late"
    return "genuine"


def is_token(secret: str, headers: Mapping[str, str]) -> Verdict:
    """Whether `Authorization: Bearer` shows the secret."""
    scheme, _, shown = headers.get("authorization", "").partition(" ")
    if not scheme:
        return "missing"
    if scheme.lower() != "bearer":
        return "malformed"
    # Digests have one length, so that the comparison does not tell the secret's.
    same = hmac.compare_digest(_digest(shown.strip()), _digest(secret))
    return "genuine" if same else "forged"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _claim(wanted: Signature, header: str, headers: Mapping[str, str], body: bytes) -> _Claim | None:
    match wanted.style:
        case "github":
            return _simple(header, "sha256=", "hex", body)
        case "stripe":
            return _of_stripe(header, body)
        case "slack":
            stamp = _stamp(headers.get(_SLACK_TIME))
            claim = _simple(header, "v0=", "hex", body)
            return None if claim is None or stamp is None else _Claim(claim.digests, b"v0:%d:%b" % (stamp, body), stamp)
        case "generic":
            return _of_generic(wanted, header, headers, body)
        case _:
            assert_never(wanted.style)


def _simple(header: str, prefix: str, encoding: Literal["hex", "base64"], body: bytes) -> _Claim | None:
    digest = _decoded(header[len(prefix) :], encoding) if header.startswith(prefix) else None
    return None if digest is None else _Claim([digest], body)


def _of_stripe(header: str, body: bytes) -> _Claim | None:
    """`t=1492774577,v1=5257a8...,v0=...`: several `v1` while a secret is being replaced."""
    parts = [part.strip().partition("=") for part in header.split(",")[:_MOST_PARTS]]
    stamps = [_stamp(value) for name, _, value in parts if name == "t"]
    digests = [digest for name, _, value in parts if name == "v1" and (digest := _decoded(value, "hex"))]
    if len(stamps) != 1 or stamps[0] is None or not digests:
        return None
    return _Claim(digests, b"%d.%b" % (stamps[0], body), stamps[0])


def _of_generic(wanted: Signature, header: str, headers: Mapping[str, str], body: bytes) -> _Claim | None:
    claim = _simple(header.strip(), wanted.prefix, wanted.encoding, body)
    if claim is None or wanted.timestamp is None:
        return claim
    stamp = _stamp(headers.get(wanted.timestamp.lower()))
    return None if stamp is None else _Claim(claim.digests, b"%d.%b" % (stamp, body), stamp)


def _stamp(text: str | None) -> int | None:
    return int(text) if text is not None and _STAMP.fullmatch(text) and str(int(text)) == text else None


def _decoded(text: str, encoding: Literal["hex", "base64"]) -> bytes | None:
    if encoding == "hex":
        return bytes.fromhex(text) if _HEX.fullmatch(text) else None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
