"""Projects: their names, files, events and secrets."""

from collections.abc import AsyncIterator, Sequence

from errands.cli.client.connection import Connection
from errands.cli.client.following import followed_project
from errands.core.values import Json
from errands.services.porting_views import Imported
from errands.services.views import Applied, ProjectView, RunLine, SecretView, SourceFile


class Projects:
    """What a project holds, but for its tasks and runs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(self, *, deleted: bool = False) -> Sequence[str]:
        """Names of the projects that the caller may see; `deleted`: of those that are deleted instead."""
        return await self._connection.get(list[str], "projects", deleted=deleted)

    async def delete(self, project: str, *, note: str | None) -> ProjectView:
        """Delete it, with a grace period."""
        return await self._connection.ask(ProjectView, "DELETE", "projects", project, query={"note": note})

    async def restore(self, project: str) -> ProjectView:
        """Bring it back."""
        return await self._connection.post(ProjectView, "projects", project, "restore")

    async def create(self, project: str, title: str | None = None) -> None:
        """Make a project."""
        await self._connection.value("PUT", "projects", project, body={"title": title})

    async def apply(
        self,
        project: str,
        files: Sequence[SourceFile],
        *,
        message: str | None = None,
        publish: bool = True,
        dry_run: bool = False,
        overrule: str | None = None,
    ) -> Sequence[Applied]:
        """Make tasks, agents and models what the files say: all of them, or none."""
        body = {"files": files, "message": message, "publish": publish, "dry_run": dry_run, "overrule": overrule}
        return await self._connection.post(list[Applied], "projects", project, "files", body=body)

    def follow(self, project: str) -> AsyncIterator[RunLine | None]:
        """Runs as they come to be and change their state, without end. None: now is the time to read the list."""
        return followed_project(self._connection, project)

    async def export(self, project: str) -> Sequence[SourceFile]:
        """The files as they were applied last."""
        return await self._connection.get(list[SourceFile], "projects", project, "files")

    async def take_out(self, project: str) -> Sequence[SourceFile]:
        """The whole project as files."""
        return await self._connection.get(list[SourceFile], "projects", project, "bundle")

    async def bring_in(
        self, project: str, files: Sequence[SourceFile], *, message: str | None, dry_run: bool
    ) -> Imported:
        """Make the project what the files say, or tell what would change."""
        body = {"files": files, "message": message, "dry_run": dry_run}
        return await self._connection.post(Imported, "projects", project, "bundle", body=body)

    async def send_event(self, project: str, name: str, *, key: str | None, payload: Json) -> int:
        """Tell waiting runs that something has happened; how many go on."""
        body = {"name": name, "key": key, "payload": payload}
        return (await self._connection.post(dict[str, int], "projects", project, "events", body=body))["woken"]

    async def secrets(self, project: str | None) -> Sequence[SecretView]:
        """Names of secrets, and when they were used last; None: of the installation's own."""
        return await self._connection.get(list[SecretView], *_owner(project), "secrets")

    async def set_secret(self, project: str | None, name: str, value: str) -> None:
        """Store a secret."""
        await self._connection.value("PUT", *_owner(project), "secrets", name, body={"value": value})

    async def limit_secret(self, project: str, name: str, tasks: Sequence[str] | None) -> None:
        """Keep a secret for some tasks; None: all."""
        await self._connection.value("PUT", "projects", project, "secrets", name, "tasks", body={"tasks": tasks})

    async def delete_secret(self, project: str | None, name: str) -> None:
        """Forget a secret."""
        await self._connection.value("DELETE", *_owner(project), "secrets", name)


def _owner(project: str | None) -> tuple[str, ...]:
    return () if project is None else ("projects", project)
