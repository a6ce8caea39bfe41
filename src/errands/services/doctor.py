"""The doctor: is everything there that Errands needs, and what to do where it is not."""

import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

from errands.core.access import Principal, ServerResource, Verb
from errands.services.authority import Authority
from errands.services.errors import Unavailable
from errands.services.vault import Vault
from errands.services.views import Check
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database

_ENOUGH_BYTES = 2**30
_CLOCKS_APART = timedelta(seconds=2)
_EXTRAS = {
    "local": ("xllamacpp", "the embedded model"),
    "documents": ("markitdown", "documents.read"),
    "calendars": ("holidays", "holidays in schedules"),
    "telemetry": ("opentelemetry.sdk", "traces"),
}

Probe = Callable[[], Awaitable[Check]]


@dataclass(frozen=True, slots=True)
class Patient:
    """What the doctor looks at."""

    database: Database
    artifacts: ArtifactStore
    vault: Vault
    home: Path
    heartbeat: timedelta
    """A worker that was not seen for this long counts as gone."""


class Doctor:
    """Looks and tells; changes nothing but a trial artifact, which it removes."""

    def __init__(self, patient: Patient, authority: Authority, probes: Sequence[Probe] = ()) -> None:
        self._patient = patient
        self._authority = authority
        self._probes = probes

    async def report(self, caller: Principal) -> list[Check]:
        """One finding each, in the order in which a problem should be mended. Raises Denied."""
        await self._authority.authorise(caller, Verb.SERVER_READ, ServerResource("health"))
        found = [
            await self._database(),
            await self._clock(),
            self._disk(),
            await self._artifacts(),
            self._key(),
            *(_extra(name) for name in _EXTRAS),
            await self._workers(),
        ]
        return [*found, *[await probe() for probe in self._probes]]

    async def _database(self) -> Check:
        row = await self._patient.database.pool.fetchrow(
            "select current_setting('server_version') as version, pg_database_size(current_database()) as size"
        )
        kind = "embedded" if self._patient.database.embedded else self._patient.database.shown_url
        return Check("database", True, f"PostgreSQL {row['version']}, {kind}, {_size(row['size'])}")

    async def _clock(self) -> Check:
        theirs: datetime = await self._patient.database.pool.fetchval("select clock_timestamp()")
        apart = abs(datetime.now(UTC) - theirs)
        told = f"{apart.total_seconds():.1f} s apart from the database's"
        hint = "Let both machines take their time from the same source (NTP): schedules and time limits depend on it."
        return Check("clock", apart < _CLOCKS_APART, told, None if apart < _CLOCKS_APART else hint)

    def _disk(self) -> Check:
        free = shutil.disk_usage(self._patient.home).free
        hint = "Make room: runs fail when their outputs cannot be kept."
        return Check(
            "disk",
            free > _ENOUGH_BYTES,
            f"{_size(free)} free in {self._patient.home}",
            None if free > _ENOUGH_BYTES else hint,
        )

    async def _artifacts(self) -> Check:
        store = self._patient.artifacts
        try:
            ref = await store.put(b"errands doctor")
            same = await store.get(ref) == b"errands doctor"
            await store.delete([ref])
        except OSError as error:
            return Check("artifacts", False, f"{store.place}: {error}", "Set ERRANDS_ARTIFACTS_URL to a usable place.")
        return Check("artifacts", same, store.place, None if same else "What was written there came back changed.")

    def _key(self) -> Check:
        try:
            self._patient.vault.check_key()
        except Unavailable as error:
            return Check("secret key", False, error.message, error.hint)
        return Check("secret key", True, "at hand, and closed to other users")

    async def _workers(self) -> Check:
        alive = await self._patient.database.pool.fetchval(
            "select count(*) from workers where seen_at > $1", datetime.now(UTC) - self._patient.heartbeat
        )
        hint = "Start one with `errands worker`, or let `errands run` advance its own run."
        return Check("workers", True, f"{alive} at work", hint if alive == 0 else None)


def _extra(name: str) -> Check:
    module, purpose = _EXTRAS[name]
    there = find_spec(module) is not None
    hint = None if there else f"For {purpose}: pip install 'errands[{name}]'"
    return Check(f"extra {name}", True, f"{purpose}: {'installed' if there else 'not installed'}", hint)


def _size(count: int) -> str:
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
