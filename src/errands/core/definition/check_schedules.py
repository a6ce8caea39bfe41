"""Do the schedules of a task mean something, and do they ever fire?"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from errands.core.definition.nodes import Path, read_path
from errands.core.definition.report import Report
from errands.core.definition.task import TaskDefinition
from errands.core.definition.triggers import EventTrigger, ScheduleTrigger
from errands.core.schedules.findings import ScheduleInvalid
from errands.core.schedules.firing import next_fire
from errands.core.schedules.parse import parse_schedule
from errands.core.schedules.schedule import NamedCalendar, Schedule

_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


def check_triggers(task: TaskDefinition, report: Report, now: datetime | None) -> None:
    """Schedules that can be read and fire, events that say what they wait for."""
    for index, trigger in enumerate(task.triggers):
        path: Path = ("triggers", index)
        match trigger:
            case ScheduleTrigger():
                _check_schedule(trigger, (*path, "schedule"), report, now)
            case EventTrigger():
                _check_event(trigger, (*path, "event"), task, report)
            case _:
                pass


def _check_schedule(trigger: ScheduleTrigger, path: Path, report: Report, now: datetime | None) -> None:
    try:
        schedule = _without_calendars(parse_schedule(trigger.schedule))
    except ScheduleInvalid as invalid:
        for problem in invalid.problems:
            here = (*path, *read_path(problem.path))
            report.error(here, problem.message, problem.hint, code="bad-schedule")
        return
    if next_fire(schedule, now or _LONG_AGO) is None:
        ever = "again" if now is not None and next_fire(schedule, _LONG_AGO) is not None else "at all"
        hint = "no time fits all of its parts; look at the dates, `until` and `window`"
        report.error(path, f"this schedule does not fire {ever}", hint, code="never-fires")


def _without_calendars(schedule: Schedule) -> Schedule:
    """Named calendars change without the file: what they close says nothing about it."""
    return replace(schedule, exclusions=tuple(one for one in schedule.exclusions if not isinstance(one, NamedCalendar)))


def _check_event(trigger: EventTrigger, path: Path, task: TaskDefinition, report: Report) -> None:
    event = trigger.event
    if (event.task is None) == (event.name is None):
        hint = "write `task: name` for the end of another task, or `name: event` for a project event"
        report.error(path, "an event trigger waits for either a task or a named event", hint, code="bad-value")
    elif event.task == task.task:
        hint = "a task that starts itself never stops; use a schedule or `repeat`"
        report.error((*path, "task"), "this task would start itself again and again", hint, code="task-cycle")
    elif event.task is not None and event.match is not None:
        report.error((*path, "key"), "`key` belongs to a named event, not to a task", "remove it", code="unknown-key")
