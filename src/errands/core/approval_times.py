"""When people are told of an approval: asked at once, reminded, joined by others, and that it is overdue. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """What the moments of an open approval follow from, and what was told already."""

    created_at: datetime
    remind: timedelta | None = None
    """Time between reminders."""
    escalate_after: timedelta | None = None
    overdue_after: timedelta | None = None
    """When an alarm is raised."""
    asked_at: datetime | None = None
    reminded_at: datetime | None = None
    escalated_at: datetime | None = None
    overdue_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Notices:
    """What is to be told now."""

    ask: bool
    remind: bool
    escalate: bool
    overdue: bool
    next_at: datetime | None
    """When to look again. None: nothing is left to tell."""


def notices(question: OpenQuestion, now: datetime) -> Notices:
    """What is due by now. Reminders that fell due while nobody was there count as one."""
    escalated_at = _moment(question.created_at, question.escalate_after, question.escalated_at)
    overdue_at = _moment(question.created_at, question.overdue_after, question.overdue_at)
    ask = question.asked_at is None
    rounds = _rounds(question, now)
    told = 0 if question.reminded_at is None else _rounds(question, question.reminded_at)
    remind = rounds > told
    escalate = escalated_at is not None and escalated_at <= now
    overdue = overdue_at is not None and overdue_at <= now
    following = (
        None if question.remind is None else question.created_at + (rounds + 1) * question.remind,
        None if escalate else escalated_at,
        None if overdue else overdue_at,
    )
    next_at = min((moment for moment in following if moment is not None), default=None)
    return Notices(ask, remind and not ask, escalate, overdue, next_at)


def _moment(since: datetime, after: timedelta | None, done_at: datetime | None) -> datetime | None:
    """When something is to be told that was not told yet."""
    return None if after is None or done_at is not None else since + after


def _rounds(question: OpenQuestion, at: datetime) -> int:
    """How many reminders have fallen due by a moment."""
    if question.remind is None or question.remind <= timedelta(0):
        return 0
    return max((at - question.created_at) // question.remind, 0)
