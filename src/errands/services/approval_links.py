"""Signed links to one question: whoever holds one may answer it, as the person it names, until it expires."""

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from errands.core import ids
from errands.core.access import Principal
from errands.core.values import JsonObject
from errands.services.approvals import ApprovalService
from errands.services.authority import Clock, utc_now
from errands.services.errors import NotFound, Unauthenticated
from errands.services.keys import Key, KeySource
from errands.services.principals import person_of
from errands.services.views import ApprovalAnswered, ApprovalView, DraftView
from errands.store import callers
from errands.store.database import Database

_LASTS = timedelta(days=14)
_VERSION = b"\x01"
_MAC_BYTES = 32
_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class LinkOpened:
    """What a link leads to."""

    approval: ApprovalView
    person: str | None
    """In whose name it is answered. None: the link names nobody, and nobody is signed in."""
    draft: DraftView | None


@dataclass(frozen=True, slots=True)
class _Meant:
    """What a link says."""

    approval: UUID
    person: UUID
    expires_at: datetime


class LinkExpired(Unauthenticated):
    """The link was good once."""


class ApprovalLinks:
    """Makes links and lets in those who come by one. A link of a channel names nobody: one must be signed in too."""

    def __init__(
        self, database: Database, approvals: ApprovalService, keys: KeySource, base_url: str, clock: Clock = utc_now
    ) -> None:
        """`base_url`: where people reach this server, such as `https://errands.example.com`."""
        self._database = database
        self._approvals = approvals
        self._keys = keys
        self._base_url = base_url.rstrip("/")
        self._clock = clock

    def address(self, approval_id: UUID, user_id: UUID | None, due_at: datetime | None) -> str:
        """The whole address of a link. It ends with the question's deadline, or after two weeks."""
        expires_at = self._clock() + _LASTS if due_at is None else due_at
        meant = _Meant(approval_id, user_id or _NOBODY, expires_at)
        return f"{self._base_url}/a/{_sealed(meant, self._keys.load()[0])}"

    async def open(self, token: str, signed_in: Principal | None) -> LinkOpened:
        """What to show. Changes nothing. Raises NotFound (no link of ours), LinkExpired, Unauthenticated, Denied."""
        meant = self._read(token)
        caller = await self._caller(meant, signed_in)
        named = ids.encode("approval", meant.approval)
        if caller is None:
            return LinkOpened(await self._approvals.behind_link(meant.approval), None, None)
        view = await self._approvals.get(caller, named)
        try:
            draft = await self._approvals.draft(caller, named)
        except NotFound:
            draft = None
        return LinkOpened(view, caller.reference, draft)

    async def answer(
        self, token: str, signed_in: Principal | None, *, choice: str, form: JsonObject, note: str | None
    ) -> ApprovalAnswered:
        """Answer as the person whom the link names, or who is signed in.

        Raises what `ApprovalService.answer` and `open` raise.
        """
        meant, caller = await self._let_in(token, signed_in)
        return await self._approvals.answer(
            caller, ids.encode("approval", meant.approval), choice=choice, form=form, note=note, way="link"
        )

    async def save_draft(
        self, token: str, signed_in: Principal | None, *, choice: str | None, form: JsonObject, note: str | None
    ) -> DraftView:
        """Keep what is filled in so far. Raises what `ApprovalService.save_draft` and `open` raise."""
        meant, caller = await self._let_in(token, signed_in)
        named = ids.encode("approval", meant.approval)
        return await self._approvals.save_draft(caller, named, choice=choice, form=form, note=note)

    async def _let_in(self, token: str, signed_in: Principal | None) -> tuple[_Meant, Principal]:
        meant = self._read(token)
        caller = await self._caller(meant, signed_in)
        if caller is None:
            raise Unauthenticated("This link names nobody.", "Sign in first, or use the link that was sent to you.")
        return meant, caller

    async def _caller(self, meant: _Meant, signed_in: Principal | None) -> Principal | None:
        """The person with today's rights; what was taken away since the link was made counts."""
        if meant.person == _NOBODY:
            return signed_in
        row = await callers.by_id(self._database.pool, meant.person)
        if row is None or row.disabled_at is not None:
            raise Unauthenticated("The account that this link was made for is gone or disabled.", "Sign in instead.")
        return person_of(row)

    def _read(self, token: str) -> _Meant:
        """Raises NotFound, LinkExpired."""
        meant = _opened(token, self._keys)
        if meant is None:
            hint = "Use the whole address as it was sent, or answer in the inbox."
            raise NotFound("question behind this link", "", hint=hint)
        if meant.expires_at <= self._clock():
            raise LinkExpired(
                f"This link has expired at {meant.expires_at:%Y-%m-%d %H:%M} UTC.", "Answer in the inbox instead."
            )
        return meant


def _sealed(meant: _Meant, key: Key) -> str:
    said = _VERSION + meant.approval.bytes + meant.person.bytes + int(meant.expires_at.timestamp()).to_bytes(8)
    return base64.urlsafe_b64encode(said + _mac(key, said)).decode().rstrip("=")


def _opened(token: str, keys: KeySource) -> _Meant | None:
    """What a token says; None for one that none of our keys has signed."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    said, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if len(said) != 41 or not said.startswith(_VERSION):
        return None
    if not any(hmac.compare_digest(_mac(key, said), mac) for key in keys.load()):
        return None
    expires_at = datetime.fromtimestamp(int.from_bytes(said[33:]), UTC)
    return _Meant(UUID(bytes=said[1:17]), UUID(bytes=said[17:33]), expires_at)


def _mac(key: Key, said: bytes) -> bytes:
    """A key of its own for this one purpose, so that no other signature of the server can pass for a link."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(SHA256(), length=32, salt=None, info=b"errands approval link").derive(key.material)
    return hmac.digest(derived, said, "sha256")
