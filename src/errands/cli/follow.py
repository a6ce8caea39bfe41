"""Stays with a run until it ends: shows what happens, answers its questions on the spot, takes Ctrl-C.

Everything that can happen (an event of the run, a tick, a signal, an answer) comes through one queue, in order.
"""

import asyncio
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from errands.cli.answering import Given, ask_approval, give, outcome
from errands.cli.client.following import PATIENCE_SECONDS
from errands.cli.desk import LeftAtOnce, Room
from errands.cli.displays import Display, display_for, local_now
from errands.cli.exits import ExitCode, exit_code_of
from errands.cli.interrupts import interrupts
from errands.cli.outline import Outline
from errands.cli.progress import Progress
from errands.cli.screen import Screen
from errands.core.outcomes import RunStatus
from errands.services.errors import NotFound, ServiceError
from errands.services.views import RunEvent, RunView, WaitView

_TICK_SECONDS = 0.12
_SHORT_WAIT = timedelta(seconds=60)
"""A timer that is due within this time is waited for even where nobody follows."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time to redraw."""


@dataclass(frozen=True, slots=True)
class Signalled:
    """Ctrl-C, or the order to stop."""

    number: signal.Signals


@dataclass(frozen=True, slots=True)
class Answered:
    """The person at the terminal answered a question, or could not."""

    approval: str
    given: Given | BaseException


@dataclass(frozen=True, slots=True)
class ServerAway:
    """The server does not answer, and is sought again."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Following stopped with an error."""

    error: BaseException


Happening = RunEvent | Tick | Signalled | Answered | ServerAway | Broken


@dataclass(frozen=True, slots=True)
class Manner:
    """How to follow."""

    held_here: bool
    """This process runs a worker for the run: Ctrl-C cancels it. Otherwise Ctrl-C only stops following."""
    stay: bool
    """Keep following while the run waits for people, events and long timers."""
    person: str | None = None
    """Who answers. None: whoever calls."""
    events: bool = True
    """Where JSON was asked for: give every event, not only the run at its end."""


@dataclass(frozen=True, slots=True)
class Left:
    """How following ended."""

    code: ExitCode
    run: RunView | None
    """As it was at the end; `None` where the follower left before it knew anything."""
    status: RunStatus
    waiting: tuple[WaitView, ...] = ()


async def follow_run(screen: Screen, room: Room, run: str, manner: Manner) -> Left:
    """Follow a run to its end, or until it suspends or the person leaves. Raises what the services raise."""
    outline = await _outline(room, run)
    follower = _Follower(screen, room, run, manner, Progress(outline))
    with interrupts(follower.signalled, signal.SIGINT, signal.SIGTERM):
        return await follower.follow()


async def _outline(room: Room, run: str) -> Outline:
    view = await room.client.runs.get(run)
    try:
        return Outline.of(await room.client.tasks.definition(view.project, view.task, view.version))
    except NotFound:
        return Outline()


