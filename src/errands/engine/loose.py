"""The context of a call outside any run: in a dry run, or to draw an argument or its choices from a tool."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from errands.core.definition.policies import Budget, Grants
from errands.core.outcomes import ErrorKind, StepFailed, Usage
from errands.core.ports import Recorded, RunIdentity
from errands.core.values import JsonObject
from errands.engine.context import Level, effect_key

LARGEST_SHOWN = 2**20
"""Bytes of a file of which a dry run shows the content."""


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file that a real run would have kept as an artifact."""

    name: str
    media_type: str
    size: int
    content: bytes | None
    """None: it is too large to be shown."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A line that a real run would have in its log."""

    path: str
    level: Level
    message: str


class LooseContext:
    """A `StepContext` without a journal: a folder of its own, the secrets it is given, no model."""

    def __init__(
        self,
        run: RunIdentity,
        grants: Grants,
        path: str,
        folder: Path,
        memory_limit: int,
        attempt: int = 1,
        secrets: Mapping[str, str] | None = None,
        *,
        made: "list[MadeFile] | None" = None,
        logged: list[Logged] | None = None,
    ) -> None:
        """`made`: gets the files that the call wants to keep; `logged`: its lines for the log."""
        self.run = run
        self.path = path
        self.attempt = attempt
        self.memory_limit = memory_limit
        self.effect_key = effect_key(run.run_id, path)
        self.grants = grants
        self.untrusted = False
        self.touched_files = False
        self.logs: list[str] = []
        self._folder = folder
        self._secrets = secrets or {}
        self._made = made
        self._logged = logged

    def workspace(self) -> Path:
        return self._folder

    async def secret(self, name: str) -> str:
        if name in self.grants.secrets and name in self._secrets:
            return self._secrets[name]
        raise StepFailed(ErrorKind.DENIED, f"the secret {name} is not to be had here", hint="a dry run needs a stub")

    async def credential(self, name: str, *, of_server: bool = False) -> str:
        raise StepFailed(ErrorKind.DENIED, f"the secret {name} is not to be had here", hint="a dry run needs a stub")

    async def once(self, suffix: str, **_: object) -> Recorded:
        raise StepFailed(ErrorKind.DENIED, f"no model is asked here ({suffix})", hint="stub the agent step")

    def bound(self, who: str, budgets: Sequence[Budget]) -> None:
        return None

    def remaining(self) -> Usage | None:
        return None

    def log(self, message: str, *, level: Level = "info") -> None:
        self.logs.append(f"{level}: {message}")
        if self._logged is not None:
            self._logged.append(Logged(self.path, level, message))

    def token(self, text: str) -> None:
        return None

    async def artifact(self, path: Path, *, name: str, media_type: str) -> JsonObject:
        size = (await asyncio.to_thread(path.stat)).st_size
        if self._made is not None:
            content = await asyncio.to_thread(path.read_bytes) if size <= LARGEST_SHOWN else None
            self._made.append(MadeFile(name, media_type, size, content))
        return {"artifact": None, "name": name, "size": size, "media_type": media_type, "sha256": None}
