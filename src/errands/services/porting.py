"""A whole project as files, and back: tasks, agents, models, calendars, channels, and the names of secrets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.access import Principal, ProjectResource, Verb
from errands.core.definition.document import read_document
from errands.core.definition.emitting import emit_lines
from errands.core.definition.nodes import plain
from errands.core.values import Json
from errands.services.applying import Importing, diff_of
from errands.services.authority import Authority, Clock, utc_now
from errands.services.calendars import check_calendar, stored_periods
from errands.services.channels import check_channel
from errands.services.errors import Invalid
from errands.services.lookup import find_project
from errands.services.porting_views import Brought, Imported
from errands.services.tasks import TaskService
from errands.services.trigger_views import PeriodView
from errands.services.views import SourceFile
from errands.store import backfills, channels, secrets, triggers
from errands.store.backfills import CalendarRow
from errands.store.channels import ChannelRow
from errands.store.database import Database
from errands.store.projects import ProjectRow

_FORMAT = 1


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _ProjectFile(_File):
    errands_project: Literal[1]
    title: str | None = None
    secrets: tuple[str, ...] = ()
    """Names only; values are set on each server."""


class _Period(_File):
    start: AwareDatetime
    end: AwareDatetime
    note: Annotated[str, Field(max_length=1000)] | None = None


class _CalendarFile(_File):
    calendar: str
    periods: tuple[_Period, ...]
    exempt_tags: tuple[str, ...] = ()


class _ChannelFile(_File):
    channel: str
    secret: str | None = None
    addresses: tuple[str, ...] = ()
    events: tuple[str, ...]


Kind = TypeVar("Kind", bound=_File)


@dataclass(frozen=True, slots=True)
class _Sorted:
    """The files of a project, by what they hold."""

    definitions: list[SourceFile]
    calendars: list[tuple[str, _CalendarFile]]
    channels: list[tuple[str, _ChannelFile]]
    secrets: frozenset[str]


class PortingService:
    """Takes projects out, and in again."""

    def __init__(self, database: Database, authority: Authority, tasks: TaskService, clock: Clock = utc_now) -> None:
        self._database = database
        self._authority = authority
        self._tasks = tasks
        self._clock = clock

    async def take_out(self, caller: Principal, project: str) -> list[SourceFile]:
        """The project as files; the same project gives the same files. Values of secrets are in none.

        Raises NotFound, Denied.
        """
        await self._authority.authorise(caller, Verb.PROJECT_EXPORT, ProjectResource(project))
        definitions = await self._tasks.export(caller, project)
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            names = [row.name for row in await secrets.listed(connection, owner.id)]
            calendars = await _own_calendars(connection, owner)
            routes = await channels.of_project(connection, owner.id)
        said: dict[str, Json] = {"errands_project": _FORMAT, "title": owner.title, "secrets": names}
        return [
            SourceFile("project.yaml", _yaml({key: value for key, value in said.items() if value})),
            *(SourceFile(f"calendars/{row.name}.yaml", _calendar_text(row)) for row in calendars.values()),
            *(SourceFile(f"channels/{row.name}.yaml", _channel_text(row)) for row in routes),
            *definitions,
        ]

    async def bring_in(
        self,
        caller: Principal,
        project: str,
        files: Sequence[SourceFile],
        *,
        message: str | None = None,
        dry_run: bool = False,
    ) -> Imported:
        """Make the project what the files say: all of them, or none. What they do not name stays as it is.

        The same files a second time change nothing. `dry_run` tells what would change. Secrets that `project.yaml`
        names may be missing; they are told. Raises Denied, Invalid (a calendar or channel file), FilesInvalid.
        """
        await self._authority.authorise(caller, Verb.TASK_EDIT, ProjectResource(project))
        given = _sorted(files)
        brought: list[Brought] = []
        missing: list[str] = []

        async def also(connection: AsyncConnection, owner: ProjectRow) -> None:
            brought.extend(await self._calendars(connection, caller, owner, given))
            brought.extend(await self._channels(connection, caller, owner, given))
            there = {row.name for row in await secrets.listed(connection, owner.id)}
            missing.extend(sorted(given.secrets - there))

        applied = await self._tasks.apply(
            caller,
            project,
            given.definitions,
            message=message,
            dry_run=dry_run,
            importing=Importing(given.secrets, also),
        )
        return Imported(tuple(applied), tuple(brought), tuple(missing))

    async def _calendars(
        self, connection: AsyncConnection, caller: Principal, owner: ProjectRow, given: _Sorted
    ) -> list[Brought]:
        there = await _own_calendars(connection, owner)
        found = []
        for file, said in given.calendars:
            periods = [PeriodView(one.start, one.end, one.note) for one in said.periods]
            row = CalendarRow(owner.id, said.calendar, stored_periods(periods), said.exempt_tags)
            before = there.get(said.calendar)
            earlier = None if before is None else _calendar_text(before)
            one = _brought(file, "calendar", said.calendar, earlier, _calendar_text(row))
            found.append(one)
            if one.change != "unchanged":
                resource = ProjectResource(owner.name, "calendar", row.name)
                await self._authority.authorise(caller, Verb.CALENDAR_EDIT, resource)
                await backfills.put_calendar(
                    connection, owner.id, row.name, row.periods, row.exempt_tags, self._clock()
                )
                await triggers.nudge(connection)
                await self._authority.record(connection, caller, Verb.CALENDAR_EDIT, resource, {"imported": True})
        return found

    async def _channels(
        self, connection: AsyncConnection, caller: Principal, owner: ProjectRow, given: _Sorted
    ) -> list[Brought]:
        there = {row.name: _channel_text(row) for row in await channels.of_project(connection, owner.id)}
        found = []
        for file, said in given.channels:
            one = _brought(file, "channel", said.channel, there.get(said.channel), _said_of_channel(said))
            found.append(one)
            if one.change != "unchanged":
                resource = ProjectResource(owner.name, "channel", said.channel)
                await self._authority.authorise(caller, Verb.ALARM_EDIT, resource)
                await channels.put(
                    connection,
                    owner.id,
                    said.channel,
                    secret=said.secret,
                    addresses=said.addresses,
                    events=said.events,
                    now=self._clock(),
                )
                await self._authority.record(connection, caller, Verb.ALARM_EDIT, resource, {"imported": True})
        return found


async def _own_calendars(connection: AsyncConnection, owner: ProjectRow) -> dict[str, CalendarRow]:
    rows = await backfills.calendars_of(connection, owner.id)
    return {row.name: row for row in rows if row.project_id == owner.id}


def _sorted(files: Sequence[SourceFile]) -> _Sorted:
    """Raises Invalid for a calendar, channel or project file that is not as it should be."""
    found = _Sorted([], [], [], frozenset())
    promised: set[str] = set()
    for file in files:
        root = read_document(file.source).root
        said = plain(root) if root is not None else None
        if not isinstance(said, Mapping):
            found.definitions.append(file)
        elif "errands_project" in said:
            promised |= set(_read(_ProjectFile, file, said).secrets)
        elif "calendar" in said:
            calendar = _read(_CalendarFile, file, said)
            check_calendar(calendar.calendar, [PeriodView(one.start, one.end, one.note) for one in calendar.periods])
            found.calendars.append((file.name, calendar))
        elif "channel" in said:
            channel = _read(_ChannelFile, file, said)
            check_channel(channel.channel, channel.secret, channel.addresses, channel.events)
            found.channels.append((file.name, channel))
            promised |= {channel.secret} if channel.secret is not None else set()
        else:
            found.definitions.append(file)
    return _Sorted(found.definitions, found.calendars, found.channels, frozenset(promised))


def _read(kind: type[Kind], file: SourceFile, said: Mapping[str, Json]) -> Kind:
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise Invalid(f"{file.name}: {where}: {first['msg']}.", "Correct the file; nothing was changed.") from None


def _brought(file: str, kind: Literal["calendar", "channel"], name: str, before: str | None, after: str) -> Brought:
    if before == after:
        return Brought(file, kind, name, "unchanged", "")
    return Brought(file, kind, name, "created" if before is None else "changed", diff_of(name, before or "", after))


def _calendar_text(row: CalendarRow) -> str:
    periods = [{key: value for key, value in one.items() if value is not None} for one in row.periods]
    said: dict[str, Json] = {"calendar": row.name, "periods": periods}
    return _yaml(said | ({"exempt_tags": list(row.exempt_tags)} if row.exempt_tags else {}))


def _channel_text(row: ChannelRow) -> str:
    return _said_of_channel(
        _ChannelFile(channel=row.name, secret=row.secret, addresses=tuple(row.addresses), events=tuple(row.events))
    )


def _said_of_channel(said: _ChannelFile) -> str:
    leads: dict[str, Json] = {"secret": said.secret} if said.secret is not None else {"addresses": list(said.addresses)}
    return _yaml({"channel": said.channel, **leads, "events": list(dict.fromkeys(said.events))})


def _yaml(value: Mapping[str, Json]) -> str:
    return "\n".join(emit_lines(value, 0)) + "\n"
