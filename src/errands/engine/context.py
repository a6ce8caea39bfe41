"""A leaf step's way to the world: secrets, workspace, budgets, and records below the step."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal, NoReturn, Protocol
from uuid import UUID

from errands.core.definition.policies import Budget, Grants
from errands.core.outcomes import ErrorKind, Performed, StepError, StepFailed, StepStatus, Usage
from errands.core.ports import Effect, Gate, Recorded, Reserve, RunIdentity, ToolCall, Vault, reserve_nothing
from errands.core.values import Json, JsonObject
from errands.engine.budgets import Crossing, DayMeter, Meter
from errands.engine.gates import refusal
from errands.engine.history import COUNTED
from errands.engine.lanes import Together
from errands.engine.leaves import Reached
from errands.engine.patience import DATABASE_AWAY
from errands.engine.purse import settle_crossing, take_up
from errands.engine.records import Record, Stored
from errands.engine.session import Session

Level = Literal["debug", "info", "warning", "error"]


class Surroundings(Protocol):
    """What a context needs beyond its run's session."""

    def workspace(self, run_id: str) -> Path: ...

    async def bring_inputs(self, run_id: UUID) -> None:
        """Put the files that the run begins with into its workspace. Raises StepFailed."""
        ...

    def log(self, session: Session, path: str, level: Level, message: str) -> None: ...

    async def flush(self) -> None: ...

    def token(self, session: Session, path: str, text: str) -> None: ...

    async def artifact(self, session: Session, step: str, file: Path, *, name: str, media_type: str) -> JsonObject: ...


