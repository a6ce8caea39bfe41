"""The audit log as a caller may see it: read, exported with a signature, verified."""

import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

from errands.core.access import Principal, ServerResource, Verb
from errands.core.audit_chain import Break, Entry, Head, follow, parse_head
from errands.core.values import Json, from_text, to_text
from errands.services.authority import Authority
from errands.services.errors import Invalid
from errands.services.keys import KeySource
from errands.services.lookup import number_of
from errands.services.people_views import AuditEntry, AuditVerdict
from errands.services.views import Page
from errands.store import audit
from errands.store.audit import Filter as Filter
from errands.store.audit import Outcome as Outcome
from errands.store.database import Database

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_LARGEST_PAGE = 500
_BATCH = 1_000
_SEAL_AT_ONCE = 500


class AuditService:
    """What a caller may ask of the audit log. Services write it with `Authority.record`."""

    def __init__(self, database: Database, authority: Authority, keys: KeySource) -> None:
        self._database = database
        self._authority = authority
        self._keys = keys

    async def list(
        self, caller: Principal, wanted: Filter | None = None, *, cursor: str | None = None, limit: int = 100
    ) -> Page[AuditEntry]:
        """Entries, newest first. Raises Denied, Invalid."""
        wanted = wanted or Filter()
        await self._authority.authorise(caller, Verb.AUDIT_READ, _LOG)
        _check(wanted)
        if not 1 <= limit <= _LARGEST_PAGE:
            raise Invalid(f"{limit} entries cannot be on one page.", f"Ask for 1 to {_LARGEST_PAGE}.")
        before = None if cursor is None else number_of(cursor)
        async with self._database.reader.connect() as connection:
            found = await audit.newest(connection, wanted, before, limit + 1)
        items = tuple(_view(entry) for entry in found[:limit])
        return Page(items, str(items[-1].seq) if len(found) > limit else None)

    async def export(self, caller: Principal, wanted: Filter | None = None) -> AsyncIterator[str]:
        """Lines of JSON: a heading, each entry as it is kept, and a signature of all lines above.

        The heading names the chain's head, so that two exports tell whether the past has changed between them.
        Raises Denied, Invalid.
        """
        wanted = wanted or Filter()
        await self._authority.authorise(caller, Verb.AUDIT_EXPORT, _LOG)
        _check(wanted)
        key = signing_key(self._keys)
        async with self._database.engine.begin() as connection:
            await self._authority.record(connection, caller, Verb.AUDIT_EXPORT, _LOG, _told(wanted))
        await seal_all(self._database)
        head = await audit.head(self._database.pool)
        digest, after = hashlib.sha256(), 0
        heading = to_text({"audit_export": 1, "head": head.text, "filter": _told(wanted), "key": public_text(key)})
        digest.update(f"{heading}\n".encode())
        yield heading
        while True:
            async with self._database.reader.connect() as connection:
                batch = await audit.from_oldest(connection, wanted, after, _BATCH)
            for entry in batch:
                line = _line(entry)
                digest.update(f"{line}\n".encode())
                yield line
            if len(batch) < _BATCH:
                break
            after = batch[-1].seq
        yield to_text({"signature": base64.b64encode(key.sign(digest.digest())).decode()})

    async def verify(self, caller: Principal, *, expected_head: str | None = None) -> AuditVerdict:
        """Follow the chain from its beginning and name the first entry that does not fit.

        With the head that an earlier check or an export has told, a log that was cut or made anew is found out too.
        Raises Denied, Invalid (no head).
        """
        await self._authority.authorise(caller, Verb.AUDIT_VERIFY, _LOG)
        try:
            expected = None if expected_head is None else parse_head(expected_head)
        except ValueError as error:
            raise Invalid(f"{error}.") from None
        await seal_all(self._database)
        verdict = await self._follow()
        if verdict.intact and expected is not None and expected.position > 0:
            found = await audit.hash_at(self._database.pool, expected.position)
            if found != expected.hash:
                said = "the log is shorter than it was" if found is None else "the log was made anew"
                verdict = replace(verdict, intact=False, reason=f"{said}: place {expected.position} has another hash")
        async with self._database.engine.begin() as connection:
            detail: dict[str, Json] = {"intact": verdict.intact, "head": verdict.head, "reason": verdict.reason}
            await self._authority.record(connection, caller, Verb.AUDIT_VERIFY, _LOG, detail)
        return verdict

    async def _follow(self) -> AuditVerdict:
        head = Head()
        async for links in audit.links(self._database.pool):
            came = follow(head, links)
            if isinstance(came, Break):
                return AuditVerdict(False, came.position - 1, head.text, came.seq, came.reason)
            head = came
        loose = await audit.first_never_sealed(self._database.pool)
        if loose is not None:
            reason = f"entry {loose} is in no place of the chain"
            return AuditVerdict(False, head.position, head.text, loose, reason)
        return AuditVerdict(True, head.position, head.text)


_LOG = ServerResource("audit")


async def seal_all(database: Database) -> int:
    """Chain every entry that waits for its place; gives how many. Another process may be at it; then less or none."""
    count = 0
    while True:
        async with database.pool.acquire() as connection, connection.transaction():
            sealed = await audit.seal_next(connection, _SEAL_AT_ONCE)
        count += sealed
        if sealed < _SEAL_AT_ONCE:
            return count


def signing_key(keys: KeySource) -> "Ed25519PrivateKey":
    """The key that signs exports: follows from the first secret key, so a rotation changes it. Raises Unavailable."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    material = keys.load()[0].material
    derived = HKDF(SHA256(), length=32, salt=None, info=b"errands audit export").derive(material)
    return Ed25519PrivateKey.from_private_bytes(derived)


def public_text(key: "Ed25519PrivateKey") -> str:
    """The public half, in base64, with which anybody checks a signature."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def _check(wanted: Filter) -> None:
    if any(moment is not None and moment.tzinfo is None for moment in (wanted.since, wanted.until)):
        raise Invalid("A moment without an offset is ambiguous.", "Give one such as 2026-03-01T08:00:00+01:00.")
    texts = (wanted.actor, wanted.verb, wanted.noun, wanted.name, wanted.project)
    if any("\0" in text for text in texts if text is not None):
        raise Invalid("No entry holds the character NUL.", "Leave it out.")


def _told(wanted: Filter) -> dict[str, Json]:
    asked = {
        "actor": wanted.actor,
        "verb": wanted.verb,
        "noun": wanted.noun,
        "name": wanted.name,
        "project": wanted.project,
        "outcome": wanted.outcome,
        "since": None if wanted.since is None else wanted.since.isoformat(),
        "until": None if wanted.until is None else wanted.until.isoformat(),
    }
    return {key: value for key, value in asked.items() if value is not None}


def _line(entry: Entry) -> str:
    return to_text(
        {
            "seq": entry.seq,
            "at": entry.at.isoformat(),
            "actor": entry.actor,
            "actor_kind": entry.actor_kind,
            "actor_id": entry.actor_id,
            "verb": entry.verb,
            "noun": entry.noun,
            "name": entry.name,
            "project": entry.project,
            "outcome": entry.outcome,
            "detail": from_text(entry.detail),
        }
    )


def _view(entry: Entry) -> AuditEntry:
    return AuditEntry(
        entry.seq,
        entry.at,
        entry.actor,
        entry.actor_kind,
        entry.actor_id,
        entry.verb,
        entry.noun,
        entry.name,
        entry.project,
        entry.outcome,
        from_text(entry.detail),
    )
