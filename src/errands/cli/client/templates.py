"""Templates: shown, tried, adopted."""

from collections.abc import Sequence

from errands.cli.client.connection import Connection
from errands.core.values import JsonObject
from errands.services.template_views import Adopted, TemplateLine, TemplateView, TrialView


class Templates:
    """The templates that come with Errands."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(self) -> Sequence[TemplateLine]:
        """All of them, by name."""
        return await self._connection.get(list[TemplateLine], "templates")

    async def get(self, template: str) -> TemplateView:
        """One, with what it asks and needs."""
        return await self._connection.get(TemplateView, "templates", template)

    async def attempt(self, template: str) -> TrialView:
        """What comes of it with its sample data."""
        return await self._connection.post(TrialView, "templates", template, "try", body={})

    async def adopt(
        self, project: str, template: str, answers: JsonObject, *, task: str | None, publish: bool, dry_run: bool
    ) -> Adopted:
        """Bring its files into a project, or tell what would change."""
        body = {"answers": answers, "task": task, "publish": publish, "dry_run": dry_run}
        return await self._connection.post(Adopted, "projects", project, "templates", template, "adopt", body=body)
