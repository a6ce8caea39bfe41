"""Approvals: the inbox, and answers."""

from typing import TYPE_CHECKING

from errands.cli.client.connection import Connection
from errands.core.values import JsonObject
from errands.services.views import ApprovalAnswered, ApprovalView, Page

if TYPE_CHECKING:
    from errands.core.access import Principal


class Approvals:
    """Questions to people that hold runs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def acting_as(self, caller: "Principal") -> "Approvals":
        """The same, in another person's name. Raises Invalid with a server."""
        return Approvals(self._connection.acting_as(caller))

    async def inbox(self, project: str, *, mine: bool = False, cursor: str | None = None) -> Page[ApprovalView]:
        """Open questions, oldest first."""
        address = ("projects", project, "approvals")
        return await self._connection.get(Page[ApprovalView], *address, mine=mine, cursor=cursor)

    async def get(self, approval: str) -> ApprovalView:
        """One question, by its id or by that of a run that has one open."""
        return await self._connection.get(ApprovalView, "approvals", approval)

    async def answer(self, approval: str, *, choice: str, form: JsonObject, note: str | None) -> ApprovalAnswered:
        """Answer a question."""
        body = {"choice": choice, "form": form, "note": note}
        return await self._connection.post(ApprovalAnswered, "approvals", approval, "answer", body=body)
