"""Triggers that listen to the outside, in words and tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from errands.cli.figures import count, moment
from errands.cli.neutral import one_line
from errands.cli.tables import Column, table
from errands.services.trigger_views import DeliveryView, TriggerView

if TYPE_CHECKING:
    from rich.console import Group

_NAME, _REASON = 60, 200


def trigger_lines(view: TriggerView, now: datetime) -> list[str]:
    """What a trigger is, where it is reached, and what became of the last time."""
    lines = [f"{view.task}/{view.name}: {view.sentence or f'starts a run on {view.kind}'}"]
    lines += [f"  address   {view.address}"] if view.address else []
    lines += [f"  next      {moment(view.next_at, now)}"] if view.next_at else []
    lines += [f"  held      {one_line(view.held, _REASON)}"] if view.held else []
    lines += [f"  note      {one_line(view.note, _REASON)}"] if view.note else []
    lines.append(f"  started   {count(view.fired)} runs")
    if view.last_outcome is not None and view.last_planned_at is not None:
        run = f" ({view.last_run})" if view.last_run else ""
        lines.append(f"  last      {view.last_outcome.replace('_', ' ')} {moment(view.last_planned_at, now)}{run}")
    return lines


def delivery_table(views: Sequence[DeliveryView], now: datetime, width: int) -> "Group":
    """What came, one a line; what was counted together shows how often."""
    columns = [
        Column("received", rank=-1),
        Column("outcome", rank=-1),
        Column("run", rank=0),
        Column("delivery", rank=2),
        Column("why", rank=1),
    ]
    rows = [
        (
            moment(view.received_at, now),
            view.outcome.replace("_", " ") + (f" x{view.count}" if view.count > 1 else ""),
            "-" if view.run is None else view.run[-8:],
            one_line(view.delivery or "", _NAME),
            one_line(view.reason or "", _REASON),
        )
        for view in views
    ]
    return table(columns, rows, width)
