"""What many runs ask of the database at the same moment goes there in one statement, as the journal's records do."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

import asyncpg

from errands.engine.patience import DATABASE_AWAY, patiently

_LARGEST = 500

Asked = TypeVar("Asked")
Given = TypeVar("Given")


class Gathering(Generic[Asked, Given]):
    """Answers one at a time; what comes in while a statement is under way goes together in the next.

    There is no timer: at rest an ask costs one statement, under load a small part of one. Asks about the same thing
    (`key`) never share a statement, so each has an answer of its own. `together` gives the answers in the order of the
    asks. When the database has gone away it is called again for the same asks; not `patient`: they are refused.
    """

    def __init__(
        self,
        together: Callable[[Sequence[Asked]], Awaitable[Sequence[Given]]],
        key: Callable[[Asked], Hashable],
        *,
        patient: bool = True,
    ) -> None:
        self._together = together
        self._key = key
        self._patient = patient
        self._waiting: list[tuple[Asked, asyncio.Future[Given]]] = []
        self._working: asyncio.Task[None] | None = None

    async def ask(self, asked: Asked) -> Given:
        """The answer to one ask. Raises what the database says of it."""
        answer: asyncio.Future[Given] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._answer(self._next())
        finally:
            self._working = None

    def _next(self) -> list[tuple[Asked, asyncio.Future[Given]]]:
        """The next batch: each thing once, in the order of the asks."""
        batch: dict[Hashable, tuple[Asked, asyncio.Future[Given]]] = {}
        later = []
        for one in self._waiting:
            key = self._key(one[0])
            if key in batch or len(batch) == _LARGEST:
                later.append(one)
            else:
                batch[key] = one
        self._waiting = later
        return list(batch.values())

    async def _answer(self, batch: Sequence[tuple[Asked, asyncio.Future[Given]]]) -> None:
        """Answer a batch; one by one where the database refuses it, so that one bad ask harms no other."""
        try:
            asked = [asked for asked, _ in batch]
            given = await (patiently(self._together, asked) if self._patient else self._together(asked))
        except DATABASE_AWAY as error:
            # Whether it was done cannot be known, so nothing is tried again.
            for _, answer in batch:
                _refuse(answer, error)
        except asyncpg.PostgresError as error:
            if len(batch) == 1:
                _refuse(batch[0][1], error)
                return
            for one in batch:
                await self._answer([one])
        except Exception as error:
            for _, answer in batch:
                _refuse(answer, error)
        else:
            for (_, answer), value in zip(batch, given, strict=True):
                if not answer.done():
                    answer.set_result(value)


def _refuse(answer: "asyncio.Future[Given]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
