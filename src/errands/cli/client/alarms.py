"""Alarms, and the channels that messages go to."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from errands.cli.client.connection import Connection
from errands.core.values import JsonObject
from errands.services.notice_views import AlarmView, ChannelTested, ChannelView, DefaultsView, NoticeView
from errands.services.views import Page

if TYPE_CHECKING:
    from errands.core.definition.alarms import AlarmKind, AlarmState


class Alarms:
    """What is wrong with tasks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(
        self, project: str, *, state: "AlarmState | None", kind: "AlarmKind | None", task: str | None, limit: int
    ) -> Page[AlarmView]:
        """What is or was wrong, newest first."""
        return await self._connection.get(
            Page[AlarmView], *("projects", project, "alarms"), state=state, kind=kind, task=task, limit=limit
        )

    async def acknowledge(self, alarm: str, *, note: str | None) -> AlarmView:
        """Say that somebody looks after it."""
        return await self._connection.post(AlarmView, "alarms", alarm, "acknowledge", body={"note": note})

    async def defaults(self, project: str) -> DefaultsView:
        """What the project watches of tasks that say nothing themselves."""
        return await self._connection.get(DefaultsView, "projects", project, "alarm-defaults")

    async def set_defaults(self, project: str, rules: JsonObject) -> DefaultsView:
        """Watch every published task so, where its own file says nothing else."""
        return await self._connection.ask(DefaultsView, "PUT", "projects", project, "alarm-defaults", body=rules)


class Channels:
    """Where messages go, and how they fare on their way."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(self, project: str) -> Sequence[ChannelView]:
        """A project's channels."""
        return await self._connection.get(list[ChannelView], "projects", project, "channels")

    async def put(
        self, project: str, name: str, *, secret: str | None, addresses: Sequence[str], events: Sequence[str]
    ) -> ChannelView:
        """Make a channel, or change it."""
        body = {"secret": secret, "addresses": addresses, "events": events}
        return await self._connection.ask(ChannelView, "PUT", "projects", project, "channels", name, body=body)

    async def remove(self, project: str, name: str) -> None:
        """Remove a channel."""
        await self._connection.value("DELETE", "projects", project, "channels", name)

    async def test(self, project: str, name: str) -> ChannelTested:
        """Send a trial message now."""
        return await self._connection.post(ChannelTested, "projects", project, "channels", name, "test")

    async def notices(self, project: str, *, failing: bool, limit: int) -> Page[NoticeView]:
        """What was sent, newest first."""
        return await self._connection.get(
            Page[NoticeView], "projects", project, "notices", failing=failing, limit=limit
        )

    async def send_again(self, notice: str) -> NoticeView:
        """Try a message once more."""
        return await self._connection.post(NoticeView, "notices", notice, "send-again")
