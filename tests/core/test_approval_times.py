"""When people are told of an approval."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from errands.core.approval_times import OpenQuestion, notices

BORN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def after(hours: float) -> datetime:
    return BORN + timedelta(hours=hours)


def test_a_new_question_is_asked_and_comes_up_again_at_its_next_moment() -> None:
    found = notices(OpenQuestion(BORN, remind=4 * HOUR, escalate_after=24 * HOUR), BORN)
    assert (found.ask, found.remind, found.escalate, found.overdue) == (True, False, False, False)
    assert found.next_at == after(4)
    assert notices(OpenQuestion(BORN), BORN).next_at is None


def test_a_reminder_falls_due_once_each_round() -> None:
    asked = OpenQuestion(BORN, remind=4 * HOUR, asked_at=BORN)
    assert not notices(asked, after(3.9)).remind
    due = notices(asked, after(4))
    assert (due.remind, due.next_at) == (True, after(8))
    told = OpenQuestion(BORN, remind=4 * HOUR, asked_at=BORN, reminded_at=after(4))
    assert not notices(told, after(7.9)).remind
    assert notices(told, after(8)).remind


def test_reminders_that_fell_due_while_nobody_was_there_are_one() -> None:
    asked = OpenQuestion(BORN, remind=4 * HOUR, asked_at=BORN)
    late = notices(asked, after(13))
    assert (late.remind, late.next_at) == (True, after(16))


def test_who_is_only_now_asked_is_not_reminded_in_the_same_breath() -> None:
    found = notices(OpenQuestion(BORN, remind=HOUR), after(5))
    assert (found.ask, found.remind) == (True, False)


def test_others_are_asked_once_and_the_alarm_is_raised_once() -> None:
    open_question = OpenQuestion(BORN, escalate_after=24 * HOUR, overdue_after=30 * HOUR, asked_at=BORN)
    assert notices(open_question, after(24)).escalate
    both = notices(open_question, after(31))
    assert (both.escalate, both.overdue, both.next_at) == (True, True, None)
    done = OpenQuestion(
        BORN, escalate_after=24 * HOUR, overdue_after=30 * HOUR, asked_at=BORN, escalated_at=after(24), overdue_at=BORN
    )
    assert not notices(done, after(99)).escalate
    assert not notices(done, after(99)).overdue


@given(
    st.timedeltas(timedelta(seconds=1), timedelta(days=2)),
    st.lists(st.timedeltas(timedelta(0), timedelta(days=1)), max_size=30),
)
def test_whenever_one_looks_no_round_is_told_twice_and_the_next_look_lies_ahead(
    remind: timedelta, looks: list[timedelta]
) -> None:
    now, reminded_at, told = BORN, None, []
    for pause in looks:
        now += pause
        found = notices(OpenQuestion(BORN, remind=remind, asked_at=BORN, reminded_at=reminded_at), now)
        assert found.next_at is not None
        assert found.next_at > now
        if found.remind:
            told.append((now - BORN) // remind)
            reminded_at = now
    assert told == sorted(set(told))
    assert 0 not in told
