"""Concurrency within a run: which branches can move, and how siblings are stopped."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Protocol


class LaneStopped(BaseException):
    """Raised inside a branch whose sibling has failed or ended the run: it makes no further step.

    Control flow, like CancelledError, so no handler of errors may catch it.
    """


class Pulse:
    """Counts the branches of a run that can move. When none can, the run can only wait, and `on_still` is called."""

    def __init__(self, on_still: Callable[[], None] = lambda: None) -> None:
        self._moving = 1
        self._on_still = on_still

    def restart(self) -> None:
        """A new walk begins, with one branch."""
        self._moving = 1

    @property
    def still(self) -> bool:
        return self._moving == 0

    def fork(self, branches: int) -> None:
        """One branch becomes several, and itself waits for them."""
        self._change(branches - 1)

    def branch_ended(self) -> None:
        self._change(-1)

    def held(self) -> None:
        """A branch has begun to wait."""
        self._change(-1)

    def released(self) -> None:
        """What a branch waited for is there. Called by the one who resolves it, before the branch itself runs."""
        self._change(1)

    def _change(self, by: int) -> None:
        self._moving += by
        if self._moving == 0:
            self._on_still()


class Turn(Protocol):
    """Whom a wait tells that it has begun and ended: the run's pulse, or the calls of one branch together."""

    def held(self) -> None: ...

    def released(self) -> None: ...


class Together:
    """Calls that one branch makes side by side: the branch can only wait when all of them do."""

    def __init__(self, pulse: Turn, deadline: "Deadline | None" = None) -> None:
        self._pulse = pulse
        self._deadline = deadline
        self._going = 0
        self._held = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        """While inside, the branch is busy with one call more."""
        if self._held and self._held == self._going:
            self._go_on()
        self._going += 1
        try:
            yield
        finally:
            self._going -= 1
            if self._held and self._held == self._going:
                self._stand_still()

    def held(self) -> None:
        self._held += 1
        if self._held == self._going:
            self._stand_still()

    def released(self) -> None:
        if self._held == self._going:
            self._go_on()
        self._held -= 1

    def _stand_still(self) -> None:
        if self._deadline is not None:
            self._deadline.pause()
        self._pulse.held()

    def _go_on(self) -> None:
        self._pulse.released()
        if self._deadline is not None:
            self._deadline.go_on()


class Deadline:
    """The time limit of one attempt. It stands still while the attempt only waits for people."""

    def __init__(self) -> None:
        self._bound: asyncio.Timeout | None = None
        self._left: float | None = None

    def start(self, bound: asyncio.Timeout) -> None:
        self._bound = bound

    def pause(self) -> None:
        when = self._bound.when() if self._bound is not None else None
        if self._bound is not None and when is not None and not self._bound.expired():
            self._left = when - asyncio.get_running_loop().time()
            self._bound.reschedule(None)

    def go_on(self) -> None:
        if self._bound is not None and self._left is not None:
            self._bound.reschedule(asyncio.get_running_loop().time() + self._left)
            self._left = None


class Lane:
    """A group of sibling branches. Stopping it lets steps in flight finish, and lets nothing new begin."""

    __slots__ = ("_on_stop", "_outer", "_stopped")

    def __init__(self, outer: "Lane | None" = None) -> None:
        self._outer = outer
        self._stopped = False
        self._on_stop: list[Callable[[], None]] = []

    @property
    def stopped(self) -> bool:
        return self._stopped or (self._outer is not None and self._outer.stopped)

    def stop(self) -> None:
        self._stopped = True
        for callback in self._on_stop:
            callback()
        self._on_stop.clear()

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Call back when this group or one around it is stopped."""
        lane: Lane | None = self
        while lane is not None:
            lane._on_stop.append(callback)
            lane = lane._outer

    def check(self) -> None:
        """Raises LaneStopped if the group was stopped."""
        if self.stopped:
            raise LaneStopped


async def run_branches(pulse: Pulse, branches: list[Callable[[], Awaitable[None]]]) -> None:
    """Run branches side by side until all have ended. The first that raises cancels the others and is raised."""
    pulse.fork(len(branches))
    going = len(branches)

    async def one(branch: Callable[[], Awaitable[None]]) -> None:
        nonlocal going
        try:
            await branch()
        except LaneStopped:
            pass
        finally:
            going -= 1
            if going:  # The last to end passes its turn to the branch that forked.
                pulse.branch_ended()

    tasks = [asyncio.ensure_future(one(branch)) for branch in branches]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
