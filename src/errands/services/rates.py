"""How often something may happen: a bucket that fills steadily and holds one minute's worth. Each process counts."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

_MOST_BUCKETS = 10_000
_MINUTE = 60.0


class Rates:
    """Buckets by key. `clock` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def wait(self, key: Hashable, per_minute: int) -> float:
        """Seconds until there is room for one more; 0: now. Takes nothing."""
        return max(0.0, (1.0 - self._level(key, per_minute)) * _MINUTE / per_minute)

    def take(self, key: Hashable, per_minute: int) -> None:
        """Count one."""
        self._buckets[key] = (self._level(key, per_minute) - 1.0, self._clock())
        self._buckets.move_to_end(key)
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)

    def _level(self, key: Hashable, per_minute: int) -> float:
        level, moment = self._buckets.get(key, (float(per_minute), self._clock()))
        return min(float(per_minute), level + (self._clock() - moment) * per_minute / _MINUTE)
