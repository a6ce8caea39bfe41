"""Following a run: to its end, its suspension, or until the person leaves; questions are answered on the spot."""

import asyncio
import signal
from collections.abc import AsyncIterator
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from errands.cli import follow as following
from errands.cli.answering import Given
from errands.cli.desk import LeftAtOnce, Room
from errands.cli.exits import ExitCode
from errands.cli.follow import Left, Manner, follow_run
from errands.cli.palette import theme
from errands.cli.screen import Screen
from errands.core.access import Principal
from errands.core.outcomes import RunStatus
from errands.services.errors import Denied
from errands.services.views import ApprovalView, RunChanged, RunEnded, RunSnapshot, WaitView
from tests.faces.made_up import APPROVAL_ID, NOW, RUN_ID, approval_wait, run
from tests.faces.stage import Stage

HERE = Manner(held_here=True, stay=False)
PATIENT = Manner(held_here=True, stay=True)
ELSEWHERE = Manner(held_here=False, stay=True)
RUNNING = RunSnapshot(run(RunStatus.RUNNING))
ASKS = RunChanged(RunStatus.WAITING, (approval_wait(),))


class Follower:
    """A follower at work, and what it has said."""

    def __init__(self, stage: Stage, manner: Manner) -> None:
        self.said, self.shown = StringIO(), StringIO()
        out = Console(file=self.shown, theme=theme(), width=100)
        err = Console(file=self.said, theme=theme(), width=200)
        self.task = asyncio.create_task(
            follow_run(Screen(out, err), Room(stage.client("user:ana"), "default"), RUN_ID, manner)
        )

    async def left(self) -> Left:
        async with asyncio.timeout(5):
            return await self.task


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    made.runs.script = (RUNNING,)
    yield made


async def _until(condition: Any) -> None:
    """Let others run until it holds."""
    async with asyncio.timeout(5):
        while True:
            if condition():
                return
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (RunStatus.SUCCEEDED, 0),
        (RunStatus.FAILED, 1),
        (RunStatus.TIMED_OUT, 4),
        (RunStatus.CANCELLED, 3),
        (RunStatus.SKIPPED, 6),
    ],
)
async def test_the_exit_code_is_the_outcome(stage: Stage, status: RunStatus, code: int) -> None:
    stage.runs.script = (RUNNING, RunEnded(run(status)))
    left = await Follower(stage, HERE).left()
    assert (left.code, left.status) == (code, status)


async def test_a_run_that_waits_for_people_is_left_waiting_where_nobody_follows(stage: Stage) -> None:
    stage.runs.script = (RUNNING, ASKS)
    assert (await Follower(stage, HERE).left()).code is ExitCode.WAITING


async def test_a_short_timer_is_waited_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "local_now", lambda: NOW)
    soon = WaitView("pause", "timer", NOW, NOW.replace(second=40))
    stage.runs.script = (RUNNING, RunChanged(RunStatus.WAITING, (soon,)), RunEnded(run()))
    assert (await Follower(stage, HERE).left()).code is ExitCode.SUCCEEDED


async def test_a_long_timer_is_not_waited_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "local_now", lambda: NOW)
    late = WaitView("pause", "timer", NOW, NOW.replace(hour=20))
    stage.runs.script = (RUNNING, RunChanged(RunStatus.WAITING, (late,)))
    assert (await Follower(stage, HERE).left()).code is ExitCode.WAITING


async def test_a_sub_task_at_work_is_waited_for_and_one_that_waits_is_not(stage: Stage) -> None:
    child = WaitView("sub", "child", NOW, None, child=RUN_ID)
    stage.runs.view = run(RunStatus.RUNNING)
    stage.runs.script = (RUNNING, RunChanged(RunStatus.WAITING, (child,)), RunEnded(run()))
    assert (await Follower(stage, HERE).left()).code is ExitCode.SUCCEEDED
    stage.runs.view = run(RunStatus.WAITING, waiting=(approval_wait(),))
    assert (await Follower(stage, HERE).left()).code is ExitCode.WAITING


async def test_the_first_ctrl_c_cancels_a_run_that_is_held_here_and_stays_for_its_end(stage: Stage) -> None:
    follower = Follower(stage, HERE)
    await _until(lambda: "report" in follower.shown.getvalue())
    signal.raise_signal(signal.SIGINT)
    await stage.runs.cancelled.wait()
    assert stage.runs.given == {"by": "user:ana", "reason": "Ctrl-C"}
    assert "Ctrl-C again leaves at once" in follower.said.getvalue()
    stage.runs.events.put_nowait(RunEnded(run(RunStatus.CANCELLED)))
    assert (await follower.left()).code is ExitCode.CANCELLED


