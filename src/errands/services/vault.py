"""Secrets, encrypted at rest with AES-256-GCM.

The row's id, its project and its name are authenticated with the bytes, so a ciphertext that was moved to another
row, or a row that was renamed, does not decrypt. Values appear in no repr and no error.
"""

import secrets as randomness
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.outcomes import ErrorKind, StepFailed
from errands.services.errors import Unavailable
from errands.services.keys import Key, KeySource
from errands.store import secrets as rows
from errands.store.database import Database
from errands.store.identifiers import new_id

_NONCE_BYTES = 12
_NO_PROJECT = bytes(16)
_NOTE_USE_EVERY = timedelta(minutes=1)
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Readable:
    """Whether the stored secrets can be read; not which."""

    secrets: int
    locked: int
    """Those that need a key which is not at hand."""
    missing_keys: tuple[str, ...]
    """Names of those keys."""
    changed: int
    """Those that do not decrypt with their key: changed outside Errands."""


class Vault:
    """Seals and reveals secrets. The engine's `core.ports.Vault`."""

    def __init__(self, database: Database, source: KeySource) -> None:
        self._database = database
        self._source = source
        self._keys: Mapping[str, Key] | None = None
        self._noted: dict[UUID, float] = {}

    async def reveal(self, project_id: str | None, names: Sequence[str], task: str | None = None) -> Mapping[str, str]:
        """Values of the named secrets that exist and that the task may use; None: what every task may use.

        Without a project, of the installation's own.

        Raises StepFailed (secret) for one that cannot be decrypted.
        """
        if not names:
            return {}
        async with self._database.engine.begin() as connection:
            return await self.read(connection, None if project_id is None else UUID(project_id), names, task)

    async def read(
        self, connection: AsyncConnection, project_id: UUID | None, names: Sequence[str], task: str | None = None
    ) -> Mapping[str, str]:
        """The same in the caller's transaction. Raises StepFailed (secret)."""
        found = await rows.find(connection, project_id, names, task)
        try:
            values = {row.name: self._open(project_id, row) for row in found}
        except (Unavailable, _Unreadable) as error:
            raise StepFailed(ErrorKind.SECRET, str(error), hint=error.hint) from None
        await self._note_use(connection, [row.id for row in found])
        return values

    async def put(self, connection: AsyncConnection, project_id: UUID | None, name: str, value: str) -> None:
        """Seal a value under this name, in the caller's transaction. Raises Unavailable where there is no key."""
        row_id, key = new_id(), self._first_key()
        await rows.put(connection, project_id, name, row_id, _seal(key, project_id, row_id, name, value), key.id)

    async def forget(self, connection: AsyncConnection, project_id: UUID | None, names: Sequence[str]) -> None:
        """Delete those of the named secrets that exist, in the caller's transaction."""
        for name in names:
            await rows.remove(connection, project_id, name)

    async def rotate(self) -> int:
        """Encrypt everything with the newest key, row by row, while workers go on; gives how many were changed.

        Raises Unavailable for a secret that no key at hand decrypts, or a missing key.
        """
        self._keys = {key.id: key for key in self._source.renew()}
        newest, after, changed = self._first_key(), None, 0
        while True:
            async with self._database.engine.begin() as connection:
                row = await rows.next_of_other_key(connection, newest.id, after)
                if row is None:
                    return changed
                try:
                    value = self._open(row.project_id, row)
                except _Unreadable as error:
                    raise Unavailable(str(error), error.hint) from None
                sealed = _seal(newest, row.project_id, row.id, row.name, value)
                await rows.recrypt(connection, row.id, sealed, newest.id)
            after, changed = row.id, changed + 1

    def check_key(self) -> None:
        """Raises Unavailable where the key is missing, malformed, or open to others."""
        self._source.load()

    async def readable(self) -> Readable:
        """Try every stored secret with the keys at hand. Raises Unavailable where there is no usable key."""
        self._ring(again=True)
        count, missing, changed, after = 0, Counter[str](), 0, None
        while True:
            async with self._database.reader.connect() as connection:
                found = await rows.page(connection, after, _PAGE)
            for row in found:
                if row.key_id not in self._ring():
                    missing[row.key_id] += 1
                elif not self._opens(row):
                    changed += 1
            count += len(found)
            if len(found) < _PAGE:
                return Readable(count, missing.total(), tuple(sorted(missing)), changed)
            after = found[-1].id

    def _opens(self, row: rows.SecretRow) -> bool:
        try:
            self._open(row.project_id, row)
        except _Unreadable:
            return False
        return True

    def _first_key(self) -> Key:
        return next(iter(self._ring().values()))

    def _ring(self, *, again: bool = False) -> Mapping[str, Key]:
        if self._keys is None or again:
            self._keys = {key.id: key for key in self._source.load()}
        return self._keys

    def _open(self, project_id: UUID | None, row: rows.SecretRow) -> str:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        # Another process may have rotated the key file since ours was read.
        key = self._ring().get(row.key_id) or self._ring(again=True).get(row.key_id)
        if key is None:
            raise _Unreadable(
                f"The secret {row.name} is encrypted with the key {row.key_id}, which is not at hand.",
                f"Give ERRANDS_SECRET_KEY that key as well, or set the secret again: errands secrets set {row.name}",
            )
        nonce, sealed = row.ciphertext[:_NONCE_BYTES], row.ciphertext[_NONCE_BYTES:]
        try:
            plain = AESGCM(key.material).decrypt(nonce, sealed, _bound_to(project_id, row.id, row.name))
        except InvalidTag:
            raise _Unreadable(
                f"The secret {row.name} does not decrypt: its row was changed outside Errands.",
                f"Find out who changed it, then set it again: errands secrets set {row.name}",
            ) from None
        return plain.decode()

    async def _note_use(self, connection: AsyncConnection, ids: Sequence[UUID]) -> None:
        now = time.monotonic()
        due = [row_id for row_id in ids if now - self._noted.get(row_id, -1e9) > _NOTE_USE_EVERY.total_seconds()]
        if due:
            await rows.touch(connection, due, _NOTE_USE_EVERY)
            self._noted.update(dict.fromkeys(due, now))


class _Unreadable(Exception):
    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def _seal(key: Key, project_id: UUID | None, row_id: UUID, name: str, value: str) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = randomness.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key.material).encrypt(nonce, value.encode(), _bound_to(project_id, row_id, name))


def _bound_to(project_id: UUID | None, row_id: UUID, name: str) -> bytes:
    return row_id.bytes + (_NO_PROJECT if project_id is None else project_id.bytes) + name.encode()
