"""People: who calls, and what lets them in."""

from errands.cli.client.connection import Connection
from errands.core.access import Scope
from errands.services.people_views import PersonView, TokenMade

_DAYS = 90


class People:
    """Accounts, sessions and tokens."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def me(self) -> PersonView:
        """The caller's own account."""
        return await self._connection.get(PersonView, "me")

    async def token_by_password(self, name: str, password: str, *, called: str) -> TokenMade:
        """Sign in, make a token of every scope for this person, and sign out again.

        `called` is the token's name; it lives for 90 days. Raises Unauthenticated, Unavailable.
        """
        await self._connection.ask(PersonView, "POST", "session", body={"name": name, "password": password})
        origin = {"Origin": self._connection.server or ""}
        wanted = {"name": called, "scopes": [scope.value for scope in Scope], "expires_in": f"{_DAYS}d"}
        try:
            return await self._connection.ask(TokenMade, "POST", "tokens", body=wanted, headers=origin)
        finally:
            await self._connection.value("DELETE", "session", headers=origin)
