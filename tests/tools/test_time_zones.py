"""`time.convert`: both ways, over the changes of the clock."""

import pytest

from tests.tools.bench import Bench


@pytest.mark.parametrize(
    ("at", "zone", "moment", "local", "weekday"),
    [
        ("2026-03-02T08:00:00+00:00", "Europe/Berlin", "2026-03-02T08:00:00+00:00", "2026-03-02T09:00:00+01:00", "mon"),
        ("2026-07-01T22:30", "America/New_York", "2026-07-02T02:30:00+00:00", "2026-07-01T22:30:00-04:00", "wed"),
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:30:00+00:00", "2026-03-29T03:30:00+02:00", "sun"),
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30:00+00:00", "2026-10-25T02:30:00+02:00", "sun"),
        ("2026-01-01T00:00:00Z", "Asia/Kolkata", "2026-01-01T00:00:00+00:00", "2026-01-01T05:30:00+05:30", "thu"),
    ],
)
async def test_a_moment_and_what_clocks_show_become_each_other(
    bench: Bench, at: str, zone: str, moment: str, local: str, weekday: str
) -> None:
    found = await bench.call("time.convert", at=at, timezone=zone)
    assert (found["at"], found["local"], found["weekday"]) == (moment, local, weekday)
    assert (found["date"], found["time"]) == (local[:10], local[11:16])


async def test_what_is_no_moment_and_no_zone_is_refused(bench: Bench) -> None:
    assert "'Berlin'" in (await bench.refused("time.convert", at="2026-01-01", timezone="Berlin")).message
    assert "'soon'" in (await bench.refused("time.convert", at="soon", timezone="UTC")).message
