"""How often something may happen in a minute, on all servers together.

The buckets are in the database; what is known here of them only spares questions: who keeps within the limits costs one
statement for each time that counts, and who is over them none.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from errands.store import rates
from errands.store.connections import Pool

_MOST_KNOWN = 10_000
_MINUTE = 60.0


class Rates:
    """Buckets by key. `clock` gives seconds that only grow."""

    def __init__(self, pool: Pool, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """When something was last counted here, and until when there is no room."""

    def closed(self, key: str) -> float:
        """Seconds for which there is no room, as far as it is known here; asks nobody."""
        _, until = self._known.get(key, (0.0, 0.0))
        return max(0.0, until - self._clock())

    async def wait(self, key: str, per_minute: int) -> float:
        """Seconds until there is room for one more; 0: now. Counts nothing.

        Asks only where something was counted here within a minute: else at most one passes that others would refuse.
        """
        counted, _ = self._known.get(key, (None, 0.0))
        if counted is None or counted < self._clock() - _MINUTE:
            return 0.0
        return self.closed(key) or self._told(key, await rates.wait(self._pool, key, per_minute), counted)

    async def take(self, key: str, per_minute: int) -> float:
        """Count one if there is room; 0 then, else the seconds until there will be."""
        return self._told(key, await rates.take(self._pool, key, per_minute), self._clock())

    def _told(self, key: str, seconds: float, counted: float) -> float:
        self._known[key] = (counted, self._clock() + seconds)
        self._known.move_to_end(key)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return seconds
