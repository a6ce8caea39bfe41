"""Threads of the chat: made, listed, searched, shared, read, deleted."""

import asyncio
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.access import Principal, ProjectResource, ThreadResource, Verb
from errands.core.outcomes import Usage
from errands.core.values import JsonObject
from errands.services.authority import Authority, utc_now
from errands.services.chat_views import MessageView, ThreadView
from errands.services.errors import Invalid, NotFound
from errands.services.lookup import find_project
from errands.services.principals import id_of
from errands.services.views import Page
from errands.store import library, messages, threads, unneeded
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database
from errands.store.messages import CardRow, Followed, MessageRow
from errands.store.threads import ThreadRow, Wanted

SILENT = timedelta(seconds=30)
"""An answer that nobody has written on for this long has lost its process."""
LOST = "The server that wrote this answer stopped. Ask again."
_LARGEST_PAGE = 200
_LONGEST_TITLE = 200
_CURSOR = re.compile(r"([0-9T:.+-]{10,40})~(thr_[0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class ThreadEdit:
    """What its owner changes. None: as it is."""

    title: str | None = None
    shared: bool | None = None
    agent: str | None = None
    """Empty: the assistant itself."""


class ThreadService:
    """What a caller may ask of threads. They are private until their owner shares them, and then others read them."""

    def __init__(self, database: Database, authority: Authority, artifacts: ArtifactStore, folders: Path) -> None:
        self._database = database
        self._authority = authority
        self._artifacts = artifacts
        self._folders = folders

    async def create(
        self, caller: Principal, project: str, *, title: str | None = None, agent: str | None = None
    ) -> ThreadView:
        """A new thread of the caller's. Raises Denied, NotFound (project, agent), Invalid."""
        await self._authority.authorise(caller, Verb.CHAT_USE, ProjectResource(project, "thread"))
        async with self._database.engine.begin() as connection:
            owner = await find_project(connection, project)
            await _check_agent(connection, owner.id, agent)
            made = await threads.make(connection, owner.id, caller.reference, _title(title), agent or None)
            resource = ThreadResource(project, ids.encode("thread", made), caller.reference)
            await self._authority.record(connection, caller, Verb.CHAT_USE, resource, {"act": "create"})
            return thread_view(await find_thread(connection, resource.name))

    async def list(
        self, caller: Principal, project: str, *, q: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[ThreadView]:
        """The caller's threads and those that are shared, the latest active first; `q`: words in title or messages.

        Raises Denied, NotFound, Invalid.
        """
        await self._authority.authorise(caller, Verb.CHAT_READ, ProjectResource(project, "thread"))
        if not 1 <= limit <= _LARGEST_PAGE:
            raise Invalid(f"{limit} threads cannot be on one page.", f"Ask for 1 to {_LARGEST_PAGE}.")
        if q is not None and "\0" in q:
            raise Invalid("No message holds the character NUL.", "Leave it out.")
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            wanted = Wanted(caller.reference, q or None, _place(cursor))
            found = await threads.every(connection, owner.id, wanted, limit + 1)
        shown = found[:limit]
        following = f"{shown[-1].active_at.isoformat()}~{ids.encode('thread', shown[-1].id)}" if shown else None
        return Page(tuple(thread_view(row) for row in shown), following if len(found) > limit else None)

    async def get(self, caller: Principal, thread: str) -> ThreadView:
        """One thread. Raises NotFound, Denied."""
        async with self._database.reader.connect() as connection:
            row = await find_thread(connection, thread)
        await self._authority.authorise(caller, Verb.CHAT_READ, resource_of(row))
        return thread_view(row)

    async def edit(self, caller: Principal, thread: str, change: ThreadEdit) -> ThreadView:
        """Give it a title, share it or take it back, let another agent answer. Raises NotFound, Denied, Invalid."""
        async with self._database.engine.begin() as connection:
            row = await find_thread(connection, thread, lock=True)
            await self._authority.authorise(caller, Verb.CHAT_USE, resource_of(row))
            agent = row.agent if change.agent is None else change.agent or None
            await _check_agent(connection, row.project_id, change.agent)
            title = row.title if change.title is None else _title(change.title)
            shared = row.shared if change.shared is None else change.shared
            await threads.edit(connection, row.id, title=title, agent=agent, shared=shared)
            if shared is not row.shared:
                detail: JsonObject = {"act": "share" if shared else "unshare"}
                await self._authority.record(connection, caller, Verb.CHAT_USE, resource_of(row), detail)
            return thread_view(await find_thread(connection, thread))

    async def delete(self, caller: Principal, thread: str) -> None:
        """Remove it with its messages and files; what was done from it stays. Raises NotFound, Denied."""
        async with self._database.engine.begin() as connection:
            row = await find_thread(connection, thread, lock=True)
            await self._authority.authorise(caller, Verb.CHAT_USE, resource_of(row))
            places = await threads.remove(connection, row.id)
            await unneeded.note_in(connection, places)
            await self._authority.record(connection, caller, Verb.CHAT_USE, resource_of(row), {"act": "delete"})
        if places:
            with suppress(OSError):  # The store is away: the keeper removes them once it is back.
                await self._artifacts.delete(places)
                await unneeded.gone(self._database.pool, places)
        folder = self._folders / ids.encode("thread", row.id)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def messages(
        self, caller: Principal, thread: str, *, cursor: str | None = None, limit: int = 100
    ) -> Page[MessageView]:
        """The newest messages, in the order in which they were said; the cursor leads to those before them.

        Raises NotFound, Denied, Invalid.
        """
        if not 1 <= limit <= _LARGEST_PAGE:
            raise Invalid(f"{limit} messages cannot be on one page.", f"Ask for 1 to {_LARGEST_PAGE}.")
        before = None if cursor is None else id_of("message", cursor)
        async with self._database.reader.connect() as connection:
            row = await find_thread(connection, thread)
            await self._authority.authorise(caller, Verb.CHAT_READ, resource_of(row))
            found = await messages.every(connection, row.id, before, limit + 1)
            known = {ids.encode("card", card.id): card for card in await messages.cards_of(connection, row.id)}
        shown = found[:limit]
        following = ids.encode("message", shown[-1].id) if len(found) > limit else None
        return Page(tuple(message_view(one, known) for one in reversed(shown)), following)


async def find_thread(connection: AsyncConnection, thread: str, *, lock: bool = False) -> ThreadRow:
    """The thread of this id. Raises NotFound."""
    found = await threads.find(connection, id_of("thread", thread), lock=lock)
    if found is None:
        raise NotFound("thread", thread)
    return found


def resource_of(row: ThreadRow) -> ThreadResource:
    """A thread as `permit` knows it."""
    return ThreadResource(row.project, ids.encode("thread", row.id), row.owner, row.shared)


def thread_view(row: ThreadRow) -> ThreadView:
    """A thread as it is shown."""
    return ThreadView(
        ids.encode("thread", row.id),
        row.project,
        row.owner,
        row.title,
        row.agent,
        row.shared,
        row.untrusted,
        usage_of(row),
        row.created_at,
        row.active_at,
    )


def message_view(row: MessageRow, known: dict[str, CardRow]) -> MessageView:
    """A message as it is shown, its cards as they are now; an answer that has lost its process has failed."""
    lost = row.status == "answering" and row.touched_at is not None and row.touched_at < utc_now() - SILENT
    return MessageView(
        ids.encode("message", row.id),
        row.role,
        "failed" if lost else row.status,
        tuple(_with_state(part, known, asks=row.status in ("asks", "answering")) for part in row.parts),
        row.model,
        LOST if lost else row.error,
        usage_of(row),
        row.created_at,
        row.finished_at,
    )


def usage_of(row: ThreadRow | MessageRow | Followed) -> Usage:
    """What was used."""
    return Usage(row.input_tokens, row.output_tokens, row.usd, row.requests, row.tool_calls)


def state_of(card: CardRow) -> JsonObject:
    """What a card's part says of it beside what it shows."""
    return {
        "id": ids.encode("card", card.id),
        "digest": card.digest,
        "state": card.state,
        "action": card.action,
        "by": card.actor,
        "result": card.result,
    }


def _with_state(part: JsonObject, known: dict[str, CardRow], *, asks: bool) -> JsonObject:
    """A card as it is now; a call that nobody waits for any more as refused."""
    if part.get("state") == "approval-requested" and not asks:
        approval = part.get("approval")
        named = approval.get("id") if isinstance(approval, dict) else None
        refused: JsonObject = {"id": named, "approved": False, "reason": "The conversation went on without it."}
        return {**part, "state": "output-denied", "approval": refused}
    card, data = known.get(str(part.get("id"))), part.get("data")
    if card is None or not isinstance(data, dict):
        return part
    return {**part, "data": {**data, "card": state_of(card)}}


async def _check_agent(connection: AsyncConnection, project_id: UUID, agent: str | None) -> None:
    if not agent:
        return
    if "\0" in agent or await library.find(connection, "agent", project_id, agent) is None:
        names: Sequence[str] = [one.name for one in await library.every(connection, "agent", project_id)]
        raise NotFound("agent", agent, hint=f"There are {', '.join(names)}." if names else "The project has none.")


def _title(title: str | None) -> str | None:
    wanted = " ".join((title or "").replace("\0", "").split())
    if len(wanted) > _LONGEST_TITLE:
        raise Invalid(f"A title of {len(wanted)} characters is too long.", f"Use up to {_LONGEST_TITLE}.")
    return wanted or None


def _place(cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    found = _CURSOR.fullmatch(cursor)
    try:
        if found is not None:
            return datetime.fromisoformat(found[1]), ids.decode("thread", found[2])
    except ValueError:
        pass
    raise Invalid(f"{cursor[:80]!r} is no cursor of a list of threads.", "Give back `next_cursor` as it came.")
