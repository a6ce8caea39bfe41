"""The doctor: is everything there that Errands needs, and what to do where it is not."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

from errands.core.access import Principal, ServerResource, Verb
from errands.services.authority import Authority, Clock, utc_now
from errands.services.errors import Unavailable
from errands.services.vault import Vault
from errands.services.views import Check
from errands.store.artifacts import ArtifactStore
from errands.store.database import FULL, Database
from errands.store.figures import connections, last_seen_worker, living_workers, longest_overdue, oldest_queued
from errands.store.migrations import is_current

_ENOUGH_BYTES = 2**30
_CLOCKS_APART = timedelta(seconds=2)
_LATE = timedelta(minutes=1)
"""A planned start or a queued run that nobody has looked at for this long is a finding."""
_MAKE_ROOM = "Make room: runs fail when their outputs cannot be kept."
_EXTRAS = {
    "local": ("xllamacpp", "the embedded model"),
    "documents": ("markitdown", "documents.read"),
    "calendars": ("holidays", "holidays in schedules"),
    "telemetry": ("opentelemetry.sdk", "traces"),
    "google": ("google.genai", "models of Google"),
    "bedrock": ("boto3", "models of Bedrock"),
}

Probe = Callable[[], Awaitable[Check]]


@dataclass(frozen=True, slots=True)
class Patient:
    """What the doctor looks at."""

    database: Database
    artifacts: ArtifactStore
    vault: Vault
    home: Path
    workspaces: Path
    heartbeat: timedelta
    """A worker that was not seen for this long counts as gone."""


class Doctor:
    """Looks and tells; changes nothing but a trial artifact and a trial file, which it removes."""

    def __init__(
        self, patient: Patient, authority: Authority, probes: Sequence[Probe] = (), clock: Clock = utc_now
    ) -> None:
        self._patient = patient
        self._authority = authority
        self._probes = probes
        self._clock = clock

    async def report(self, caller: Principal) -> list[Check]:
        """One finding each, in the order in which a problem should be mended. Raises Denied."""
        await self._authority.authorise(caller, Verb.SERVER_READ, ServerResource("health"))
        found = [
            await self._database(),
            await self._tables(),
            await self._connections(),
            await self._clocks(),
            self._disk(),
            await asyncio.to_thread(self._workspaces),
            await self._artifacts(),
            self._key(),
            await self._secrets(),
            *(_extra(name) for name in _EXTRAS),
            await self._workers(),
            await self._schedules(),
        ]
        return [*found, *[await probe() for probe in self._probes]]

    async def _database(self) -> Check:
        row = await self._patient.database.pool.fetchrow(
            "select current_setting('server_version') as version, pg_database_size(current_database()) as size"
        )
        kind = "embedded" if self._patient.database.embedded else self._patient.database.shown_url
        return Check("database", True, f"PostgreSQL {row['version']}, {kind}, {_size(row['size'])}")

    async def _tables(self) -> Check:
        if await is_current(self._patient.database.pool):
            return Check("tables", True, "those of this release")
        hint = "Restart this process with the release that the others have; the first that starts brings the tables up."
        return Check("tables", False, "those of another release", hint)

    async def _connections(self) -> Check:
        database = self._patient.database
        taken, most = await connections(database.pool)
        more = max(database.most_connections - database.pool.get_size(), 0)
        told = f"{taken} of {most} taken; this process may take {more} more"
        return Check("connections", taken + more <= most, told, None if taken + more <= most else FULL)

    async def _clocks(self) -> Check:
        theirs: datetime = await self._patient.database.pool.fetchval("select clock_timestamp()")
        apart = abs(self._clock() - theirs)
        told = f"{apart.total_seconds():.1f} s apart from the database's"
        hint = "Let both machines take their time from the same source (NTP): schedules and time limits depend on it."
        return Check("clock", apart < _CLOCKS_APART, told, None if apart < _CLOCKS_APART else hint)

    def _disk(self) -> Check:
        free = shutil.disk_usage(self._patient.home).free
        return _with_room("disk", str(self._patient.home), free)

    def _workspaces(self) -> Check:
        folder = self._patient.workspaces
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"errands doctor")
                file.flush()
            free = shutil.disk_usage(folder).free
        except OSError as error:
            hint = "Let the user of this process write there, or set ERRANDS_WORKSPACES to another folder."
            return Check("workspaces", False, f"{folder}: {error.strerror or error}", hint)
        return _with_room("workspaces", f"{folder}, writable", free)

    async def _artifacts(self) -> Check:
        store = self._patient.artifacts
        try:
            ref = await store.put(b"errands doctor")
            same = await store.get(ref) == b"errands doctor"
            await store.delete([ref])
        except OSError as error:
            return Check("artifacts", False, f"{store.place}: {error}", "Set ERRANDS_ARTIFACTS_URL to a usable place.")
        if not same:
            return Check("artifacts", False, store.place, "What was written there came back changed.")
        free = await asyncio.to_thread(store.free_bytes)
        return Check("artifacts", True, store.place) if free is None else _with_room("artifacts", store.place, free)

    def _key(self) -> Check:
        try:
            self._patient.vault.check_key()
        except Unavailable as error:
            return Check("secret key", False, error.message, error.hint)
        return Check("secret key", True, "at hand, and closed to other users")

    async def _secrets(self) -> Check:
        try:
            found = await self._patient.vault.readable()
        except Unavailable as error:
            return Check("secrets", False, f"none can be read: {error.message}", error.hint)
        wrong: list[str] = []
        if found.locked:
            wrong.append(f"{found.locked} need a key that is not at hand: {', '.join(found.missing_keys)}")
        if found.changed:
            wrong.append(f"{found.changed} were changed outside Errands")
        if wrong:
            hint = "Put the missing key into the key file or behind the others in ERRANDS_SECRET_KEY, or set them anew."
            return Check("secrets", False, f"of {found.secrets}, " + "; ".join(wrong), hint)
        return Check("secrets", True, f"all {found.secrets} can be read" if found.secrets else "there are none")

    async def _workers(self) -> Check:
        pool, now = self._patient.database.pool, self._clock()
        alive = await living_workers(pool, now - self._patient.heartbeat)
        if alive:
            return Check("workers", True, f"{alive} at work")
        seen, oldest = await last_seen_worker(pool), await oldest_queued(pool)
        told = "none at work" if seen is None else f"none at work; one was last seen {_ago(now - seen)} ago"
        if oldest is None or now - oldest < _LATE:
            return Check(
                "workers", True, told, "Start one with `errands worker`, or let `errands run` advance its own."
            )
        told = f"{told}; a run has been queued for {_ago(now - oldest)}"
        return Check("workers", False, told, "Start one: errands worker, or errands start.")

    async def _schedules(self) -> Check:
        now, due = self._clock(), await longest_overdue(self._patient.database.pool)
        if due is None:
            return Check("schedules", True, "none is due at any time")
        if now - due < _LATE:
            return Check("schedules", True, "none is late")
        told = f"a start that was due {_ago(now - due)} ago is not decided yet"
        return Check("schedules", False, told, "A worker decides it: errands worker, or errands start.")


def _with_room(name: str, told: str, free: int) -> Check:
    enough = free > _ENOUGH_BYTES
    return Check(name, enough, f"{_size(free)} free in {told}", None if enough else _MAKE_ROOM)


def _extra(name: str) -> Check:
    module, purpose = _EXTRAS[name]
    there = _installed(module)
    hint = None if there else f"For {purpose}: pip install 'errands[{name}]'"
    return Check(f"extra {name}", True, f"{purpose}: {'installed' if there else 'not installed'}", hint)


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # The package around it is not there either.
        return False


def _ago(time: timedelta) -> str:
    seconds = int(time.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"


def _size(count: int) -> str:
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
