"""Signing in to a server and out again."""

import getpass
import platform
import sys
from contextlib import suppress

from errands.cli.client import client_on
from errands.cli.client.connection import connected
from errands.cli.desk import Desk, starter
from errands.cli.given import BadInput
from errands.cli.servers import Logins, Server, address, chosen_server
from errands.services.errors import Unauthenticated
from errands.services.people_views import PersonView


async def sign_in(desk: Desk, named: str | None, person: str | None) -> None:
    """Find out whether a token works, and keep it; with a person's name, make one by the password.

    Raises BadInput, Unauthenticated, Unreachable.
    """
    server = Server(address(named)) if named else chosen_server(desk.server_option)
    if server is None:
        raise BadInput("Which server?", hint="errands login https://errands.example.com")
    if server.in_the_clear:
        desk.screen.remark(f"{server.url} is not encrypted: whoever is on the way can read the token.")
    await _reach(desk, server)
    token = await _token_for(desk, server, person) if person else _typed("Token", "errands login URL < FILE")
    signed_in = Server(server.url, token)
    account = await who(desk, signed_in)
    kept = Logins.load().with_login(signed_in).save()
    desk.screen.document({"server": server.url, "name": account.name, "server_role": account.server_role})
    desk.screen.say(f"Signed in to {server.url} as {account.name}. Commands talk to it from now on.")
    desk.screen.remark(f"The token is in {kept}. Without the server: errands --server local")


async def _reach(desk: Desk, server: Server) -> None:
    """Find out that Errands answers there, before anybody types a secret. Raises Unreachable, Unavailable."""
    async with connected(server.url, None, desk.versions()) as connection:
        with suppress(Unauthenticated):
            await client_on(connection).people.me()


async def who(desk: Desk, server: Server) -> PersonView:
    """The account of the server's token."""
    async with connected(server.url, server.token, desk.versions()) as connection:
        return await client_on(connection).people.me()


def sign_out(desk: Desk, named: str | None) -> None:
    """Forget a server's token. Raises BadInput where there is none."""
    kept = Logins.load()
    url = address(named) if named else kept.current
    if url is None or url not in kept.tokens:
        others = f"There is one for: {', '.join(kept.tokens)}" if kept.tokens else None
        raise BadInput(f"No token is kept for {url}" if url else "Nobody is signed in to a server", hint=others)
    kept.without(url).save()
    desk.screen.document({"server": url, "signed_out": True})
    desk.screen.say(f"The token for {url} is forgotten here; the server still takes it until it is revoked there.")


async def tell_who(desk: Desk) -> None:
    """Who acts, and where."""
    server = chosen_server(desk.server_option)
    if server is None:
        desk.screen.document({"server": None, "name": starter()})
        desk.screen.say(f"{starter()}, on the database of this machine; no server is set.")
        return
    account = await who(desk, server)
    desk.screen.document({"server": server.url, **_told(account)})
    desk.screen.say(f"{account.name} ({account.server_role.value}) on {server.url}")


def _told(account: PersonView) -> dict[str, object]:
    return {"name": account.name, "title": account.title, "server_role": account.server_role}


async def _token_for(desk: Desk, server: Server, person: str) -> str:
    password = _typed(f"Password of {person}", f"errands login {server.url} --name {person} < FILE")
    async with connected(server.url, None, desk.versions()) as connection:
        people = client_on(connection).people
        made = await people.token_by_password(person, password, called=f"errands on {platform.node()}"[:100])
    return made.text


def _typed(what: str, piped: str) -> str:
    """What is typed without echo, or the first line of stdin. Raises BadInput where nothing is."""
    typed = getpass.getpass(f"{what} (not shown): ") if sys.stdin.isatty() else sys.stdin.readline()
    value = typed.strip("\r\n")
    if not value:
        raise BadInput(f"{what}: nothing was given", hint=f"Type it, or pipe it in: {piped}")
    return value
