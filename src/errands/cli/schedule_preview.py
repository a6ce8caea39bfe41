"""`errands schedule preview`: of a schedule on the command line, or of a task's trigger."""

import shlex
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from errands.cli.desk import Desk
from errands.cli.displays import local_now
from errands.cli.given import BadInput, read_text
from errands.cli.schedule_texts import preview_lines
from errands.cli.screen import Screen
from errands.core.definition.document import read_document
from errands.core.definition.nodes import plain
from errands.core.schedules import CalendarUnknown, ScheduleInvalid, parse_schedule
from errands.core.values import JsonObject
from errands.services.schedules import preview, upcoming


def preview_spec(screen: Screen, spec: str, *, timezone: str | None, after: str | None, count: int) -> None:
    """Of one schedule as YAML or JSON; pure. Raises BadInput with every problem."""
    zone = _zone(timezone)
    said = _read(spec)
    moment = _moment(after, zone)
    try:
        if screen.as_json:
            found = upcoming(said, timezone=timezone, after=moment or local_now(), count=count)
            screen.document([one.isoformat() for one in found])
            return
        parsed = parse_schedule(said, default_timezone=timezone or "UTC")
        start = (moment or local_now()) if moment is None or moment.tzinfo else _in_zone(moment, parsed.timezone)
        view = preview(parsed, after=start, count=count, reader_timezone=timezone)
    except ScheduleInvalid as invalid:
        lines = [f"{path or 'schedule'}: {message}" for path, message, _ in invalid.problems]
        raise BadInput("; ".join(lines), hint=invalid.problems[0].hint) from None
    except CalendarUnknown as unknown:
        raise BadInput(str(unknown), hint="A calendar is known where it is kept: preview a task's trigger.") from None
    for line in preview_lines(view):
        screen.say(line)


async def preview_trigger(
    desk: Desk,
    project: str | None,
    task: str | None,
    trigger: str | None,
    *,
    timezone: str | None,
    after: str | None,
    count: int,
) -> None:
    """Of a task's trigger, with the closed periods that the project knows. Raises BadInput."""
    if task is None:
        raise BadInput("Nothing to preview", hint="Name a task and its trigger, or give --spec 'daily: \"09:00\"'.")
    if trigger is None:
        hint = f"Name one of its schedules as well: errands schedule list --task {shlex.quote(task)}"
        raise BadInput(f"{task!r} is named without a trigger", hint=hint)
    zone = _zone(timezone)
    moment = _moment(after, zone)
    if moment is not None and moment.tzinfo is None:
        moment = moment.astimezone()
    async with desk.open(project) as room:
        view = await room.client.triggers.preview(
            room.project, task, trigger, count=count, after=moment, timezone=timezone
        )
    desk.screen.document(view)
    for line in preview_lines(view):
        desk.screen.say(line)


def _read(spec: str) -> JsonObject:
    """Read as task files are, so that a moment or `on` means the same here."""
    text = read_text(Path(spec[1:])) if spec.startswith("@") else spec
    found = read_document(text)
    if found.root is None or found.problems:
        first = found.problems[0] if found.problems else None
        said = f": line {first.line}, column {first.column}: {first.message}" if first else ""
        whole = first is None or first.hint is None or first.code in ("empty", "wrong-type")
        hint = "Such as --spec 'daily: \"09:00\"'" if first is None or whole else first.hint
        raise BadInput(f"--spec holds no schedule{said}", hint=hint)
    value = plain(found.root)
    assert isinstance(value, Mapping)
    return value


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(f"{name!r} is no time zone", hint="Write an IANA name such as Europe/Berlin") from None


def _moment(text: str | None, zone: ZoneInfo | None) -> datetime | None:
    """As it was written; one without an offset is in the asked zone, if one was asked for."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is no moment", hint="Write ISO 8601, such as 2026-11-20T09:00:00+01:00") from None
    return moment.replace(tzinfo=zone) if moment.tzinfo is None and zone is not None else moment


def _in_zone(moment: datetime, name: str) -> datetime:
    return moment.replace(tzinfo=ZoneInfo(name))
