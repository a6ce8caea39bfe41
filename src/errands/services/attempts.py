"""How often somebody may try a password in vain."""

import ipaddress
from datetime import timedelta

from errands.services.authority import Clock, utc_now
from errands.services.errors import TooMany
from errands.services.principals import hash_of
from errands.store import sessions
from errands.store.database import Database

WINDOW = timedelta(minutes=15)
MOST_BY_PAIR, MOST_BY_ACCOUNT, MOST_BY_ADDRESS = 5, 50, 30
"""Failed attempts within the window, after which the next are not looked at: of an account from one address, of an
account from anywhere (so many that a stranger does not easily lock somebody out), and from one address."""

_LONGEST_ADDRESS = 100


class Attempts:
    """Counts attempts in the database, so that several servers count together."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def begin(self, name: str, address: str) -> int:
        """Note an attempt as failed, before it is looked at, so that many at once do not slip through; gives its id.

        Names are kept as hashes: people type their password there. Raises TooMany, and then it does not count.
        """
        now, key = self._clock(), hash_of(name).hex()
        async with self._database.engine.begin() as connection:
            attempt = await sessions.note_attempt(connection, key, address, now)
        async with self._database.engine.begin() as connection:
            failed = await sessions.failures(connection, key, address, now - WINDOW)
            if failed.pair <= MOST_BY_PAIR and failed.account <= MOST_BY_ACCOUNT and failed.address <= MOST_BY_ADDRESS:
                return attempt
            await sessions.forget_attempt(connection, attempt)
        raise TooMany("Too many attempts to sign in have failed.", int(WINDOW.total_seconds()))

    async def succeed(self, attempt: int) -> None:
        """It was the right password after all."""
        async with self._database.engine.begin() as connection:
            await sessions.note_success(connection, attempt)


def place(address: str) -> str:
    """What counts as one place: an IPv4 address, or the /64 network of an IPv6 address, which one customer holds."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:_LONGEST_ADDRESS].replace("\0", "")
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped is not None else str(ipaddress.ip_network((parsed, 64), strict=False))
