"""Schedules in words and tables: previews, ledgers, simulations."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from errands.cli.figures import count, duration, moment, plural
from errands.cli.tables import Column, table
from errands.services.trigger_views import (
    BackfillView,
    MissedView,
    OccurrenceView,
    PreviewView,
    SimulationView,
    TriggerView,
)

if TYPE_CHECKING:
    from rich.console import Group


def trigger_table(views: Sequence[TriggerView], now: datetime, width: int) -> "Group":
    """Triggers, one a line: what they are, when they fire next, what became of the last time."""
    columns = [Column("trigger", rank=-1), Column("starts", rank=1), Column("next", rank=-1), Column("last", rank=0)]
    rows = [
        (
            f"{view.task}/{view.name}",
            view.sentence or f"on {view.kind}",
            f"held: {view.held}" if view.held else _moment(view.next_at, now),
            "-" if view.last_outcome is None else f"{_said(view.last_outcome)} {_moment(view.last_planned_at, now)}",
        )
        for view in views
    ]
    return table(columns, rows, width)


def ledger_table(views: Sequence[OccurrenceView], now: datetime, width: int) -> "Group":
    """Planned times and what became of them."""
    columns = [
        Column("planned", rank=-1),
        Column("trigger", rank=1),
        Column("outcome", rank=-1),
        Column("run", rank=0),
        Column("why", rank=1),
    ]
    rows = [
        (
            moment(view.planned_at, now),
            f"{view.task}/{view.trigger}",
            _said(view.outcome),
            "-" if view.run is None else view.run[-8:],
            view.reason or "",
        )
        for view in views
    ]
    return table(columns, rows, width)


def missed_text(view: MissedView, *, catch_up: bool, done: bool) -> str:
    """One sentence on the planned times that a pause has held back, and what of them runs."""
    if view.held_back == 0:
        return "No planned time was held back."
    were = "was" if view.held_back == 1 else "were"
    held = f"{plural(view.held_back, 'planned time')} {were} held back"
    if not catch_up or view.would_run == 0:
        return f"{held}; none of them runs."
    return f"{held}; {count(view.would_run)} of them {'will run now' if done else 'would run'}."


def preview_lines(view: PreviewView) -> list[str]:
    """The sentence, then a line for each planned time in the schedule's zone, and the reader's where it is another."""
    lines = [f"{view.sentence}."]
    if view.jitter:
        lines.append(f"Starts are spread over {duration(view.jitter)} after each planned time.")
    two = view.reader_timezone != view.timezone
    own, readers = ZoneInfo(view.timezone), ZoneInfo(view.reader_timezone)  # An offset alone has no name, such as CET.
    for one in view.lines:
        reader = f"   {one.reader_local.astimezone(readers):%a %Y-%m-%d %H:%M:%S %Z}" if two else ""
        why = "" if one.reason is None else f"   {one.verdict}: {one.reason}"
        lines.append(f"  {one.local.astimezone(own):%a %Y-%m-%d %H:%M:%S %Z}{reader}{why}")
    if view.ends:
        lines.append("Nothing follows." if view.lines else "No planned time is to come.")
    return lines


def simulation_lines(view: SimulationView) -> list[str]:
    """What is to come: totals, the busiest days, collisions, advice."""
    busy = sum(day.busy_seconds for day in view.days)
    usd = sum(day.usd for day in view.days)
    lines = [
        f"{plural(view.triggers, 'schedule')} over {plural(len(view.days), 'day')}: "
        f"{count(view.starts)} starts, {count(view.skipped)} skipped.",
        f"Estimated from past runs: {duration(busy)} of work, ${usd:,.2f}.",
    ]
    if view.busiest is not None:
        lines.append(
            f"Busiest minute: {view.busiest:%Y-%m-%d %H:%M} UTC with {plural(view.most_in_a_minute, 'start')}."
        )
    for day in sorted(view.days, key=lambda day: -day.starts)[:3]:
        lines.append(f"  {day.day}: {count(day.starts)} starts, {duration(day.busy_seconds)} of work")
    if view.collisions:
        lines.append("Starting in the same minute (UTC):")
    for one in view.collisions:
        names = ", ".join(one.triggers[:4]) + (f" and {len(one.triggers) - 4} more" if len(one.triggers) > 4 else "")
        lines.append(f"  {one.at} on {plural(one.days, 'day')}: {names}")
    lines += [f"Suggestion: {text}" for text in view.suggestions]
    if view.estimated:
        lines.append(f"Only the first days were looked at, the rest is their average: {', '.join(view.estimated[:5])}.")
    lines += [f"Left out: {text}" for text in view.unreadable]
    return lines


def backfill_table(views: Sequence[BackfillView], width: int) -> "Group":
    """Backfills and how far they are."""
    columns = [
        Column("backfill", rank=-1),
        Column("trigger", rank=-1),
        Column("range", rank=1),
        Column("status", rank=-1),
        Column("runs", rank=-1),
    ]
    rows = [
        (
            view.id,
            f"{view.task}/{view.trigger}",
            f"{view.start:%Y-%m-%d %H:%M} to {view.end:%Y-%m-%d %H:%M}",
            view.status,
            f"{view.started} of {view.total}",
        )
        for view in views
    ]
    return table(columns, rows, width)


def _said(outcome: str) -> str:
    return outcome.replace("_", " ")


def _moment(at: datetime | None, now: datetime) -> str:
    return "-" if at is None else moment(at, now)
