"""What a followed run looks like: on a terminal, in a pipe, as JSON lines."""

import io
import json

import pytest
from rich.console import Console

from errands.cli.displays import Display, JsonLines, LiveTree, PlainLines, display_for
from errands.cli.palette import theme
from errands.cli.progress import Progress
from errands.cli.screen import Screen
from errands.core.outcomes import RunStatus, StepStatus
from errands.services.views import LineLogged, LogLine, RunChanged, RunEnded, RunEvent, RunSnapshot, StepChanged
from tests.faces.made_up import NOW, approval_wait, failed, outline, run, step

S = StepStatus
EVENTS: tuple[RunEvent, ...] = (
    RunSnapshot(run(RunStatus.QUEUED)),
    RunChanged(RunStatus.RUNNING, ()),
    StepChanged(step("orders", S.RUNNING)),
    StepChanged(step("orders", S.RUNNING)),
    LineLogged(LogLine(1, NOW, "orders", "warning", "slow \x1b[31mday[/]")),
    StepChanged(step("orders")),
    StepChanged(failed("totals", "division by [zero]")),
    RunChanged(RunStatus.WAITING, (approval_wait(),)),
    RunChanged(RunStatus.WAITING, (approval_wait(),)),
    RunEnded(run(RunStatus.FAILED, [step("orders"), failed("totals", "division by [zero]")])),
)


def screen(*, terminal: bool, as_json: bool = False, encoding: str = "utf-8") -> tuple[Screen, io.BytesIO]:
    raw = io.BytesIO()
    out = Console(
        file=io.TextIOWrapper(raw, encoding, write_through=True),
        theme=theme(),
        markup=False,
        emoji=False,
        highlight=False,
        force_terminal=terminal,
        width=100,
        height=30,
        color_system="truecolor" if terminal else None,
        _environ={},
    )
    return Screen(out, Console(file=io.StringIO(), theme=theme()), as_json), raw


def play(display: Display, events: tuple[RunEvent, ...] = EVENTS) -> None:
    progress = Progress(outline())
    for event in events:
        progress.take(event, NOW)
        display.show(event, progress)
        display.tick(progress)
    display.close(progress)


def test_the_display_fits_the_screen() -> None:
    assert isinstance(display_for(screen(terminal=True)[0], hint=""), LiveTree)
    assert isinstance(display_for(screen(terminal=False)[0], hint=""), PlainLines)
    assert isinstance(display_for(screen(terminal=True, as_json=True)[0], hint=""), JsonLines)


def test_a_pipe_gets_one_line_for_each_change_and_no_control_character() -> None:
    made, raw = screen(terminal=False)
    play(PlainLines(made))
    text = raw.getvalue().decode()
    assert not [char for char in text if ord(char) < 32 and char != "\n"]
    lines = text.splitlines()
    assert [line[9:] for line in lines[1:] if "orders  " in line] == ["▸ orders  running", "✓ orders  succeeded  1.0s"]
    assert sum("errands approve" in line for line in lines) == 1
    assert any(line.endswith("✗ totals  failed  1.0s: division by [zero]") for line in lines)
    assert any("slow ␛[31mday[/]" in line for line in lines)
    assert lines[-1].startswith("✗ failed")


def test_an_output_without_unicode_gets_ascii_signs() -> None:
    made, raw = screen(terminal=False, encoding="ascii")
    play(PlainLines(made), EVENTS[:4])
    assert b"> orders  running" in raw.getvalue()


def test_a_terminal_is_redrawn_in_place_and_ends_with_the_whole_tree() -> None:
    made, raw = screen(terminal=True)
    play(LiveTree(made, "Ctrl-C cancels"))
    text = raw.getvalue().decode()
    assert "\x1b[?25l" in text, "the cursor is hidden while the tree is redrawn"
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h"), "and shown again"
    assert "Ctrl-C cancels" in text
    assert "\x1b[31mday" not in text, "the log's own escape sequence is not obeyed"
    assert "division by [zero]" in text.rsplit("\x1b[?25h", 1)[1]


def test_json_lines_are_the_events_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    made, raw = screen(terminal=True, as_json=True)
    play(JsonLines(made, events=True))
    kinds = [json.loads(line)["kind"] for line in raw.getvalue().decode().splitlines()]
    assert kinds == [event.kind for event in EVENTS]
    assert b"\x1b" not in raw.getvalue()


def test_json_shows_no_event_where_only_the_end_is_wanted() -> None:
    made, raw = screen(terminal=True, as_json=True)
    play(JsonLines(made, events=False))
    assert raw.getvalue() == b""
