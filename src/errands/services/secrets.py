"""Secrets: set, listed, deleted, encrypted anew. No method ever gives a value back."""

import re

from errands.services.errors import Invalid, NotFound
from errands.services.lookup import find_project
from errands.services.projects import check_name
from errands.services.vault import Vault
from errands.services.views import SecretView
from errands.store import projects
from errands.store import secrets as rows
from errands.store.database import Database

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
_LONGEST = 64 * 2**10


class SecretService:
    """Keeps a project's secrets."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def set(self, project: str, name: str, value: str) -> None:
        """Store a value, in place of an earlier one; runs take it from now on.

        Raises Invalid (name, empty or too long a value), Unavailable (no usable key).
        """
        check_name(project)
        _check(name, value)
        async with self._database.engine.begin() as connection:
            owner = await projects.ensure(connection, project)
            await self._vault.put(connection, owner.id, name, value)

    async def list(self, project: str) -> list[SecretView]:
        """Names and moments. Raises NotFound."""
        async with self._database.engine.connect() as connection:
            owner = await find_project(connection, project)
            found = await rows.listed(connection, owner.id)
        return [SecretView(row.name, row.created_at, row.updated_at, row.last_used_at) for row in found]

    async def delete(self, project: str, name: str) -> None:
        """Forget a secret. Raises NotFound."""
        async with self._database.engine.begin() as connection:
            owner = await find_project(connection, project)
            if not await rows.remove(connection, owner.id, name):
                raise NotFound("secret", name, hint=f"`errands secrets list` shows those of project {project}.")

    async def rotate(self) -> int:
        """Encrypt every secret with the newest key; gives how many were changed. See `Vault.rotate`."""
        return await self._vault.rotate()


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
