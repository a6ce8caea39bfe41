"""Notices that another release has brought the tables up while this process works on them."""

import asyncio
from datetime import timedelta

import asyncpg
import structlog

from errands.store.errors import StoreUnavailable
from errands.store.migrations import HEAD, newer_tables

log = structlog.get_logger()


async def overtaken(pool: asyncpg.Pool, every: timedelta) -> StoreUnavailable:
    """Wait until the tables are a newer release's; gives what to tell the operator then.

    `every`: between two looks, which cost one query each. A database that is away is looked at again.
    """
    while True:
        try:
            newer = await newer_tables(pool)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            log.warning("tables.not_seen", error=type(error).__name__)
        else:
            if newer is not None:
                return StoreUnavailable(
                    f"Another release of Errands has brought the tables up to {newer} while this one worked; it knows "
                    f"them as of {HEAD}, and takes no more runs.",
                    "Install the release that the others have and start this again; what it let go is taken up there.",
                )
        await asyncio.sleep(every.total_seconds())
