"""The tree of a run: in the order of the file, folded to the screen, never wider than it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from errands.cli.progress import Progress
from errands.cli.rows import Canvas, draw, fit, rows
from errands.cli.tree import Node, grow
from errands.core.outcomes import RunStatus, StepStatus, Usage
from errands.services.views import RunSnapshot, StepChanged, StepView, TokenShown, WaitView
from tests.faces.made_up import NOW, approval_wait, call, failed, outline, run, step, turn

S = StepStatus


def progress(*steps: StepView, status: RunStatus = RunStatus.RUNNING, waits: tuple[WaitView, ...] = ()) -> Progress:
    made = Progress(outline())
    made.take(RunSnapshot(run(status, steps, waiting=waits)), NOW)
    made.ended = status.final
    return made


def lines(made: Progress, width: int = 100, height: int = 100, *, below: bool = False) -> list[str]:
    return [line.plain for line in draw(fit(grow(made, NOW, below=below), height), Canvas(width))]


def test_steps_stand_in_the_order_of_the_file_whatever_order_they_came_in() -> None:
    made = progress()
    for path, depth in (
        ("mail", 0),
        ("summary", 1),
        ("orders", 0),
        ("notes[1].note", 1),
        ("if#1", 0),
        ("notes[0].note", 1),
    ):
        made.take(StepChanged(step(path, depth=depth)), NOW)
    assert [one.path for one in made.in_order()] == [
        "orders",
        "if#1",
        "summary",
        "notes[0].note",
        "notes[1].note",
        "mail",
    ]


def test_steps_to_come_are_shown_until_the_run_ends() -> None:
    assert [line.split()[1] for line in lines(progress(step("orders")))] == [
        "Last",
        "totals",
        "if",
        "notes",
        "ok",
        "mail",
    ]
    assert len(lines(progress(step("orders"), status=RunStatus.FAILED))) == 1


def test_a_row_names_title_tool_and_figures() -> None:
    [row] = lines(
        progress(
            step("orders", attempts=2, usage=Usage(12_000, 400), title="Last week's orders"), status=RunStatus.FAILED
        )
    )
    assert row.split("  ")[0] == "✓ Last week's orders"
    assert "sql.query" in row
    assert row.endswith("2 attempts  12.4k tok  1.0s")


def test_a_branch_is_named_at_its_first_step_and_a_skipped_step_stays_visible() -> None:
    text = lines(progress(step("if#1"), step("nothing", S.SKIPPED, depth=1), step("summary", depth=1)))
    assert any(line.startswith("  ╌ nothing") for line in text)
    assert any(line.startswith("  ✓ else: summary") for line in text)


def test_a_loop_counts_its_rounds() -> None:
    made = progress(
        step("notes", S.RUNNING, kind="for_each", input={"items": [1, 2, 3, 4, 5]}),
        step("notes[0].note"),
        step("notes[1].note"),
        step("notes[2].note", S.RUNNING),
    )
    loop = next(line for line in lines(made) if "notes" in line)
    assert "2 of 5" in loop


def test_a_loop_known_only_by_its_rounds_is_shown_above_them() -> None:
    text = lines(progress(step("notes[0].note", S.RUNNING)))
    at = next(index for index, line in enumerate(text) if line.startswith("▸ notes"))
    assert text[at + 1].startswith("  ▸ [0] note")


def test_ended_rounds_are_folded_and_failed_ones_stay() -> None:
    rounds = [step(f"notes[{number}].note") for number in range(200)]
    rounds[7] = failed("notes[7].note", "connection refused")
    text = lines(progress(step("notes", S.RUNNING, kind="for_each"), *rounds))
    assert any("199 rounds succeeded" in line for line in text)
    assert any("[7] note" in line for line in text)
    assert any("connection refused" in line for line in text)
    assert len(text) < 12


def test_a_waiting_step_says_how_it_goes_on() -> None:
    text = lines(progress(step("ok", S.WAITING), status=RunStatus.WAITING, waits=(approval_wait(),)))
    assert any(line.strip().startswith("waiting for an answer: errands approve apr_") for line in text)
    event = WaitView("ok", "event", NOW, NOW + timedelta(hours=2), event="paid", key="A-1")
    text = lines(progress(step("ok", S.WAITING), status=RunStatus.WAITING, waits=(event,)))
    assert any("waiting for the event paid with the key A-1 (until 11:00:10, in 2h00m)" in line for line in text)


def test_a_running_agent_shows_its_last_calls_and_what_its_model_says() -> None:
    made = progress(
        step(
            "summary", S.RUNNING, depth=1, below=(turn("summary/turn[0]", "x"), call("summary/turn[0]/sql.query[0]", 1))
        )
    )
    made.take(TokenShown("summary/turn[1]", "Orders rose by "), NOW)
    made.take(TokenShown("summary/turn[1]", "a fifth."), NOW)
    text = "\n".join(lines(made))
    assert "turn[0]" in text
    assert "sql.query[0]" in text
    assert "Orders rose by a fifth." in text


def test_a_step_in_which_a_model_speaks_is_at_work_even_if_nobody_saw_it_begin() -> None:
    made = progress()
    made.take(TokenShown("summary/turn[0]", "Orders rose"), NOW)
    text = lines(made)
    assert any(line.startswith("▸ else: summary") for line in text)
    assert any("Orders rose" in line for line in text)


def test_a_running_step_is_timed_from_when_it_was_first_seen() -> None:
    made = progress()
    made.take(StepChanged(step("orders", S.RUNNING, started_at=None)), NOW - timedelta(seconds=3))
    [row] = [line for line in lines(made) if "Last week" in line] or [line for line in lines(made) if "orders" in line]
    assert row.endswith("3.0s")


@pytest.mark.parametrize("height", [3, 5, 8, 20])
def test_a_tree_fits_the_height_and_keeps_what_is_under_way(height: int) -> None:
    many = [step(f"notes[{number}].note", S.SUCCEEDED if number % 2 else S.FAILED) for number in range(50)]
    made = progress(step("orders"), step("totals"), step("notes", kind="for_each"), *many, step("mail", S.RUNNING))
    text = lines(made, height=height)
    assert len(text) <= height
    assert height < 5 or any("mail" in line for line in text)


HOSTILE = (
    st.text(st.characters(codec=None), min_size=1, max_size=300) | st.just("[bold]" + "x" * 300) | st.just("日" * 300)
)


@given(name=HOSTILE, message=HOSTILE, width=st.integers(20, 200))
def test_no_name_or_message_makes_a_row_wider_than_the_screen_or_breaks_it(name: str, message: str, width: int) -> None:
    made = progress(
        step("orders", title=name),
        step("summary", S.FAILED, depth=1, title=name, error=failed("summary", message).error),
    )
    drawn = draw(rows(grow(made, NOW)), Canvas(width))
    assert all(line.cell_len <= width and "\n" not in line.plain and cell_len(line.plain) <= width for line in drawn)


def test_without_unicode_every_state_has_an_ascii_sign_of_its_own() -> None:
    nodes = [Node(str(status), "x", status) for status in StepStatus]
    signs = [line.plain[0] for line in draw(rows(nodes), Canvas(40, unicode=False))]
    assert len(set(signs)) == len(signs)
    assert all(sign.isascii() for sign in signs)
