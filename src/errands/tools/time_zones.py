"""`time.convert`: a moment as the clocks of a time zone show it, and the other way round."""

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field

from errands.core.ports import Effect
from errands.tools.refusal import Refusal
from errands.tools.tool import Arguments, Output, ToolContext, tool

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class ConvertArguments(Arguments):
    at: Annotated[
        str,
        Field(
            max_length=40,
            description="ISO 8601. With an offset it is a moment; without one it is what clocks of the zone show",
        ),
    ]
    timezone: Annotated[str, Field(max_length=60, description="IANA name, such as Europe/Berlin")]


class ConvertOutput(Output):
    at: Annotated[str, Field(description="The moment in UTC")]
    local: Annotated[str, Field(description="The same with the zone's offset")]
    date: Annotated[str, Field(description="YYYY-MM-DD, as clocks of the zone show it")]
    time: Annotated[str, Field(description="HH:MM")]
    weekday: Annotated[str, Field(description="mon to sun")]
    offset_minutes: Annotated[int, Field(description="From UTC to the zone, east positive")]


@tool("time.convert", effect=Effect.NONE)
async def time_convert(arguments: ConvertArguments, context: ToolContext) -> ConvertOutput:
    """Say what the clocks of a time zone show at a moment, or which moment it is when they show something.

    A time that the clocks skip in spring is the moment as much after the gap; of one that they show twice in autumn it
    is the first.
    """
    if arguments.timezone not in available_timezones():
        raise Refusal(
            "input", f"there is no time zone {arguments.timezone!r}", "write one such as Europe/Berlin or UTC"
        )
    try:
        said = datetime.fromisoformat(arguments.at)
    except ValueError:
        raise Refusal("input", f"{arguments.at!r} is not a moment", "write it like 2026-12-01T09:00") from None
    zone = ZoneInfo(arguments.timezone)
    moment = (said if said.tzinfo is not None else said.replace(tzinfo=zone)).astimezone(UTC)
    local = moment.astimezone(zone)
    offset = local.utcoffset()
    assert offset is not None
    return ConvertOutput(
        at=moment.isoformat(),
        local=local.isoformat(),
        date=local.date().isoformat(),
        time=local.strftime("%H:%M"),
        weekday=_DAYS[local.weekday()],
        offset_minutes=round(offset.total_seconds() / 60),
    )