@dataclass(slots=True)
class _Follower:
    """The state of following one run."""

    screen: Screen
    room: Room
    run: str
    manner: Manner
    progress: Progress
    queue: "asyncio.Queue[Happening]" = field(default_factory=asyncio.Queue)
    asking: "asyncio.Task[None] | None" = None
    asking_for: str | None = None
    asked: set[str] = field(default_factory=set)
    cancelling: bool = False

    def signalled(self, number: signal.Signals) -> None:
        self.queue.put_nowait(Signalled(number))

    async def follow(self) -> Left:
        display = display_for(self.screen, hint=self._hint(), events=self.manner.events)
        tasks = [asyncio.create_task(self._read())]
        if self.screen.live:
            tasks.append(asyncio.create_task(self._tick()))
        try:
            left = None
            while left is None:
                left = await self._take(await self.queue.get(), display)
        finally:
            for task in [*tasks, *([self.asking] if self.asking else [])]:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            display.close(self.progress)
        return left

    async def _take(self, happening: Happening, display: Display) -> Left | None:
        """Let one thing in; gives how it ended, if it did."""
        match happening:
            case Tick():
                if self.asking is None:
                    display.tick(self.progress)
                return None
            case Signalled(number):
                return await self._stop(number, display)
            case Answered():
                await self._answer(happening, display)
                return None
            case ServerAway():
                again = f"The server does not answer; trying again for up to {PATIENCE_SECONDS:g} s."
                self._say(display, f"{again} What happens meanwhile is told then.")
                return None
            case Broken(error):
                raise error
            case _:
                self.progress.take(happening, local_now())
                display.show(happening, self.progress)
                return await self._consider(display)

    async def _consider(self, display: Display) -> Left | None:
        """After an event: ended, suspended, or with a question for the person here?"""
        if self.progress.ended:
            await self._withdraw(display)
            return self._left(exit_code_of(self.progress.status))
        suspended = self.progress.status is RunStatus.WAITING
        if suspended and not self.manner.stay and not await self._goes_on_soon(self.progress.waiting):
            return self._left(ExitCode.WAITING)
        if self.asking is not None and self.asking_for not in self._open():
            await self._withdraw(display)
        await self._ask(display)
        return None

    def _open(self) -> list[str]:
        """Approvals that hold the run now."""
        return [wait.approval for wait in self.progress.waiting if wait.kind == "approval" and wait.approval]

    async def _goes_on_soon(self, waits: tuple[WaitView, ...]) -> bool:
        """Whether something moves the run by itself before long: a short timer, or a sub-task that is at work."""
        for wait in waits:
            if wait.due_at is not None and wait.due_at - local_now() <= _SHORT_WAIT:
                return True
            if wait.kind == "child" and wait.child:
                child = await self.room.client.runs.get(wait.child)
                if child.status is not RunStatus.WAITING or await self._goes_on_soon(child.waiting):
                    return True
        return False

    async def _stop(self, number: signal.Signals, display: Display) -> Left | None:
        """The first Ctrl-C cancels a run that is held here and waits for its `finally`; anything else leaves."""
        await self._withdraw(display)
        if number is not signal.SIGINT or self.cancelling or not self.manner.held_here:
            self._say(display, self._farewell())
            raise LeftAtOnce
        self.cancelling = True
        self._say(display, "Cancelling; finally steps still run. Ctrl-C again leaves at once.")
        await self.room.client.runs.cancel(self.run, reason="Ctrl-C")
        return None

    def _farewell(self) -> str:
        if not self.manner.held_here:
            return f"Left; the run goes on. Come back with: errands show {self.run} --follow"
        return f"Left; the run {self.run} is recorded up to here. A worker takes it up: errands worker"

    async def _ask(self, display: Display) -> None:
        """Put the first open question to the person at the terminal, once."""
        fresh = [approval for approval in self._open() if approval not in self.asked]
        if self.asking is not None or not fresh or not self.screen.asks or not self.manner.stay:
            return
        self.asked.add(fresh[0])
        self.asking_for = fresh[0]
        display.pause()
        self.asking = asyncio.create_task(self._question(fresh[0]))

    async def _question(self, approval: str) -> None:
        try:
            view = await self.room.client.approvals.get(approval)
            given: Given | BaseException = await ask_approval(self.screen, view)
        except (EOFError, ServiceError) as error:
            given = error
        self.queue.put_nowait(Answered(approval, given))

    async def _answer(self, answered: Answered, display: Display) -> None:
        self.asking = None
        try:
            if isinstance(answered.given, BaseException):
                raise answered.given
            done = await give(self.room.approvals(self.manner.person), answered.approval, answered.given)
            self.screen.remark(outcome(done, await self.room.client.approvals.get(answered.approval)))
        except EOFError:
            self.screen.remark(f"Left open. Answer it with: errands approve {answered.approval}")
        except ServiceError as refusal:
            self.screen.remark(refusal.message, "status.failed")
            self.screen.remark(refusal.hint or f"Answer it with: errands approve {answered.approval}")
        display.resume(self.progress)
        await self._ask(display)

    async def _withdraw(self, display: Display) -> None:
        """Take back a question that nobody has to answer here any more."""
        if self.asking is None:
            return
        self.asking.cancel()
        with suppress(asyncio.CancelledError):
            await self.asking
        self.asking = None
        self.screen.remark("")
        display.resume(self.progress)

    async def _read(self) -> None:
        try:
            async for event in self.room.client.runs.follow(self.run, self._server_away):
                self.queue.put_nowait(event)
        except Exception as error:
            self.queue.put_nowait(Broken(error))

    def _server_away(self) -> None:
        self.queue.put_nowait(ServerAway())

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            if self.queue.empty():
                self.queue.put_nowait(Tick())

    def _say(self, display: Display, text: str) -> None:
        display.pause()
        self.screen.remark(text, "status.waiting")
        display.resume(self.progress)

    def _left(self, code: ExitCode) -> Left:
        return Left(code, self.progress.run, self.progress.status, self.progress.waiting)

    def _hint(self) -> str:
        return "Ctrl-C cancels" if self.manner.held_here else "Ctrl-C leaves"
