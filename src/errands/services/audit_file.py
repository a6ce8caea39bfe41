"""An exported audit log, checked where there is no server: by anybody who has the file and knows the key."""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from errands.core.values import Json, from_text
from errands.services.errors import Invalid


@dataclass(frozen=True, slots=True)
class ExportVerdict:
    """Whether an exported log is as it was signed."""

    intact: bool
    entries: int
    head: str
    """Of the chain when it was exported, `POSITION:HASH`; a check of the server can be told to expect it."""
    key: str
    """Public half of the key that signed it, in base64. Compare it with the one that the server's export tells."""
    reason: str | None = None
    """What is wrong."""


def verify_export(lines: Iterable[str], *, key: str | None = None) -> ExportVerdict:
    """Check the signature over all lines. With `key` (base64) it must be of that key, not of any.

    Raises Invalid for what is no export.
    """
    digest, before, count = hashlib.sha256(), "", -1
    heading: Mapping[str, Json] = {}
    for line in lines:
        if count == 0:
            heading = _object(before)
        if count >= 0:
            digest.update(f"{before}\n".encode())
        before, count = line.rstrip("\r\n"), count + 1
    signature = _object(before).get("signature") if count > 0 else None
    named, head = heading.get("key"), heading.get("head")
    if heading.get("audit_export") != 1 or not isinstance(named, str) or not isinstance(head, str):
        raise Invalid("This is no exported audit log.", "Name a file that `errands audit export` made.")
    entries = count - 1
    if not isinstance(signature, str):
        return ExportVerdict(False, entries, head, named, "it ends without a signature: the end is missing")
    if key is not None and key.strip() != named:
        return ExportVerdict(False, entries, head, named, "it was signed with another key")
    if not _signed(named, signature, digest.digest()):
        return ExportVerdict(
            False, entries, head, named, "the signature does not fit: a line was changed, or is missing"
        )
    return ExportVerdict(True, entries, head, named)


def _object(line: str) -> Mapping[str, Json]:
    try:
        value = from_text(line)
    except ValueError:
        return {}
    return value if isinstance(value, Mapping) else {}


def _signed(key: str, signature: str, digest: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        public.verify(base64.b64decode(signature, validate=True), digest)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
