"""Secrets: set, listed, deleted, encrypted anew. No method ever gives a value back."""

import re

from errands.core.access import Principal, ProjectResource, ServerResource, Verb
from errands.services.authority import Authority
from errands.services.errors import Invalid, NotFound
from errands.services.lookup import find_project
from errands.services.projects import check_name, make_sure_of
from errands.services.vault import Vault
from errands.services.views import SecretView
from errands.store import secrets as rows
from errands.store.database import Database

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
_LONGEST = 64 * 2**10


class SecretService:
    """Keeps a project's secrets."""

    def __init__(self, database: Database, authority: Authority, vault: Vault) -> None:
        self._database = database
        self._authority = authority
        self._vault = vault

    async def set(self, caller: Principal, project: str, name: str, value: str) -> None:
        """Store a value, in place of an earlier one; runs take it from now on.

        Raises Denied, Invalid (name, empty or too long a value), Unavailable (no usable key).
        """
        resource = ProjectResource(project, "secret", name)
        await self._authority.authorise(caller, Verb.SECRET_WRITE, resource)
        check_name(project)
        _check(name, value)
        async with self._database.engine.begin() as connection:
            owner = await make_sure_of(connection, self._authority, caller, project)
            await self._vault.put(connection, owner.id, name, value)
            await self._authority.record(connection, caller, Verb.SECRET_WRITE, resource, {"act": "set"})

    async def list(self, caller: Principal, project: str) -> list[SecretView]:
        """Names and moments. Raises NotFound, Denied."""
        await self._authority.authorise(caller, Verb.SECRET_READ, ProjectResource(project, "secret"))
        async with self._database.engine.connect() as connection:
            owner = await find_project(connection, project)
            found = await rows.listed(connection, owner.id)
        return [SecretView(row.name, row.created_at, row.updated_at, row.last_used_at) for row in found]

    async def delete(self, caller: Principal, project: str, name: str) -> None:
        """Forget a secret. Raises NotFound, Denied."""
        resource = ProjectResource(project, "secret", name)
        await self._authority.authorise(caller, Verb.SECRET_WRITE, resource)
        async with self._database.engine.begin() as connection:
            owner = await find_project(connection, project)
            if not await rows.remove(connection, owner.id, name):
                raise NotFound("secret", name, hint=f"`errands secrets list` shows those of project {project}.")
            await self._authority.record(connection, caller, Verb.SECRET_WRITE, resource, {"act": "delete"})

    async def rotate(self, caller: Principal) -> int:
        """Encrypt every secret with the newest key; gives how many were changed. See `Vault.rotate`. Raises Denied."""
        resource = ServerResource("secret")
        await self._authority.authorise(caller, Verb.SECRET_ROTATE, resource)
        changed = await self._vault.rotate()
        async with self._database.engine.begin() as connection:
            await self._authority.record(connection, caller, Verb.SECRET_ROTATE, resource, {"changed": changed})
        return changed


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
