"""An answer that another process writes, followed by what that process keeps of it: for servers behind a balancer.

While somebody follows, the process that writes says more often how far it is. What is told here comes in pieces of a
fifth of a second instead of word by word; the chunks are the same.
"""

import asyncio
from collections.abc import AsyncIterator

from errands.chat.retelling import Retelling
from errands.chat.stream import DONE, QUIET_SECONDS, STILL_HERE, event_of
from errands.core.access import Principal
from errands.core.values import JsonObject
from errands.services.answers import AnswerService
from errands.services.chat_views import AnswerRead
from errands.services.errors import NotFound

LOOK_EVERY_SECONDS = 0.2
_SAY_SO_EVERY_SECONDS = 1.0


async def follow_elsewhere(
    answers: AnswerService, caller: Principal, thread: str, read: AnswerRead, closing: asyncio.Event
) -> AsyncIterator[bytes]:
    """Server-sent events of an answer from its beginning to its end, `read` being the first reading of it.

    Ends early when this server stops: whoever follows comes back.
    """
    loop = asyncio.get_running_loop()
    retelling, said_so, told = Retelling(), float("-inf"), loop.time()
    about: JsonObject = {"thread": thread, "asked": read.asked, "kept": 0}
    yield event_of({"type": "start", "messageId": read.message, "messageMetadata": about})
    latest: AnswerRead | None = read
    while True:
        if latest is not None:
            read = latest
            for chunk in retelling.news(read.parts):
                told = loop.time()
                yield event_of(chunk)
            if read.status != "answering":
                break
        elif loop.time() - told >= QUIET_SECONDS:
            told = loop.time()
            yield STILL_HERE
        if await _closes(closing):
            return
        try:
            if loop.time() - said_so >= _SAY_SO_EVERY_SECONDS:
                said_so = loop.time()
                await answers.follow(caller, thread, read.message)
            latest = await answers.written_since(caller, thread, read.message, read.kept_at)
        except NotFound:
            break
    for chunk in [*retelling.end(), *_ending(read)]:
        yield event_of(chunk)
    yield DONE


async def _closes(closing: asyncio.Event) -> bool:
    """Wait until the next look. True: the server stops."""
    try:
        async with asyncio.timeout(LOOK_EVERY_SECONDS):
            await closing.wait()
    except TimeoutError:
        return False
    return True


def _ending(read: AnswerRead) -> list[JsonObject]:
    """The last chunks, by what became of it. One that is still written is there no longer: its thread was deleted."""
    finish: JsonObject = {"type": "finish", "messageMetadata": {"usage": dict(read.usage.as_json())}}
    match read.status:
        case "cancelled" | "answering":
            return [{"type": "abort", "reason": "The answer was cancelled."}, finish]
        case "failed":
            return [{"type": "error", "errorText": read.error or "The answer failed."}, finish]
        case "done" | "asks":
            return [finish]
