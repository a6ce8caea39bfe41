"""Calls of the project's tools in a thread: what each may reach, when a click is needed, and what it leaves."""

import asyncio
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from errands.agents.models import Secret
from errands.chat.desk import Desk
from errands.core.access import ProjectResource, Verb, permit
from errands.core.definition.policies import Budget, Grants
from errands.core.outcomes import ErrorKind, Performed, StepFailed, Usage
from errands.core.ports import Effect, Recorded, RunIdentity, Vault
from errands.core.redaction import Redactor
from errands.core.values import Json, JsonObject
from errands.services.errors import ServiceError

_SECRET = re.compile(r"secret:([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class Calls:
    """The project's tools in one thread."""

    desk: Desk
    vault: Vault
    folder: Path
    """What the thread's tools work in."""
    memory: int
    """Bytes that a child process may use."""
    redactor: Redactor = field(default_factory=Redactor)
    """Knows every secret that a call has used."""

    def allowed(self) -> bool:
        """Whether the person may let tools work here: who may publish a task could let a task do the same."""
        resource = ProjectResource(self.desk.project, "thread", self.desk.thread)
        return permit(self.desk.caller, Verb.TASK_PUBLISH, resource, now=datetime.now(UTC)).allowed

    async def asks(self, tool: str, arguments: JsonObject) -> bool:
        """Whether the call needs a click: all that leave the thread's own folder do, and all that use a secret."""
        if any(_SECRET.search(text) for text in _texts(arguments)):
            return True
        return await self.desk.tools.effect(tool, arguments, self.desk.project_id) is not Effect.NONE

    async def call(self, tool: str, arguments: JsonObject, call_id: str) -> Performed:
        """Do it, with exactly the reach that its arguments name. Raises StepFailed, ServiceError."""
        await self.desk.services.answers.note_call(self.desk.caller, self.desk.thread, tool, arguments)
        grants = Grants(
            tools=(tool,), secrets=tuple(sorted(_secrets(arguments))), hosts=tuple(sorted(_hosts(arguments)))
        )
        performed = await self.desk.tools.call(tool, arguments, _CallContext(self, grants, call_id))
        return Performed(self.redactor.json(performed.output), performed.usage, performed.untrusted)


class _CallContext:
    """A `StepContext` for one call in a thread: a folder, the secrets that its arguments name, no journal."""

    def __init__(self, calls: Calls, grants: Grants, call_id: str) -> None:
        desk = calls.desk
        self._calls = calls
        self.run = RunIdentity(
            "run_" + "0" * 32, "chat", desk.project, desk.project_id, 0, datetime.now(UTC), desk.caller.reference
        )
        self.path = call_id
        self.attempt = 1
        # Whatever leaves the thread has the person's click; nothing else needs to ask again.
        self.untrusted = False
        self.touched_files = False
        self.grants = grants
        self.memory_limit = calls.memory
        self.effect_key = hashlib.blake2b(f"{desk.thread}:{call_id}".encode(), digest_size=16).hexdigest()

    def workspace(self) -> Path:
        self._calls.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._calls.folder

    async def secret(self, name: str) -> str:
        if name not in self.grants.secrets:
            raise StepFailed(ErrorKind.DENIED, f"this call names no secret {name}")
        return await self.credential(name)

    async def credential(self, name: str, *, of_server: bool = False) -> str:
        found = (await self._calls.vault.reveal(None if of_server else self.run.project_id, [name])).get(name)
        if found is None:
            hint = f"set it with: errands secrets set {name}"
            raise StepFailed(ErrorKind.SECRET, f"the secret {name} does not exist", hint=hint)
        self._calls.redactor.add(name, found)
        return found

    async def once(self, suffix: str, **_: object) -> Recorded:
        raise StepFailed(ErrorKind.DENIED, f"a tool that records ({suffix}) works in runs only", hint="make it a task")

    def bound(self, who: str, budgets: Sequence[Budget]) -> None:
        return None

    def remaining(self) -> Usage | None:
        return None

    def log(self, message: str, *, level: Literal["debug", "info", "warning", "error"] = "info") -> None:
        return None

    def token(self, text: str) -> None:
        return None

    async def artifact(self, path: Path, *, name: str, media_type: str) -> JsonObject:
        """Kept with the thread, as if the person had attached it."""
        desk = self._calls.desk
        data = await asyncio.to_thread(path.read_bytes)
        try:
            kept = await desk.services.attachments.attach(desk.caller, desk.thread, name, data)
        except ServiceError as refusal:
            raise StepFailed(ErrorKind.LIMIT, refusal.message, hint=refusal.hint) from None
        return {
            "artifact": kept.id,
            "name": kept.name,
            "size": kept.size,
            "media_type": media_type,
            "sha256": kept.sha256,
        }


def secret_of(vault: Vault, project_id: str) -> Secret:
    """What models resolve their keys by."""

    async def reveal(name: str, *, of_server: bool = False) -> str:
        found = (await vault.reveal(None if of_server else project_id, [name])).get(name)
        if found is None:
            hint = f"set it with: errands secrets set {name}"
            raise StepFailed(ErrorKind.SECRET, f"the secret {name} does not exist", hint=hint)
        return found

    return reveal


def _secrets(value: Json) -> set[str]:
    return {name for text in _texts(value) for name in _SECRET.findall(text)}


def _hosts(value: Json) -> set[str]:
    """The hosts of all addresses in the arguments, without the names and passwords before them."""
    found = set()
    for text in _texts(value):
        if "://" in text:
            try:
                found.add(urlsplit(text.strip()).netloc.rpartition("@")[2])
            except ValueError:
                continue
    return found - {""}


def _texts(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for inner in value.values():
                yield from _texts(inner)
        case Sequence():
            for inner in value:
                yield from _texts(inner)
        case _:
            return
