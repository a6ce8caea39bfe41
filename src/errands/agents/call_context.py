"""The context of one tool call that an agent makes: the step's own, with the call's address and effect key."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from errands.core.definition.policies import Budget, Grants
from errands.core.outcomes import Usage
from errands.core.ports import Once, RunIdentity, StepContext
from errands.core.values import JsonObject


@dataclass(frozen=True, slots=True)
class CallContext:
    """A `StepContext` for a call below a step."""

    step: StepContext
    path: str
    effect_key: str

    @property
    def run(self) -> RunIdentity:
        return self.step.run

    @property
    def attempt(self) -> int:
        return self.step.attempt

    @property
    def untrusted(self) -> bool:
        return self.step.untrusted

    @property
    def touched_files(self) -> bool:
        return self.step.touched_files

    @property
    def grants(self) -> Grants:
        return self.step.grants

    @property
    def memory_limit(self) -> int:
        return self.step.memory_limit

    @property
    def once(self) -> Once:
        return self.step.once

    def workspace(self) -> Path:
        return self.step.workspace()

    async def credential(self, name: str, *, of_server: bool = False) -> str:
        return await self.step.credential(name, of_server=of_server)

    async def secret(self, name: str) -> str:
        return await self.step.secret(name)

    def bound(self, who: str, budgets: Sequence[Budget]) -> None:
        self.step.bound(who, budgets)

    def remaining(self) -> Usage | None:
        return self.step.remaining()

    def log(self, message: str, *, level: Literal["debug", "info", "warning", "error"] = "info") -> None:
        self.step.log(message, level=level)

    def token(self, text: str) -> None:
        self.step.token(text)

    def artifact(self, path: Path, *, name: str, media_type: str) -> Awaitable[JsonObject]:
        return self.step.artifact(path, name=name, media_type=media_type)