class LeafContext:
    """The `StepContext` of one attempt of one step."""

    def __init__(
        self,
        session: Session,
        surroundings: Surroundings,
        secrets: Mapping[str, str],
        vault: Vault,
        run: RunIdentity,
        *,
        reached: Reached,
        memory_limit: int,
        clock: Callable[[], datetime],
    ) -> None:
        self.run = run
        self.path = reached.path
        self.attempt = reached.attempt
        self.untrusted = reached.untrusted
        self.touched_files = False
        self._reached = reached
        self._together = Together(session.pulse, reached.deadline)
        self._own: list[Meter] = []
        self.memory_limit = memory_limit
        self.grants: Grants = session.program.definition.grants
        self._session = session
        self._surroundings = surroundings
        self._secrets = secrets
        self._vault = vault
        self._clock = clock

    @property
    def effect_key(self) -> str:
        return effect_key(self.run.run_id, self.path)

    def workspace(self) -> Path:
        """The run's folder. Once marked data has come to a file in it, whatever is read there carries the mark."""
        self.touched_files = True
        self.untrusted = self.untrusted or self._session.marked_files
        return self._surroundings.workspace(self.run.run_id)

    async def secret(self, name: str) -> str:
        if name not in self.grants.secrets:
            raise StepFailed(
                ErrorKind.DENIED,
                f"the task was not granted the secret {name}",
                hint=f"add {name} to `grants: {{secrets: [...]}}`",
            )
        value = self._secrets.get(name)
        return value if value is not None else self._missing(name)

    async def credential(self, name: str, *, of_server: bool = False) -> str:
        found = await self._vault.reveal(None if of_server else self.run.project_id, [name], self.run.task)
        value = found.get(name)
        if value is None and of_server:
            raise StepFailed(
                ErrorKind.SECRET,
                f"the server's secret {name} does not exist",
                hint=f"an administrator sets it with: errands secrets set {name} --server",
            )
        if value is None:
            self._missing(name)
        self._session.redactor.add(name, value)
        return value

    def _missing(self, name: str) -> NoReturn:
        raise StepFailed(
            ErrorKind.SECRET,
            f"project {self.run.project} has no secret {name} that the task {self.run.task} may use",
            hint=f"set it with: errands secrets set {name}; for which tasks it is kept says: errands secrets list",
        )

    async def once(
        self,
        suffix: str,
        *,
        kind: Literal["turn", "call"],
        digest: str,
        perform: Callable[[str], Awaitable[Performed]],
        request: Json = None,
        effect: Effect = Effect.READS,
        reserve: Reserve = reserve_nothing,
        gate: Gate | None = None,
    ) -> Recorded:
        path = f"{self.path}/{suffix}"
        found = self._session.find(path)
        if found is not None:
            return await self._replayed(found, digest)
        with self._together.call():
            refused = None if gate is None else await self._refusal(path, gate)
            if gate is not None and refused is not None:
                return await self._record(path, kind, digest, request, gate.refused(refused), {}, self._clock())
            return await self._live(path, kind, digest, perform, request, effect, reserve)

    async def _refusal(self, path: str, gate: Gate) -> StepError | None:
        call = ToolCall(gate.tool, gate.arguments)
        return await refusal(self._session, path, call, gate.why, self._reached.lane, self._together)

    async def _live(
        self,
        path: str,
        kind: Literal["turn", "call"],
        digest: str,
        perform: Callable[[str], Awaitable[Performed]],
        request: Json,
        effect: Effect,
        reserve: Reserve,
    ) -> Recorded:
        """Reserve, announce an effect, perform, record."""
        key = effect_key(self.run.run_id, path)
        await self._reserve(path, reserve)
        recorded = False
        try:
            if effect is Effect.CHANGES and self._session.find(f"{path}/intent") is None:
                await self._session.write(
                    Record(f"{path}/intent", "intent", facts={"effect_key": key}, started_at=self._clock())
                )
            started = self._clock()
            performed = await perform(key)
            facts: dict[str, Json] = {"effect_key": key} if effect is Effect.CHANGES else {}
            written = await self._record(path, kind, digest, request, performed, facts, started)
            recorded = True
            return written
        finally:
            await self._release(path, but_of_day=recorded)

    async def _reserve(self, path: str, reserve: Reserve) -> None:
        """Hold back what a call may use in all budgets, asking people about one that it would cross.

        Where only calls under way leave no room it waits for them: they hold back more than most of them use.
        """
        while True:
            for meter in self._meters():
                await meter.refresh()
            most = reserve(self.remaining())
            crossing = await self._reserved(path, most)
            if crossing is None:
                return
            if await crossing.room():
                self._reached.lane.check()
                continue
            await settle_crossing(self._session, crossing, path, self._reached.lane, self._together)

    async def _reserved(self, path: str, most: Usage) -> Crossing | None:
        for meter in self._meters():
            crossing = await meter.reserve(path, most)
            if crossing is not None:
                await self._release(path, but_of_day=True)  # That of the day comes last: it holds nothing yet.
                return crossing
        return None

    async def _release(self, path: str, *, but_of_day: bool) -> None:
        for meter in self._meters():
            if but_of_day and isinstance(meter, DayMeter):
                meter.recorded(path)
            else:
                with suppress(*DATABASE_AWAY):  # What stays held is given back when the run ends.
                    await meter.release(path)

    def _meters(self) -> list[Meter]:
        return [*self._own, *self._session.meters]

    def bound(self, who: str, budgets: Sequence[Budget]) -> None:
        below = f"{self.path}/"
        records = [record for path, record in self._session.history.items() if path.startswith(below)]
        spent = sum((record.usage for record in records if record.kind in COUNTED), Usage())
        for number, budget in enumerate(budgets):
            asks = budget.on_exceeded == "ask"
            meter = Meter(f"step:{self.path}:{number}", who, budget, spent, asks=asks)
            take_up(meter, self._session)
            self._own.append(meter)

    async def _record(
        self,
        path: str,
        kind: Literal["turn", "call"],
        digest: str,
        request: Json,
        performed: Performed,
        facts: dict[str, Json],
        started: datetime,
    ) -> Recorded:
        self.untrusted = self.untrusted or performed.untrusted
        facts |= {"digest": digest, **({"untrusted": True} if performed.untrusted else {})}
        if performed.untrusted and self.touched_files:
            facts["files"] = True
        if performed.usage:
            facts["usage"] = performed.usage.as_json()
        record = Record(
            path, kind, StepStatus.SUCCEEDED, request, performed.output, None, facts, started, self._clock()
        )
        self._session.settle(performed.usage, path)
        for meter in self._own:
            meter.settle(performed.usage, path)
        written = await self._session.commit(record, self._session.spending(performed.usage, path))
        return Recorded(await self._plain(written.output), performed.usage, untrusted=performed.untrusted)

    async def _replayed(self, found: Record, digest: str) -> Recorded:
        recorded = found.fact("digest")
        if recorded != digest:
            raise StepFailed(
                ErrorKind.INTERNAL,
                f"the request at {found.path} is not the one that was recorded ({digest} instead of {recorded})",
                hint="the model, the agent or its tools have changed under this run; rerun from this step",
            )
        self.untrusted = self.untrusted or found.untrusted
        return Recorded(await self._plain(found.output), found.usage, replayed=True, untrusted=found.untrusted)

    async def _plain(self, output: Json | Stored) -> Json:
        return await self._session.read(output) if isinstance(output, Stored) else output

    def remaining(self) -> Usage | None:
        parts = [meter.remaining() for meter in self._meters()]
        if not parts:
            return None
        return Usage(
            min(part.input_tokens for part in parts),
            0,
            min(part.usd for part in parts),
            min(part.requests for part in parts),
            min(part.tool_calls for part in parts),
        )

    def log(self, message: str, *, level: Level = "info") -> None:
        self._surroundings.log(self._session, self.path, level, self._session.redactor.text(message))

    def token(self, text: str) -> None:
        self._surroundings.token(self._session, self.path, self._session.redactor.text(text))

    async def artifact(self, path: Path, *, name: str, media_type: str) -> JsonObject:
        return await self._surroundings.artifact(self._session, self.path, path, name=name, media_type=media_type)


def effect_key(run_id: str, path: str) -> str:
    """The idempotency key of an effect: of its run and address alone, so that no crash or retry changes it."""
    return hashlib.blake2b(f"{run_id}:{path}".encode(), digest_size=16).hexdigest()
