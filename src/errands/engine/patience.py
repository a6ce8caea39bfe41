"""A database that is away comes back: what runs hold is kept in memory until it does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

import asyncpg
import structlog

log = structlog.get_logger()

DATABASE_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # What asyncpg says of a connection that was cut while it was being handed out.
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InsufficientResourcesError,
    OSError,
    TimeoutError,
)
"""Errors that say nothing about the statement, only that the server cannot be reached now."""

_RETRY_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0)

Given = ParamSpec("Given")
Result = TypeVar("Result")


def delay_after(tries: int) -> float:
    """Seconds before the next try: short at first, then one second for as long as it takes."""
    return _RETRY_SECONDS[min(tries, len(_RETRY_SECONDS) - 1)]


async def patiently(
    call: Callable[Given, Awaitable[Result]], /, *arguments: Given.args, **named: Given.kwargs
) -> Result:
    """Call until the database answers. Only for what may be done twice."""
    tries = 0
    while True:
        try:
            return await call(*arguments, **named)
        except DATABASE_AWAY as error:
            log.warning("database.away", error=type(error).__name__, retry_in=delay_after(tries))
            await asyncio.sleep(delay_after(tries))
            tries += 1
