"""Projects."""

import re

from errands.services.errors import Invalid
from errands.store import projects
from errands.store.database import Database

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


class ProjectService:
    """Makes and lists projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ensure(self, name: str, title: str | None = None) -> None:
        """Make the project unless it is there. Raises Invalid for what is no name."""
        check_name(name)
        async with self._database.engine.begin() as connection:
            await projects.ensure(connection, name, title)

    async def list(self) -> list[str]:
        """The names of all projects."""
        async with self._database.engine.connect() as connection:
            return [project.name for project in await projects.every(connection)]


def check_name(name: str) -> None:
    """Raises Invalid for what cannot be a project's name."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name!r} cannot be the name of a project.",
            "Use lower-case letters, digits and `-`, a letter first, 63 characters at most.",
        )
