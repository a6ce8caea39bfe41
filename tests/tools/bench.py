"""A step's context as the engine gives it, and a catalog to call with it."""

import hashlib
import os
import select
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from errands.core.definition.policies import Budget, Grants
from errands.core.outcomes import ErrorKind, Performed, StepError, StepFailed, Usage
from errands.core.ports import Effect, Gate, Recorded, Reserve, RunIdentity, reserve_nothing
from errands.core.values import Json, JsonObject
from errands.tools.catalog import Catalog


@dataclass
class Step:
    """A `StepContext` over a folder and a dict of secrets: grants are enforced as the engine enforces them."""

    folder: Path
    grants: Grants
    secrets: Mapping[str, str] = field(default_factory=dict)
    memory_limit: int = 256 * 2**20
    effect_key: str = "run_1/step/1"
    path: str = "step"
    attempt: int = 1
    lines: list[str] = field(default_factory=list)
    kept: list[tuple[Path, str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    dry: bool = False
    untrusted: bool = False
    touched_files: bool = False
    run: RunIdentity = field(
        default_factory=lambda: RunIdentity("run_1", "task", "project", "prj_1", 1, datetime(2026, 1, 2, tzinfo=UTC))
    )

    def workspace(self) -> Path:
        self.folder.mkdir(exist_ok=True)
        return self.folder

    async def credential(self, name: str, *, of_server: bool = False) -> str:
        return await self.secret(name)

    async def secret(self, name: str) -> str:
        self.asked.append(name)
        if name not in self.grants.secrets:
            raise StepFailed(ErrorKind.DENIED, f"the task was not granted the secret {name}")
        if name not in self.secrets:
            raise StepFailed(ErrorKind.SECRET, f"there is no secret {name}")
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
        done = await perform(f"{self.effect_key}/{suffix}")
        return Recorded(done.output, done.usage)

    def bound(self, who: str, budgets: Sequence[Budget]) -> None:
        return None

    def remaining(self) -> Usage | None:
        return None

    def log(self, message: str, *, level: Literal["debug", "info", "warning", "error"] = "info") -> None:
        self.lines.append(f"{level}: {message}")

    def token(self, text: str) -> None:
        self.lines.append(text)

    async def artifact(self, path: Path, *, name: str, media_type: str) -> JsonObject:
        self.kept.append((path, name, media_type))
        content = path.read_bytes()  # noqa: ASYNC240
        return {
            "artifact": None if self.dry else "art_1",
            "name": name,
            "size": len(content),
            "media_type": media_type,
            "sha256": None if self.dry else hashlib.sha256(content).hexdigest(),
        }


@dataclass
class Bench:
    """A catalog and a step to call it with."""

    catalog: Catalog
    step: Step

    async def call(self, name: str, /, **arguments: Json) -> dict[str, Any]:
        """The output of a call; `from_` and `as_` stand for names that Python reserves."""
        plain = {key.removesuffix("_"): value for key, value in arguments.items()}
        output = (await self.catalog.call(name, plain, self.step)).output
        assert isinstance(output, dict)
        return output

    async def refused(self, name: str, /, **arguments: Json) -> StepError:
        """The error of a call that must fail."""
        with pytest.raises(StepFailed) as failure:
            await self.call(name, **arguments)
        return failure.value.error

    def grant(self, **more: tuple[str, ...]) -> None:
        self.step.grants = self.step.grants.model_copy(update=more)

    def give_secret(self, name: str, value: str) -> None:
        self.step.secrets = {**self.step.secrets, name: value}
        self.grant(secrets=(*self.step.grants.secrets, name))

    def file(self, path: str, content: bytes | str = b"") -> Path:
        """A file in the workspace."""
        made = self.step.workspace() / path
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_bytes(content if isinstance(content, bytes) else content.encode())
        return made


MakeBench = Callable[..., Bench]


def children_of(pid: int) -> set[int]:
    """Living processes whose parent is `pid`, but for the database server that all tests share."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (entry / "stat").read_text().rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        if int(fields[1]) == pid and fields[0] != "Z" and not name.endswith("(postgres"):
            found.add(int(entry.name))
    return found


_there_before: set[int] = set()


def note_children() -> None:
    """What runs now was started for other tests too: a browser, a server."""
    _there_before.clear()
    _there_before.update(children_of(os.getpid()))


def left_behind() -> set[int]:
    """Children of this process that were started since `note_children`."""
    return children_of(os.getpid()) - _there_before


def has_died(pid: int) -> bool:
    """Whether a process ends within five seconds; waits for the kernel's signal, not for time."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 5)[0])
    finally:
        os.close(handle)