async def test_the_second_ctrl_c_leaves_at_once_and_says_how_the_run_goes_on(stage: Stage) -> None:
    follower = Follower(stage, HERE)
    await _until(lambda: "report" in follower.shown.getvalue())
    signal.raise_signal(signal.SIGINT)
    await stage.runs.cancelled.wait()
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(LeftAtOnce):
        await follower.left()
    assert "errands worker" in follower.said.getvalue()


async def test_ctrl_c_only_leaves_a_run_that_is_held_elsewhere(stage: Stage) -> None:
    follower = Follower(stage, ELSEWHERE)
    await _until(lambda: "report" in follower.shown.getvalue())
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(LeftAtOnce):
        await follower.left()
    assert not stage.runs.cancelled.is_set()
    assert "the run goes on" in follower.said.getvalue()


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch) -> "asyncio.Queue[Given | BaseException]":
    """Somebody sits there and answers what the test puts into the queue."""
    answers: asyncio.Queue[Given | BaseException] = asyncio.Queue()

    async def ask(screen: Screen, approval: ApprovalView) -> Given:
        screen.remark(f"asked: {approval.question}")
        answer = await answers.get()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(Screen, "asks", property(lambda self: True))
    monkeypatch.setattr(following, "ask_approval", ask)
    return answers


Answers = "asyncio.Queue[Given | BaseException]"


async def test_a_question_is_asked_once_at_the_terminal_and_the_answer_given(stage: Stage, at_terminal: Any) -> None:
    stage.runs.script = (RUNNING, ASKS, ASKS)
    at_terminal.put_nowait(Given("send", {"text": "Hello"}))
    follower = Follower(stage, PATIENT)
    await _until(lambda: stage.approvals.answers)
    assert stage.approvals.answers == [
        {"person": "user:ana", "choice": "send", "form": {"text": "Hello"}, "note": None}
    ]
    stage.runs.events.put_nowait(RunEnded(run()))
    assert (await follower.left()).code is ExitCode.SUCCEEDED
    assert follower.said.getvalue().count("asked: Send it?") == 1


async def test_a_refused_answer_is_explained_and_the_question_left_open(stage: Stage, at_terminal: Any) -> None:
    stage.runs.script = (RUNNING, ASKS)
    stage.approvals.refusal = Denied("user:ana started the run and may not answer.", "Answer --as somebody else.")
    at_terminal.put_nowait(Given("send", {}))
    follower = Follower(stage, PATIENT)
    await _until(lambda: "Answer --as somebody else." in follower.said.getvalue())
    stage.runs.events.put_nowait(RunEnded(run()))
    assert (await follower.left()).code is ExitCode.SUCCEEDED


async def test_a_question_answered_elsewhere_is_withdrawn(stage: Stage, at_terminal: Any) -> None:
    stage.runs.script = (RUNNING, ASKS)
    follower = Follower(stage, PATIENT)
    await _until(lambda: "asked" in follower.said.getvalue())
    stage.runs.events.put_nowait(RunChanged(RunStatus.RUNNING, ()))
    stage.runs.events.put_nowait(RunEnded(run()))
    assert (await follower.left()).code is ExitCode.SUCCEEDED
    assert stage.approvals.answers == []


async def test_the_end_of_input_leaves_the_question_open_and_says_how_to_answer(stage: Stage, at_terminal: Any) -> None:
    stage.runs.script = (RUNNING, ASKS)
    at_terminal.put_nowait(EOFError())
    follower = Follower(stage, PATIENT)
    await _until(lambda: f"errands approve {APPROVAL_ID}" in follower.said.getvalue())
    stage.runs.events.put_nowait(RunEnded(run()))
    assert (await follower.left()).code is ExitCode.SUCCEEDED


async def test_an_error_of_the_services_ends_following_with_that_error(stage: Stage) -> None:
    class Broken(Exception):
        pass

    async def broken(caller: Principal, run_id: str, *, largest: int | None = None) -> AsyncIterator[Any]:
        yield RUNNING
        raise Broken

    stage.runs.follow = broken  # type: ignore[method-assign]
    with pytest.raises(Broken):
        await Follower(stage, HERE).left()


async def test_signals_have_their_own_meaning_again_afterwards(stage: Stage) -> None:
    stage.runs.script = (RUNNING, RunEnded(run()))
    await Follower(stage, HERE).left()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
