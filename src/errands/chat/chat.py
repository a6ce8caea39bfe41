"""The chat of a process: answers are written in the background, whoever listens, and kept as they grow."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import assert_never

import structlog

from errands.agents.ports import ToolBox
from errands.chat.desk import Desk, Told, through_chat
from errands.chat.elsewhere import follow_elsewhere
from errands.chat.operations.operation import refused
from errands.chat.ports import Outcome, Talk, Talker
from errands.chat.slash import COMMANDS, answer_command, is_command
from errands.chat.stream import Stream, text_chunks
from errands.core.access import Principal
from errands.core.outcomes import StepFailed, Usage
from errands.core.params import ArgumentsInvalid
from errands.core.values import Json, JsonObject
from errands.services import Services
from errands.services.chat_views import AnswerBegun, AnswerSoFar, AnswerWish, CommandView
from errands.services.errors import NotFound, ServiceError
from errands.services.turns import Again, Clicked, Said, Turn

log = structlog.get_logger()

_KEEP_EVERY_SECONDS = 1.0
_KEEP_FOLLOWED_EVERY_SECONDS = 0.2
_ATTACHED = "attachment:"


class Chat:
    """Answers what people say in threads. One for each process."""

    def __init__(self, services: Services, tools: ToolBox, talker: Talker) -> None:
        self._services = services
        self._tools = tools
        self._talker = talker
        self._streams: dict[str, Stream] = {}
        self._writing: dict[str, asyncio.Task[None]] = {}
        self._closing = asyncio.Event()

    async def say(self, caller: Principal, thread: str, turn: Turn) -> AsyncIterator[bytes]:
        """Take a turn; gives the answer's server-sent events. It is written on when nobody listens any more.

        Raises NotFound, Denied, Conflict (an answer is being written, nothing waits for this click), Invalid.
        """
        person = through_chat(caller)
        begun = await self._begin(person, thread, turn)
        stream = Stream(begun.message, _clicked(begun.parts, turn) if isinstance(turn, Clicked) else ())
        self._streams[thread] = stream
        task = asyncio.create_task(self._answer(person, begun, turn, stream), name=f"answer {begun.message}")
        self._writing[begun.message] = task
        task.add_done_callback(lambda _: self._forget(thread, stream))
        return stream.listen()

    async def listen(self, caller: Principal, thread: str) -> AsyncIterator[bytes] | None:
        """The answer that is being written in a thread, from its beginning; None where none is.

        One that another process writes is told from what that keeps of it. Raises NotFound, Denied.
        """
        person, answers = through_chat(caller), self._services.answers
        read = await answers.being_written(person, thread)
        if (stream := self._streams.get(thread)) is not None:
            return stream.listen()
        return None if read is None else follow_elsewhere(answers, person, thread, read, self._closing)

    def commands(self) -> Sequence[CommandView]:
        """The slash commands, in the order in which `/help` lists them."""
        return [CommandView(name, one.usage, one.about) for name, one in COMMANDS.items()]

    async def cancel(self, caller: Principal, thread: str) -> bool:
        """End the answer that is being written; what there is of it is kept. False where none is.

        Raises NotFound, Denied.
        """
        found = await self._services.answers.cancel(through_chat(caller), thread)
        stream = self._streams.get(thread)
        if stream is not None and stream.message in self._writing:
            task = self._writing[stream.message]
            task.cancel()
            await asyncio.wait({task})
        return found

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        self._closing.set()
        for stream in list(self._streams.values()):
            stream.close()

    async def aclose(self) -> None:
        """End every answer; what there is of them is kept."""
        self.close()
        tasks = list(self._writing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _begin(self, person: Principal, thread: str, turn: Turn) -> AnswerBegun:
        answers = self._services.answers
        match turn:
            case Said():
                parts = await self._parts(person, thread, turn)
                return await answers.begin(person, thread, parts, turn.text, replaces=turn.replaces)
            case Again():
                return await answers.begin_again(person, thread, turn.message)
            case Clicked():
                clicked = {call: click.approval for call, click in turn.clicks.items()}
                refused = [call for call, click in turn.clicks.items() if not click.allowed]
                return await answers.go_on(person, thread, turn.message, clicked, refused)
            case _:
                assert_never(turn)

    async def _parts(self, person: Principal, thread: str, said: Said) -> list[JsonObject]:
        """What the person says, as parts of a message. Raises NotFound for a file of another thread."""
        known = {one.id: one for one in await self._services.attachments.list(person, thread)}
        parts: list[JsonObject] = [{"type": "text", "text": said.text}] if said.text else []
        for name in said.attachments:
            if name not in known:
                raise NotFound("attachment", name, hint="Attach the file to this thread first.")
            file = known[name]
            shown = {"mediaType": file.media_type, "filename": file.name, "url": f"{_ATTACHED}{name}"}
            parts.append({"type": "file", **shown})
        return parts

    async def _answer(self, person: Principal, begun: AnswerBegun, turn: Turn, stream: Stream) -> None:
        """Write one answer to its end, whatever that is, and keep it."""
        outcome = Outcome()
        keeping = asyncio.create_task(self._keep(person, begun, stream, asyncio.current_task()))
        try:
            # Whoever reads the thread meanwhile holds more than this of the answer: what follows goes after these.
            kept = len(begun.parts) if isinstance(turn, Clicked) else 0
            about = {"thread": begun.thread.id, "asked": begun.asked, "kept": kept}
            stream.put({"type": "start", "messageId": begun.message, "messageMetadata": about})
            await self._write(person, begun, turn, stream, outcome)
        except asyncio.CancelledError:
            outcome.status = "cancelled"
            stream.put({"type": "abort", "reason": "The answer was cancelled."})
        except (ServiceError, ArgumentsInvalid) as error:
            _fail(stream, outcome, refused(error))
        except StepFailed as failure:
            _fail(stream, outcome, f"{failure.error.message} {failure.error.hint or ''}".strip())
        except Exception:
            log.exception("chat.defect", message=begun.message)
            _fail(stream, outcome, "Errands has a defect; the log has the answer's id.")
        finally:
            keeping.cancel()
            await asyncio.shield(self._end(person, begun, stream, outcome))

    async def _write(self, person: Principal, begun: AnswerBegun, turn: Turn, stream: Stream, outcome: Outcome) -> None:
        thread = begun.thread
        desk = Desk(
            self._services,
            self._tools,
            person,
            thread.project,
            begun.project_id,
            thread.id,
            begun.message,
            untrusted=thread.untrusted,
        )
        text, attached = _asked(begun.parts)
        if not isinstance(turn, Clicked) and is_command(text):
            told = await answer_command(desk, text)
            await _tell(desk, stream, told)
            if told.outside:
                await self._services.answers.taint(person, thread.id)
            return
        history = await self._services.answers.history(person, thread.id)
        before = [one for one in history if one.message not in (begun.message, begun.asked)]
        clicks = dict(turn.clicks) if isinstance(turn, Clicked) else None
        if clicks is not None:
            before = [one for one in history if one.message <= begun.message]
        talk = Talk(desk, thread.agent, before, "" if clicks else text, attached, clicks)
        await self._talker.talk(talk, stream, outcome)

    async def _keep(
        self, person: Principal, begun: AnswerBegun, stream: Stream, writing: "asyncio.Task[None] | None"
    ) -> None:
        """Keep how far the answer is, every second, or more often what is new while somebody follows elsewhere; and end
        it where somebody wants that."""
        loop = asyncio.get_running_loop()
        wish, whole_at, kept = AnswerWish(stop=False, followed=False), loop.time(), 0
        while True:
            await asyncio.sleep(_KEEP_FOLLOWED_EVERY_SECONDS if wish.followed else _KEEP_EVERY_SECONDS)
            whole = loop.time() - whole_at >= _KEEP_EVERY_SECONDS
            if not whole and stream.length == kept:
                continue
            whole_at, kept = loop.time() if whole else whole_at, stream.length
            words = stream.written.words if whole else None
            so_far = AnswerSoFar("answering", stream.written.parts, words, usage=begun.usage)
            try:
                wish = await self._services.answers.write(person, begun.thread.id, begun.message, so_far, Usage())
            except (ServiceError, OSError) as error:
                # The thread is gone, or the database is for a while; the end of the answer tries again.
                wish = AnswerWish(isinstance(error, NotFound), followed=False)
            if wish.stop and writing is not None:
                writing.cancel()
                return

    async def _end(self, person: Principal, begun: AnswerBegun, stream: Stream, outcome: Outcome) -> None:
        """Keep the whole, then let listeners go: whoever reads the thread now finds what the stream said."""
        stream.written.close()
        ended = AnswerSoFar(
            outcome.status,
            stream.written.parts,
            stream.written.words,
            outcome.exchange,
            outcome.model,
            outcome.error,
            begun.usage + outcome.usage,
        )
        try:
            await self._services.answers.write(person, begun.thread.id, begun.message, ended, outcome.usage)
        except NotFound:
            log.info("chat.thread_gone", message=begun.message)
        except Exception:
            # It reads `answering` until it is given up; whoever listens has been told the whole.
            log.exception("chat.not_kept", message=begun.message)
        finally:
            stream.put({"type": "finish", "messageMetadata": {"usage": dict(outcome.usage.as_json())}})
            stream.end()

    def _forget(self, thread: str, stream: Stream) -> None:
        self._writing.pop(stream.message, None)
        if self._streams.get(thread) is stream:
            del self._streams[thread]


async def _tell(desk: Desk, stream: Stream, told: Told) -> None:
    """Words, then cards."""
    stream.put({"type": "start-step"})
    for chunk in text_chunks("said", told.words):
        stream.put(chunk)
    for number, card in enumerate(told.cards):
        stream.put(await desk.part_of(card, number))
    stream.put({"type": "finish-step"})


def _fail(stream: Stream, outcome: Outcome, why: str) -> None:
    outcome.status, outcome.error = "failed", why
    stream.put({"type": "error", "errorText": why})


def _clicked(parts: Sequence[JsonObject], turn: Clicked) -> list[JsonObject]:
    """The parts of an answer that goes on, with the person's clicks in them."""
    shown: list[JsonObject] = []
    for part in parts:
        click = turn.clicks.get(str(part.get("toolCallId")))
        if click is None or part.get("state") != "approval-requested":
            shown.append(part)
            continue
        approval: dict[str, Json] = {"id": click.approval, "approved": click.allowed}
        if click.reason is not None:
            approval["reason"] = click.reason
        shown.append({**part, "state": "approval-responded", "approval": approval})
    return shown


def _asked(parts: Sequence[JsonObject]) -> tuple[str, list[str]]:
    """The words and the attachments of a person's message."""
    text = "\n".join(str(part["text"]) for part in parts if part.get("type") == "text")
    files = [str(part["url"]).removeprefix(_ATTACHED) for part in parts if part.get("type") == "file"]
    return text, files
