"""Files that people attach to threads: kept as they are, and turned into text for the model where that can be."""

import hashlib
import mimetypes
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from errands.core import ids
from errands.core.access import Principal, Verb
from errands.core.values import JsonObject
from errands.services.authority import Authority, utc_now
from errands.services.chat_views import AttachmentView
from errands.services.errors import Invalid, NotFound, Unavailable
from errands.services.principals import id_of
from errands.services.threads import find_thread, resource_of
from errands.store import threads, unneeded
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database
from errands.store.identifiers import new_id
from errands.store.threads import AttachmentRow

LARGEST = 10 * 2**20
"""Bytes of one file."""
_MOST = 50
_LARGEST_TOGETHER = 100 * 2**20
_LONGEST_NAME = 255
_LONGEST_WORDS = 200_000
IMAGES = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))

Read = Callable[[str, bytes], Awaitable[str]]
"""A document's text, by its name and bytes. Raises Invalid that says why there is none."""


@dataclass(frozen=True, slots=True)
class OpenAttachment:
    """A file and its content, a MiB at a time."""

    view: AttachmentView
    content: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Shown:
    """A file as a model is shown it: words, or an image."""

    view: AttachmentView
    words: str | None
    image: bytes | None


class AttachmentService:
    """What a caller may ask of attachments. Their content counts as coming from outside."""

    def __init__(self, database: Database, authority: Authority, artifacts: ArtifactStore, read: Read) -> None:
        self._database = database
        self._authority = authority
        self._artifacts = artifacts
        self._read = read

    async def attach(self, caller: Principal, thread: str, name: str, data: bytes) -> AttachmentView:
        """Keep a file. Raises NotFound, Denied, Invalid (name, size, number), Unavailable (the store is away)."""
        async with self._database.reader.connect() as connection:
            owner = await find_thread(connection, thread)
            await self._authority.authorise(caller, Verb.CHAT_USE, resource_of(owner))
            shown = _checked(name, data)
            count, size = await threads.attached(connection, owner.id)
        if count >= _MOST or size + len(data) > _LARGEST_TOGETHER:
            limit = f"{_MOST} files and {_LARGEST_TOGETHER // 2**20} MiB"
            raise Invalid(f"A thread holds up to {limit}.", "Begin a new thread.")
        media_type = mimetypes.guess_type(shown)[0] or "application/octet-stream"
        words, note = await self._words(shown, media_type, data)
        try:
            location = await self._artifacts.put(data)
        except OSError as error:
            place = self._artifacts.place
            raise Unavailable(f"{place} cannot be written to: {error}.", "Bring the artifact store back.") from error
        sha256 = hashlib.sha256(data).hexdigest()
        row = AttachmentRow(new_id(), owner.id, shown, media_type, len(data), sha256, location, words, note, utc_now())
        async with self._database.engine.begin() as connection:
            await threads.attach(connection, row)
            detail: JsonObject = {"act": "attach", "name": shown, "size": len(data)}
            await self._authority.record(connection, caller, Verb.CHAT_USE, resource_of(owner), detail)
        return _view(row)

    async def list(self, caller: Principal, thread: str) -> list[AttachmentView]:
        """A thread's files, oldest first. Raises NotFound, Denied."""
        async with self._database.reader.connect() as connection:
            owner = await find_thread(connection, thread)
            await self._authority.authorise(caller, Verb.CHAT_READ, resource_of(owner))
            return [_view(row) for row in await threads.files(connection, owner.id)]

    async def remove(self, caller: Principal, attachment: str) -> None:
        """Remove a file from its thread; messages that named it keep its name, and what a model was shown of it.

        Raises NotFound, Denied.
        """
        async with self._database.engine.begin() as connection:
            row = await threads.file(connection, id_of("attachment", attachment))
            if row is None:
                raise NotFound("attachment", attachment)
            owner = await find_thread(connection, ids.encode("thread", row.thread_id))
            await self._authority.authorise(caller, Verb.CHAT_USE, resource_of(owner))
            await threads.detach(connection, row.id)
            await unneeded.note_in(connection, [row.location])
            detail: JsonObject = {"act": "detach", "name": row.name}
            await self._authority.record(connection, caller, Verb.CHAT_USE, resource_of(owner), detail)
        with suppress(OSError):  # The store is away: the keeper removes it once it is back.
            await self._artifacts.delete([row.location])
            await unneeded.gone(self._database.pool, [row.location])

    async def open(self, caller: Principal, attachment: str) -> OpenAttachment:
        """A file by its id. Raises NotFound, Denied, Unavailable."""
        row = await self._find(caller, attachment)
        content = self._artifacts.chunks(row.location)
        try:
            first = await anext(content, b"")
        except OSError as error:
            place = self._artifacts.place
            raise Unavailable(f"{row.name} cannot be read from {place}.", "Bring the artifact store back.") from error
        return OpenAttachment(_view(row), _with_first(first, content))

    async def show(self, caller: Principal, attachment: str) -> Shown:
        """A file as a model is shown it. Raises NotFound, Denied, Unavailable."""
        row = await self._find(caller, attachment)
        image = await self._artifacts.get(row.location) if row.media_type in IMAGES else None
        return Shown(_view(row), row.words, image)

    async def _find(self, caller: Principal, attachment: str) -> AttachmentRow:
        async with self._database.reader.connect() as connection:
            row = await threads.file(connection, id_of("attachment", attachment))
            if row is None:
                raise NotFound("attachment", attachment)
            owner = await find_thread(connection, ids.encode("thread", row.thread_id))
        await self._authority.authorise(caller, Verb.CHAT_READ, resource_of(owner))
        return row

    async def _words(self, name: str, media_type: str, data: bytes) -> tuple[str | None, str | None]:
        """The file's text, and a note where it is not the whole."""
        if media_type in IMAGES:
            return None, None
        words = _plain(data)
        if words is None:
            try:
                words = await self._read(name, data)
            except Invalid as error:
                return None, f"{error.message} {error.hint or ''}".strip()
        cut = None if len(words) <= _LONGEST_WORDS else f"Only its first {_LONGEST_WORDS:,} characters are shown."
        return words[:_LONGEST_WORDS], cut


def _plain(data: bytes) -> str | None:
    """The text of a file that is nothing but text."""
    try:
        words = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in words else words


def _checked(name: str, data: bytes) -> str:
    """The name without folders. Raises Invalid."""
    shown = name.replace("\\", "/").rpartition("/")[2].strip()
    if not shown or len(shown) > _LONGEST_NAME or any(ord(letter) < 32 for letter in shown) or shown in (".", ".."):
        raise Invalid(f"{name[:80]!r} cannot be the name of a file.", f"Use up to {_LONGEST_NAME} characters.")
    if not data:
        raise Invalid(f"{shown} is empty.", "Attach a file with something in it.")
    if len(data) > LARGEST:
        limit = LARGEST // 2**20
        raise Invalid(f"{shown} has {len(data):,} bytes; a file may have {limit} MiB.", "Attach a part of it.")
    return shown


def _view(row: AttachmentRow) -> AttachmentView:
    return AttachmentView(
        ids.encode("attachment", row.id),
        ids.encode("thread", row.thread_id),
        row.name,
        row.media_type,
        row.size,
        row.sha256,
        row.words is not None or row.media_type in IMAGES,
        row.note,
        row.created_at,
    )


async def _with_first(first: bytes, following: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in following:
        yield chunk
