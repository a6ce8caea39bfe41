"""Answers in threads, while they are written: begun, kept as they grow, ended. One at a time in a thread."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.access import Principal, ProjectResource, Verb
from errands.core.outcomes import Usage
from errands.core.values import JsonObject, digest
from errands.services.authority import Authority, utc_now
from errands.services.chat_views import AnswerBegun, AnswerRead, AnswerSoFar, AnswerWish, CardView, PastTurn
from errands.services.errors import Conflict, Invalid, NotFound
from errands.services.principals import id_of
from errands.services.threads import LOST, SILENT, find_thread, resource_of, thread_view, usage_of
from errands.store import messages, threads
from errands.store.database import Database
from errands.store.identifiers import new_id
from errands.store.messages import CardRow, Followed, MessageRow, Written
from errands.store.threads import ThreadRow

_LONGEST_TITLE = 60
_MOST_TURNS = 200
_FOLLOWED = timedelta(seconds=3)
"""For how long somebody follows who has not said so again."""


class AnswerService:
    """What whoever writes an answer asks for, in the name of the person who talks."""

    def __init__(self, database: Database, authority: Authority) -> None:
        self._database = database
        self._authority = authority

    async def begin(
        self, caller: Principal, thread: str, parts: Sequence[JsonObject], words: str, *, replaces: str | None = None
    ) -> AnswerBegun:
        """Keep what the person says, and open an answer to it. `replaces`: an earlier message that it is instead of;
        all that followed that is put aside.

        Raises NotFound, Denied, Conflict (an answer is being written), Invalid (not the person's message).
        """
        async with self._database.engine.begin() as connection:
            row = await self._turn_of(connection, caller, thread)
            if replaces is not None:
                earlier = await _message(connection, row, replaces)
                if earlier.role != "user":
                    raise Invalid(f"{replaces} is an answer; it cannot be edited.", "Edit the message before it.")
                await messages.replace_from(connection, row.id, earlier.id)
            asked = await messages.add(connection, row.id, "user", "done", parts, words)
            await threads.entitle(connection, row.id, _title_from(words))
            return await _open(connection, row, asked, tuple(parts))

    async def begin_again(self, caller: Principal, thread: str, message: str | None = None) -> AnswerBegun:
        """Open another answer in place of one (None: the last), and put aside what followed.

        Raises NotFound, Denied, Conflict, Invalid (there is nothing to answer).
        """
        async with self._database.engine.begin() as connection:
            row = await self._turn_of(connection, caller, thread)
            wanted = None if message is None else await _message(connection, row, message)
            recent = await messages.every(connection, row.id, limit=1 if wanted is None else 1000)
            if wanted is None or wanted.role == "user":
                later = [one for one in recent if one.role == "assistant" and (wanted is None or one.id > wanted.id)]
                wanted = later[-1] if later else wanted
            if wanted is not None and wanted.role == "assistant":
                await messages.replace_from(connection, row.id, wanted.id)
            last = await messages.every(connection, row.id, limit=1)
            if not last or last[0].role != "user":
                raise Invalid("There is nothing to answer again.", "Say something first.")
            return await _open(connection, row, last[0].id, tuple(last[0].parts))

    async def go_on(
        self,
        caller: Principal,
        thread: str,
        message: str,
        clicked: Mapping[str, str],
        refused: Collection[str] = (),
    ) -> AnswerBegun:
        """Take up an answer that asked for clicks. `clicked`: by the id of a call, that of the approval that it asked
        for, which names the call's arguments too. `refused`: the calls that the person does not want. The audit log
        keeps each click.

        Raises NotFound, Denied, Conflict (it does not ask for these), Invalid (it asks for more than these).
        """
        async with self._database.engine.begin() as connection:
            row = await self._turn_of(connection, caller, thread, settle=False)
            found = await _message(connection, row, message)
            _check_clicks(found, clicked)
            if not await messages.take_up(connection, found.id):
                raise Conflict(f"{message} does not ask for anything (any more).", "Read the thread again.")
            for call, approval in clicked.items():
                act = "refuse call" if call in refused else "allow call"
                detail: JsonObject = {"act": act, "tool": _tool_of(found, call), "approval": approval}
                await self._authority.record(connection, caller, Verb.CHAT_USE, resource_of(row), detail)
            return AnswerBegun(
                thread_view(row), str(row.project_id), message, None, tuple(found.parts), usage_of(found)
            )

    async def write(
        self, caller: Principal, thread: str, message: str, so_far: AnswerSoFar, spent: Usage
    ) -> AnswerWish:
        """Keep how far the answer is; `spent`: what it used since it was taken up, once it has ended.

        Gives what others want of it. Raises NotFound, Denied.
        """
        async with self._database.engine.begin() as connection:
            row = await find_thread(connection, thread)
            await self._authority.authorise(caller, Verb.CHAT_USE, resource_of(row))
            wish = await messages.write(connection, id_of("message", message), _written(so_far))
            if so_far.status != "answering":
                await threads.spend(connection, row.id, spent)
        followed = wish.followed_at is not None and wish.followed_at > utc_now() - _FOLLOWED
        return AnswerWish(wish.stop, followed)

    async def being_written(self, caller: Principal, thread: str) -> AnswerRead | None:
        """The answer that some process writes in a thread, as far as it is kept. Raises NotFound, Denied."""
        async with self._database.reader.connect() as connection:
            row = await find_thread(connection, thread)
            await self._authority.authorise(caller, Verb.CHAT_READ, resource_of(row))
            found = await messages.answering(connection, row.id)
            if found is None or (found.touched_at is not None and found.touched_at < utc_now() - SILENT):
                return None
            asked = await messages.asked_before(connection, row.id, found.id)
        return _read(ids.encode("message", found.id), found, None if asked is None else ids.encode("message", asked))

    async def written_since(self, caller: Principal, thread: str, message: str, moment: datetime) -> AnswerRead | None:
        """The answer, where its process has kept more of it since `moment` or it has ended; else None.

        Raises NotFound, Denied.
        """
        async with self._database.reader.connect() as connection:
            row = await find_thread(connection, thread)
            await self._authority.authorise(caller, Verb.CHAT_READ, resource_of(row))
            silent = utc_now() - SILENT
            found = await messages.changed_since(connection, row.id, id_of("message", message), moment, silent)
        return None if found is None else _read(message, found)

    async def follow(self, caller: Principal, thread: str, message: str) -> None:
        """Let the process that writes an answer know that it is followed elsewhere, so that it keeps it more often.

        To be said again every second or so. Raises NotFound, Denied.
        """
        async with self._database.engine.begin() as connection:
            row = await find_thread(connection, thread)
            await self._authority.authorise(caller, Verb.CHAT_READ, resource_of(row))
            if not await messages.note_follower(connection, row.id, id_of("message", message)):
                raise NotFound("message", message, hint="It was replaced. Read the thread again.")

    async def history(self, caller: Principal, thread: str) -> list[PastTurn]:
        """What was said before, oldest first, 200 messages at most. Raises NotFound, Denied."""
        async with self._database.reader.connect() as connection:
            row = await find_thread(connection, thread)
            await self._authority.authorise(caller, Verb.CHAT_READ, resource_of(row))
            found = await messages.turns(connection, row.id, _MOST_TURNS)
        return [PastTurn(ids.encode("message", one.id), one.role, one.status, one.words, one.exchange) for one in found]

    async def cancel(self, caller: Principal, thread: str) -> bool:
        """Let the answer that is being written end; False where none is. Raises NotFound, Denied."""
        async with self._database.engine.begin() as connection:
            row = await find_thread(connection, thread)
            await self._authority.authorise(caller, Verb.CHAT_USE, resource_of(row))
            await messages.give_up(connection, row.id, utc_now() - SILENT, LOST)
            return await messages.ask_to_stop(connection, row.id)

    async def taint(self, caller: Principal, thread: str) -> None:
        """Remember that something from outside was read. Raises NotFound, Denied."""
        async with self._database.engine.begin() as connection:
            row = await find_thread(connection, thread)
            await self._authority.authorise(caller, Verb.CHAT_USE, resource_of(row))
            await threads.taint(connection, row.id)

    async def note_call(self, caller: Principal, thread: str, tool: str, arguments: JsonObject) -> None:
        """Keep in the audit log that a tool of the project is called from the thread.

        Takes the right to publish: who has it could let a task make the same call. Raises NotFound, Denied.
        """
        async with self._database.engine.begin() as connection:
            row = await find_thread(connection, thread)
            await self._authority.authorise(caller, Verb.CHAT_USE, resource_of(row))
            await self._authority.authorise(caller, Verb.TASK_PUBLISH, ProjectResource(row.project, "thread", thread))
            detail: JsonObject = {"act": "call", "tool": tool, "arguments": digest(arguments)}
            await self._authority.record(connection, caller, Verb.CHAT_USE, resource_of(row), detail)

    async def propose(self, caller: Principal, thread: str, message: str, kind: str, data: JsonObject) -> CardView:
        """A card that waits for its owner's click. Raises NotFound, Denied."""
        async with self._database.engine.begin() as connection:
            row = await find_thread(connection, thread)
            await self._authority.authorise(caller, Verb.CHAT_USE, resource_of(row))
            card = CardRow(
                id=new_id(),
                thread_id=row.id,
                message_id=id_of("message", message),
                kind=kind,
                data=data,
                digest=digest([kind, data]),
                state="open",
                action=None,
                actor=None,
                result=None,
                created_at=utc_now(),
                decided_at=None,
            )
            await messages.propose(connection, card)
            return card_view(card)

    async def cards(self, caller: Principal, thread: str) -> list[CardView]:
        """A thread's cards, oldest first. Raises NotFound, Denied."""
        async with self._database.reader.connect() as connection:
            row = await find_thread(connection, thread)
            await self._authority.authorise(caller, Verb.CHAT_READ, resource_of(row))
            return [card_view(one) for one in await messages.cards_of(connection, row.id)]

    async def _turn_of(
        self, connection: AsyncConnection, caller: Principal, thread: str, *, settle: bool = True
    ) -> ThreadRow:
        """The thread, locked, with nobody writing in it. Raises Conflict."""
        row = await find_thread(connection, thread, lock=True)
        await self._authority.authorise(caller, Verb.CHAT_USE, resource_of(row))
        await messages.give_up(connection, row.id, utc_now() - SILENT, LOST)
        if await messages.answering(connection, row.id) is not None:
            raise Conflict("An answer is being written in this thread.", "Wait for its end, or cancel it.")
        if settle:
            await messages.settle(connection, row.id)
        return row


def card_view(row: CardRow) -> CardView:
    """A card as it is shown."""
    return CardView(
        ids.encode("card", row.id),
        ids.encode("thread", row.thread_id),
        row.kind,
        row.data,
        row.digest,
        row.state,
        row.action,
        row.actor,
        row.result,
        row.created_at,
        row.decided_at,
    )


async def _open(
    connection: AsyncConnection, row: ThreadRow, asked: UUID | None, parts: tuple[JsonObject, ...]
) -> AnswerBegun:
    answer = await messages.add(connection, row.id, "assistant", "answering", [], "")
    # The thread's row is locked and nobody was writing.
    assert answer is not None and asked is not None
    await threads.spend(connection, row.id, Usage())
    return AnswerBegun(
        thread_view(row),
        str(row.project_id),
        ids.encode("message", answer),
        ids.encode("message", asked),
        parts,
        Usage(),
    )


async def _message(connection: AsyncConnection, row: ThreadRow, message: str) -> MessageRow:
    found = await messages.find(connection, row.id, id_of("message", message))
    if found is None:
        raise NotFound("message", message, hint="It is in another thread, or was replaced. Read the thread again.")
    return found


def _check_clicks(row: MessageRow, clicked: Mapping[str, str]) -> None:
    """Only what this server has asked for can be confirmed: never a call that a client made up or changed."""
    asked = {
        str(part.get("toolCallId")): str(approval.get("id"))
        for part in row.parts
        if part.get("state") == "approval-requested" and isinstance(approval := part.get("approval"), Mapping)
    }
    for call, approval in clicked.items():
        if row.status != "asks" or asked.get(call) != approval:
            raise Conflict(f"Nothing waits for a click on the call {call[:80]!r}.", "Read the thread again.")
    if missing := asked.keys() - clicked.keys():
        raise Invalid(f"{len(missing)} calls are still without an answer.", "Confirm or refuse each of them.")


def _read(message: str, row: MessageRow | Followed, asked: str | None = None) -> AnswerRead:
    """An answer as it is kept; one whose process has not been heard of for long has failed."""
    lost = row.status == "answering" and row.touched_at is not None and row.touched_at < utc_now() - SILENT
    status, error = ("failed", LOST) if lost else (row.status, row.error)
    return AnswerRead(message, status, row.parts, error, usage_of(row), row.touched_at or utc_now(), asked)


def _tool_of(row: MessageRow, call: str) -> str:
    return next((str(one["type"]).removeprefix("tool-") for one in row.parts if one.get("toolCallId") == call), "")


def _written(so_far: AnswerSoFar) -> Written:
    return Written(so_far.status, so_far.parts, so_far.words, so_far.exchange, so_far.model, so_far.error, so_far.usage)


def _title_from(words: str) -> str:
    """The beginning of what was said first."""
    said = " ".join(words.replace("\0", "").split())
    return said if len(said) <= _LONGEST_TITLE else f"{said[:_LONGEST_TITLE].rsplit(' ', 1)[0]}…"
