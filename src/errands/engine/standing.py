"""Triggers as the scheduler finds them: their rows, their schedules, the calendars that those name."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from errands.core.definition.policies import Overlap
from errands.core.schedules import Calendars, ClosedPeriod, Schedule, parse_schedule
from errands.core.values import Json, JsonObject, from_text
from errands.store.connections import Connection, Pool, Row
from errands.store.sql import statement


@dataclass(frozen=True, slots=True)
class Standing:
    """A trigger with what is known of its task."""

    id: UUID
    name: str
    kind: str
    definition: str
    """JSON text; equal texts are parsed once."""
    enabled: bool
    note: str | None
    owner: str | None
    """Who has published it, such as `user:ana`."""
    default_timezone: str
    owner_timezone: str | None
    planned_up_to: datetime
    fired: int
    revision: int
    project_id: UUID
    project: str
    task_id: UUID
    task: str
    tags: frozenset[str]
    version_id: UUID | None
    """The published version."""
    paused: bool
    pause_note: str | None
    archived: bool
    closed: bool

    @property
    def schedule(self) -> Schedule:
        """Its schedule. Raises ScheduleInvalid, KeyError for a trigger of another kind."""
        return _schedule(self.definition, self.default_timezone, self.owner_timezone)

    @property
    def arguments(self) -> JsonObject:
        """Templates of the run's arguments."""
        found = _definition(self.definition).get("arguments")
        return found if isinstance(found, Mapping) else {}

    @property
    def idle(self) -> tuple[str, str] | None:
        """Why it starts nothing now, as a code and in words. `None`: it starts runs."""
        if self.closed:
            return "closed_trigger", "the trigger was taken out of the task"
        if self.archived:
            return "archived", "the task is archived"
        if self.paused:
            return "paused", "the task is paused" + (f": {self.pause_note}" if self.pause_note else "")
        if not self.enabled:
            return "disabled", "the trigger is disabled" + (f": {self.note}" if self.note else "")
        if self.version_id is None:
            return "unpublished", "no version of the task is published"
        return None


@dataclass(frozen=True, slots=True)
class Pending:
    """An occurrence that waits for its moment: deferred, made up for, or caused by something that has happened."""

    trigger: Standing
    planned_at: datetime
    cause: str
    source: str
    code: str | None
    overlap: Overlap | None
    """Of the backfill that it belongs to, instead of the schedule's."""


_COLUMNS = """
triggers.id, triggers.name, triggers.kind, triggers.definition, triggers.enabled, triggers.note, triggers.owner,
triggers.default_timezone, triggers.owner_timezone, triggers.planned_up_to, triggers.fired, triggers.revision,
triggers.closed_at, tasks.project_id, projects.name as project, tasks.id as task_id, tasks.name as task, tasks.tags,
tasks.published_version_id, tasks.paused_at, tasks.pause_note, tasks.archived_at
"""


async def due_triggers(pool: Pool, now: datetime, most: int, *, but: Sequence[UUID] = ()) -> list[Standing]:
    """Triggers to look at, those that are late first; `but` are left out."""
    rows = await pool.fetch(statement("due_triggers").replace("{columns}", _COLUMNS), now, most, list(but))
    return [standing(row) for row in rows]


async def due_soon(pool: Pool, after: datetime, until: datetime, most: int) -> list[Standing]:
    """Triggers to look at later than one moment and not later than another."""
    rows = await pool.fetch(statement("triggers_due_soon").replace("{columns}", _COLUMNS), after, until, most)
    return [standing(row) for row in rows]


async def due_occurrences(pool: Pool, now: datetime, most: int, *, but: Sequence[UUID] = ()) -> list[Pending]:
    """Occurrences whose moment has come, in the order of their moments."""
    rows = await pool.fetch(statement("due_occurrences").replace("{columns}", _COLUMNS), now, most, list(but))
    return [
        Pending(
            standing(row),
            row["occurrence_planned_at"],
            row["cause"],
            row["source"],
            row["code"],
            row["overlap"],
        )
        for row in rows
    ]


async def find_standing(connection: Connection | Pool, trigger_id: UUID) -> Standing | None:
    """One trigger."""
    row = await connection.fetchrow(
        f"select {_COLUMNS} from triggers join tasks on tasks.id = triggers.task_id "
        "join projects on projects.id = tasks.project_id where triggers.id = $1",
        trigger_id,
    )
    return None if row is None else standing(row)


def standing(row: Row) -> Standing:
    """A trigger from its row."""
    return Standing(
        id=row["id"],
        name=row["name"],
        kind=row["kind"],
        definition=row["definition"],
        enabled=row["enabled"],
        note=row["note"],
        owner=row["owner"],
        default_timezone=row["default_timezone"],
        owner_timezone=row["owner_timezone"],
        planned_up_to=row["planned_up_to"],
        fired=row["fired"],
        revision=row["revision"],
        project_id=row["project_id"],
        project=row["project"],
        task_id=row["task_id"],
        task=row["task"],
        tags=frozenset(row["tags"]),
        version_id=row["published_version_id"],
        paused=row["paused_at"] is not None,
        pause_note=row["pause_note"],
        archived=row["archived_at"] is not None,
        closed=row["closed_at"] is not None,
    )


class ProjectCalendars:
    """The calendars of some projects, as each task sees them."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    @classmethod
    async def of(cls, connection: Connection | Pool, triggers: Sequence[Standing]) -> "ProjectCalendars":
        """Those of the triggers' projects; no query where no schedule names one."""
        if not any(_names_a_calendar(trigger.definition) for trigger in triggers):
            return cls([])
        return cls(
            await connection.fetch(
                "select project_id, name, periods, exempt_tags from calendars where project_id = any($1) "
                "or project_id is null order by project_id nulls first",
                list({trigger.project_id for trigger in triggers}),
            )
        )

    def seen_by(self, trigger: Standing) -> Calendars:
        """Closed periods by name; a task that is exempted by a tag sees a calendar without any."""
        return {
            row["name"]: () if trigger.tags & set(row["exempt_tags"]) else _periods(row["periods"])
            for row in self._rows
            if row["project_id"] in (None, trigger.project_id)
        }


def _names_a_calendar(definition: str) -> bool:
    return '"calendar"' in definition


@lru_cache(maxsize=4096)
def _periods(text: str) -> tuple[ClosedPeriod, ...]:
    return tuple(
        ClosedPeriod(datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"]), one.get("note"))
        for one in json.loads(text)
    )


@lru_cache(maxsize=20_000)
def _schedule(definition: str, default_timezone: str, owner_timezone: str | None) -> Schedule:
    said = _definition(definition)["schedule"]
    assert isinstance(said, Mapping)
    return parse_schedule(said, default_timezone=default_timezone, owner_timezone=owner_timezone)


@lru_cache(maxsize=20_000)
def _definition(text: str) -> JsonObject:
    value: Json = from_text(text)
    return value if isinstance(value, Mapping) else {}


def soonest(*moments: datetime | None) -> datetime | None:
    """The earliest that is there."""
    return min((moment for moment in moments if moment is not None), default=None)


def seconds_until(moment: datetime | None, now: datetime, longest: timedelta) -> float:
    """How long to sleep, at least a millisecond."""
    rest = longest if moment is None else min(moment - now, longest)
    return max(rest.total_seconds(), 0.001)
