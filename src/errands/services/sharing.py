"""One reading for all who ask for the same thing at the same moment."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Read = TypeVar("Read")

_KEPT_SECONDS = 1.0


class Sharing(Generic[Read]):
    """Whoever asks while a reading is under way, or within a second after it, gets what it gave.

    The key must say what is asked for so that an answer that is a second old is as good as a new one: the number of a
    change, or that something is at its end.
    """

    def __init__(self) -> None:
        self._readings: dict[Hashable, asyncio.Task[Read]] = {}

    async def read(self, key: Hashable, reading: Callable[[], Awaitable[Read]]) -> Read:
        """What `reading` gives. Raises what it raises, to all who wait for it; the next one reads anew."""
        task = self._readings.get(key)
        if task is None:
            task = self._readings[key] = asyncio.create_task(self._keep(key, reading))
        return await asyncio.shield(task)

    async def _keep(self, key: Hashable, reading: Callable[[], Awaitable[Read]]) -> Read:
        kept = False
        try:
            given = await reading()
            asyncio.get_running_loop().call_later(_KEPT_SECONDS, self._readings.pop, key, None)
            kept = True
            return given
        finally:
            if not kept:
                self._readings.pop(key, None)
