"""The audit log as a table."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from errands.cli.figures import moment
from errands.cli.tables import Column, table
from errands.core.values import to_text
from errands.services.people_views import AuditEntry

if TYPE_CHECKING:
    from rich.console import Group


def entry_table(entries: Sequence[AuditEntry], now: datetime, width: int) -> "Group":
    """One entry a row."""
    columns = [
        Column("Entry", align="right", rank=-1),
        Column("When", rank=-1),
        Column("Who", "accent", rank=1),
        Column("Did"),
        Column("To", rank=1),
        Column("", rank=0),
        Column("More", rank=2),
    ]
    rows = [
        (
            str(one.seq),
            moment(one.at, now),
            one.actor,
            one.verb,
            f"{one.noun} {one.name}" + (f" in {one.project}" if one.project and one.project != one.name else ""),
            "" if one.outcome == "done" else one.outcome,
            to_text(one.detail) if one.detail else "",
        )
        for one in entries
    ]
    return table(columns, rows, width)
