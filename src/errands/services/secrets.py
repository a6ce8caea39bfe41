"""Secrets: set, kept for some tasks, listed, deleted, encrypted anew. No method ever gives a value back."""

import re
from collections.abc import Sequence

from errands.core.access import Principal, ProjectResource, Resource, ServerResource, Verb
from errands.core.values import JsonObject
from errands.services.authority import Authority
from errands.services.errors import Invalid, NotFound
from errands.services.lookup import find_project
from errands.services.projects import check_name, make_sure_of
from errands.services.vault import Vault
from errands.services.views import SecretView
from errands.store import secrets as rows
from errands.store.database import Database
from errands.store.secrets import SecretListed

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
_TASK = re.compile(r"[a-z][a-z0-9-]{0,199}")
_LONGEST = 64 * 2**10


class SecretService:
    """Keeps secrets. Without a project they are the installation's own, for administrators to set."""

    def __init__(self, database: Database, authority: Authority, vault: Vault) -> None:
        self._database = database
        self._authority = authority
        self._vault = vault

    async def set(self, caller: Principal, project: str | None, name: str, value: str) -> None:
        """Store a value, in place of an earlier one; runs take it from now on.

        Raises Denied, Invalid (name, empty or too long a value), Unavailable (no usable key).
        """
        verb, resource = _act(project, name)
        await self._authority.authorise(caller, verb, resource)
        if project is not None:
            check_name(project)
        _check(name, value)
        async with self._database.engine.begin() as connection:
            owner = None if project is None else await make_sure_of(connection, self._authority, caller, project)
            await self._vault.put(connection, None if owner is None else owner.id, name, value)
            await self._authority.record(connection, caller, verb, resource, {"act": "set"})

    async def list(self, caller: Principal, project: str | None) -> list[SecretView]:
        """Names and moments. Raises NotFound, Denied."""
        if project is None:
            await self._authority.authorise(caller, Verb.SERVER_READ, ServerResource("secret"))
        else:
            await self._authority.authorise(caller, Verb.SECRET_READ, ProjectResource(project, "secret"))
        async with self._database.reader.connect() as connection:
            owner = None if project is None else (await find_project(connection, project)).id
            found = await rows.listed(connection, owner)
        return [_view(row) for row in found]

    async def limit(self, caller: Principal, project: str, name: str, tasks: Sequence[str] | None) -> None:
        """Keep a secret for some tasks, whether they are there yet or not; None: every task that is granted it.

        A new value leaves that as it is. Raises NotFound, Denied, Invalid for what is no name of a task.
        """
        resource = ProjectResource(project, "secret", name)
        await self._authority.authorise(caller, Verb.SECRET_WRITE, resource)
        only = None if tasks is None else sorted(set(tasks))
        for task in only or ():
            if not _TASK.fullmatch(task):
                raise Invalid(f"{task!r} cannot be the name of a task.", "Name tasks as their files do.")
        async with self._database.engine.begin() as connection:
            owner = await find_project(connection, project)
            if not await rows.limit(connection, owner.id, name, only):
                raise NotFound("secret", name, hint=f"`errands secrets list` shows those of project {project}.")
            detail: JsonObject = {"act": "limit", "tasks": only}
            await self._authority.record(connection, caller, Verb.SECRET_WRITE, resource, detail)

    async def delete(self, caller: Principal, project: str | None, name: str) -> None:
        """Forget a secret. Raises NotFound, Denied."""
        verb, resource = _act(project, name)
        await self._authority.authorise(caller, verb, resource)
        async with self._database.engine.begin() as connection:
            owner = None if project is None else (await find_project(connection, project)).id
            if not await rows.remove(connection, owner, name):
                where = "the server; add --server" if project is None else f"project {project}"
                raise NotFound("secret", name, hint=f"`errands secrets list` shows those of {where}.")
            await self._authority.record(connection, caller, verb, resource, {"act": "delete"})

    async def rotate(self, caller: Principal) -> int:
        """Encrypt every secret with the newest key; gives how many were changed. See `Vault.rotate`. Raises Denied."""
        resource = ServerResource("secret")
        await self._authority.authorise(caller, Verb.SECRET_ROTATE, resource)
        changed = await self._vault.rotate()
        async with self._database.engine.begin() as connection:
            await self._authority.record(connection, caller, Verb.SECRET_ROTATE, resource, {"changed": changed})
        return changed


def _act(project: str | None, name: str) -> tuple[Verb, Resource]:
    if project is None:
        return Verb.SERVER_EDIT, ServerResource("secret", name)
    return Verb.SECRET_WRITE, ProjectResource(project, "secret", name)


def _view(row: SecretListed) -> SecretView:
    only = None if row.only_tasks is None else tuple(row.only_tasks)
    return SecretView(row.name, row.created_at, row.updated_at, row.last_used_at, only)


def _check(name: str, value: str) -> None:
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name!r} cannot be the name of a secret.",
            "Use letters, digits, `_`, `.` and `-`, a letter or `_` first, 100 characters at most.",
        )
    if not value:
        raise Invalid(f"The value of {name} is empty.", f"To forget the secret: errands secrets delete {name}")
    if len(value.encode()) > _LONGEST:
        raise Invalid(f"The value of {name} is longer than {_LONGEST // 2**10} KiB.", "Keep large data in a file.")
