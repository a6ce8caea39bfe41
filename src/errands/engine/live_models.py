"""Real models in a backtest: what the record cannot answer is asked of the model, within one budget for all runs.

The agent works as in a run, and pays as in a run. Its tool calls are answered from the record, where one was the same;
a call that is not there ends the agent's work, for nobody knows what would have come of it.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from errands.core.definition.policies import Budget, BudgetAmounts, Grants
from errands.core.outcomes import ErrorKind, Performed, StepFailed, Usage
from errands.core.ports import (
    AgentCall,
    Effect,
    Gate,
    Performer,
    Recorded,
    Reserve,
    RunIdentity,
    Vault,
    reserve_nothing,
)
from errands.core.redaction import Redactor
from errands.core.values import Json
from errands.core.values import digest as digest_of
from errands.engine.budgets import Meter
from errands.engine.loose import LooseContext
from errands.engine.records import Record, Stored


class Unanswered(StepFailed):
    """An agent has made a call that the record does not hold, or for which there is no money left."""

    def __init__(self, address: str, message: str) -> None:
        super().__init__(ErrorKind.REFUSED, message)
        self.address = address
        self.spent = Usage()
        """What its agent had used until then."""


@dataclass(slots=True)
class Purse:
    """What all real requests of one backtest may cost together."""

    amounts: BudgetAmounts
    used_up: bool = False
    """A request was not made for want of budget."""
    meter: Meter = field(init=False)

    def __post_init__(self) -> None:
        self.meter = Meter("backtest", "this backtest", self.amounts, Usage(), asks=False)


@dataclass(frozen=True, slots=True)
class LiveModels:
    """Lets agents work for one walked run."""

    performer: Performer
    vault: Vault
    run: RunIdentity
    """With the real project, and the version whose agents are asked."""
    grants: Grants
    purse: Purse
    memory_limit: int

    async def work(self, path: str, call: AgentCall, recorded: Iterable[Record], folder: Path) -> Performed:
        """What the agent makes of the call, its usage included.

        Raises Unanswered; StepFailed where the agent fails as it would in a run.
        """
        context = _LiveContext(self, path, folder, recorded)
        try:
            performed = await self.performer.perform(call, context)
        except StepFailed as failure:
            unanswered = failure
            if failure.error.kind is ErrorKind.BUDGET and self.purse.used_up:
                unanswered = Unanswered(path, failure.error.message)
            if not isinstance(unanswered, Unanswered):
                raise
            unanswered.spent = context.spent
            raise unanswered from None
        return Performed(context.redactor.json(performed.output), context.spent, untrusted=False)


class _LiveContext(LooseContext):
    """A `StepContext` whose models are real, and whose calls are those of the record."""

    def __init__(self, live: LiveModels, path: str, folder: Path, recorded: Iterable[Record]) -> None:
        super().__init__(live.run, live.grants, path, folder, live.memory_limit)
        self.redactor = Redactor()
        self.spent = Usage()
        self._live = live
        self._meters = [live.purse.meter]
        self._left: dict[str, deque[Record]] = {}
        for record in recorded:
            if record.kind == "call":
                self._left.setdefault(digest_of(record.input), deque()).append(record)

    async def credential(self, name: str, *, of_server: bool = False) -> str:
        owner = None if of_server else self.run.project_id
        found = (await self._live.vault.reveal(owner, [name], self.run.task)).get(name)
        if found is None:
            hint = f"set it with: errands secrets set {name}{' --server' if of_server else ''}"
            raise StepFailed(ErrorKind.SECRET, f"the secret {name} does not exist", hint=hint)
        self.redactor.add(name, found)
        return found

    async def once(  # type: ignore[override]  # what a loose context refuses to do needs no form
        self,
        suffix: str,
        *,
        kind: Literal["turn", "call"] = "call",
        digest: str = "",
        perform: Callable[[str], Awaitable[Performed]] | None = None,
        request: Json = None,
        effect: Effect = Effect.READS,
        reserve: Reserve = reserve_nothing,
        gate: Gate | None = None,
        **_: object,
    ) -> Recorded:
        assert perform is not None
        address = f"{self.path}/{suffix}"
        if kind == "call":
            recorded = self._recorded(address, request)
            if recorded is not None:
                return recorded
            if effect is not Effect.NONE:
                raise Unanswered(
                    address, f"nobody knows what would have come of {address}: no recorded call was the same"
                )
        await self._reserve(address, reserve)
        try:
            performed = await perform(self.effect_key)
        except BaseException:
            await self._release(address)
            raise
        for meter in self._meters:
            meter.settle(performed.usage, address)
        self.spent += performed.usage
        return Recorded(performed.output, performed.usage, untrusted=performed.untrusted)

    def bound(self, who: str, budgets: Sequence[Budget]) -> None:
        own = [Meter(f"step:{self.path}:{place}", who, one, Usage(), asks=False) for place, one in enumerate(budgets)]
        self._meters = [*own, *self._meters]

    def remaining(self) -> Usage | None:
        parts = [meter.remaining() for meter in self._meters]
        return Usage(
            min(part.input_tokens for part in parts),
            0,
            min(part.usd for part in parts),
            min(part.requests for part in parts),
            min(part.tool_calls for part in parts),
        )

    def _recorded(self, address: str, request: Json) -> Recorded | None:
        """The answer of a call that was the same: at this address, else the first that is left."""
        fitting = self._left.get(digest_of(request))
        if not fitting:
            return None
        found = next((record for record in fitting if record.path == address), fitting[0])
        if len(fitting) > 1:
            fitting.remove(found)
        if isinstance(found.output, Stored):
            raise Unanswered(address, f"the recorded answer of {found.path} is too large for a backtest, or gone")
        return Recorded(found.output, replayed=True, untrusted=found.untrusted)

    async def _reserve(self, address: str, reserve: Reserve) -> None:
        most = reserve(self.remaining())
        for meter in self._meters:
            crossing = await meter.reserve(address, most)
            if crossing is not None:
                await self._release(address)
                self._live.purse.used_up |= crossing.meter is self._live.purse.meter
                raise crossing.failure()

    async def _release(self, address: str) -> None:
        for meter in self._meters:
            await meter.release(address)
