"""Schedules: what can be said, when it fires, and how it reads. Pure: no clock, no I/O but time zone data."""

from errands.core.schedules.describe import describe as describe
from errands.core.schedules.findings import ScheduleInvalid as ScheduleInvalid
from errands.core.schedules.findings import ScheduleProblem as ScheduleProblem
from errands.core.schedules.firing import Deferred as Deferred
from errands.core.schedules.firing import Fires as Fires
from errands.core.schedules.firing import Occurrence as Occurrence
from errands.core.schedules.firing import Skipped as Skipped
from errands.core.schedules.firing import SkipReason as SkipReason
from errands.core.schedules.firing import Verdict as Verdict
from errands.core.schedules.firing import between as between
from errands.core.schedules.firing import jittered as jittered
from errands.core.schedules.firing import next_fire as next_fire
from errands.core.schedules.gate import Calendars as Calendars
from errands.core.schedules.gate import CalendarUnknown as CalendarUnknown
from errands.core.schedules.parse import parse_schedule as parse_schedule
from errands.core.schedules.schedule import ClosedPeriod as ClosedPeriod
from errands.core.schedules.schedule import Schedule as Schedule
