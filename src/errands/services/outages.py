"""What it means for a caller that the database, or another part of the machine, does not serve."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from errands.services.errors import Unavailable
from errands.store.database import FULL
from errands.store.errors import StoreUnavailable


def outage(error: Exception) -> Unavailable | None:
    """The refusal that an exception of the store or its drivers stands for; None for anything else."""
    cause = error.orig.__cause__ or error.orig if isinstance(error, DBAPIError) and error.orig else error
    match cause:
        case StoreUnavailable():
            return Unavailable(cause.message, cause.hint)
        case NoConnectionFree():
            return Unavailable("All connections to the database are taken.", "Try again in a moment.")
        case asyncpg.TooManyConnectionsError():
            return Unavailable(f"The database is full: {cause}.", FULL)
        case asyncpg.DeadlockDetectedError() | asyncpg.SerializationError():
            return Unavailable("Two changes held each other up; this one was not made.", "Try again in a moment.")
        case (
            asyncpg.PostgresConnectionError()
            | asyncpg.InterfaceError()
            | asyncpg.CannotConnectNowError()
            | asyncpg.AdminShutdownError()
            | asyncpg.InsufficientResourcesError()
            | ConnectionError()
        ):
            hint = "Check the database server and its disk, then try again; runs go on when it is back."
            return Unavailable(f"The database does not serve: {cause}.", hint)
        case _:
            return None
