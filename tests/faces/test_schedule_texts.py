"""Previews of schedules as they are shown."""

from datetime import datetime, timedelta, timezone

from errands.cli.schedule_texts import preview_lines
from errands.services.trigger_views import PreviewLine, PreviewView


def test_moments_carry_the_name_of_their_zone_although_they_came_with_an_offset_alone() -> None:
    at = datetime(2026, 11, 27, 9, tzinfo=timezone(timedelta(hours=1)))
    line = PreviewLine(at, at, at, at, "fires", None)
    view = PreviewView("Every day at 09:00, Europe/Berlin", "Europe/Berlin", "Asia/Tokyo", 0, (line,), ends=False)
    assert preview_lines(view)[1] == "  Fri 2026-11-27 09:00:00 CET   Fri 2026-11-27 17:00:00 JST"
