"""A step context whose journal lives in memory: redacts, checks digests, dies on demand, and can be replayed."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from errands.core.definition.policies import Budget, Grants
from errands.core.outcomes import ErrorKind, Performed, StepError, StepFailed, Usage
from errands.core.ports import Effect, Gate, Recorded, Reserve, RunIdentity, reserve_nothing
from errands.core.values import Json, JsonObject, from_text, to_text
from errands.engine.budgets import UNBOUNDED, Meter


class Killed(BaseException):
    """The process died here."""


@dataclass
class Record:
    kind: str
    digest: str
    request: str
    output: str
    usage: Usage
    effect: Effect
    untrusted: bool = False


@dataclass
class MemoryJournal:
    """Records by suffix, in the order of their commit."""

    records: dict[str, Record] = field(default_factory=dict)
    performed: list[str] = field(default_factory=list)
    effect_keys: list[str] = field(default_factory=list)
    reserves: list[Usage] = field(default_factory=list)
    kill_after: int | None = None
    """Die as soon as so many records are committed."""

    def outputs(self) -> dict[str, Json]:
        return {suffix: from_text(record.output) for suffix, record in self.records.items()}

    def usage(self) -> Usage:
        return sum((record.usage for record in self.records.values()), Usage())


@dataclass
class MemoryContext:
    """A faithful `StepContext` over a `MemoryJournal`."""

    journal: MemoryJournal
    folder: Path = Path("/nonexistent")
    granted: Grants = field(default_factory=Grants)
    secrets: Mapping[str, str] = field(default_factory=dict)
    left: Usage | None = None
    lines: list[tuple[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    revealed: list[str] = field(default_factory=list)
    path: str = "research"
    attempt: int = 1
    effect_key: str = "key-of-step"
    memory_limit: int = 2**29
    untrusted: bool = False
    touched_files: bool = False
    approves: bool = True
    """What people answer to gates."""
    gates: list[Gate] = field(default_factory=list)
    meters: list[Meter] = field(default_factory=list)

    @property
    def run(self) -> RunIdentity:
        return RunIdentity("run_1", "task", "sales", "prj_1", 1, datetime(2026, 1, 1, tzinfo=UTC))

    @property
    def grants(self) -> Grants:
        return self.granted

    def workspace(self) -> Path:
        return self.folder

    async def credential(self, name: str, *, of_server: bool = False) -> str:
        return await self.secret(name)

    async def secret(self, name: str) -> str:
        if name not in self.secrets:
            raise StepFailed(ErrorKind.SECRET, f"the secret {name} is missing")
        self.revealed.append(self.secrets[name])
        return self.secrets[name]

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
        journal = self.journal
        if (record := journal.records.get(suffix)) is not None:
            if record.digest != digest:
                raise StepFailed(ErrorKind.INTERNAL, f"the replay has diverged at {suffix}")
            self.untrusted = self.untrusted or record.untrusted
            return Recorded(from_text(record.output), record.usage, replayed=True, untrusted=record.untrusted)
        key = f"{self.path}/{suffix}#key"
        journal.performed.append(suffix)
        journal.effect_keys.append(key)
        most = reserve(self.remaining())
        journal.reserves.append(most)
        for meter in self.meters:
            if (crossing := await meter.reserve(suffix, most)) is not None:
                raise crossing.failure()
        if gate is not None:
            self.gates.append(gate)
        if gate is not None and not self.approves:
            performed = gate.refused(StepError(ErrorKind.DENIED, "user:ana refused this call"))
        else:
            performed = await perform(key)
        output = self._redacted(to_text(performed.output))
        for meter in self.meters:
            await meter.release(suffix)
            meter.settle(performed.usage)
        given, outside = to_text(request), performed.untrusted
        journal.records[suffix] = Record(kind, digest, given, output, performed.usage, effect, outside)
        self.untrusted = self.untrusted or outside
        if journal.kill_after is not None and len(journal.records) >= journal.kill_after:
            raise Killed
        return Recorded(from_text(output), performed.usage, untrusted=performed.untrusted)

    def bound(self, who: str, budgets: Sequence[Budget]) -> None:
        spent = self.journal.usage()
        self.meters = [Meter(f"step:{n}", who, budget, spent, asks=False) for n, budget in enumerate(budgets)]

    def remaining(self) -> Usage | None:
        parts = [*([] if self.left is None else [self.left]), *(meter.remaining() for meter in self.meters)]
        if not parts:
            return None
        tokens = min(part.tokens for part in parts)
        return Usage(tokens, 0, min(part.usd for part in parts), UNBOUNDED, UNBOUNDED)

    def log(self, message: str, *, level: Literal["debug", "info", "warning", "error"] = "info") -> None:
        self.lines.append((level, message))

    def token(self, text: str) -> None:
        self.tokens.append(text)

    async def artifact(self, path: Path, *, name: str, media_type: str) -> JsonObject:
        raise NotImplementedError

    def _redacted(self, text: str) -> str:
        for value in self.revealed:
            text = text.replace(value, "***")
        return text
