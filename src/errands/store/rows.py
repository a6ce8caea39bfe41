"""From SQLAlchemy's rows to the frozen dataclasses that the query modules give."""

from typing import TypeVar

from sqlalchemy import CursorResult, Executable
from sqlalchemy.ext.asyncio import AsyncConnection

Kind = TypeVar("Kind")


async def fetch_all(connection: AsyncConnection, kind: type[Kind], query: Executable) -> list[Kind]:
    """Every row as a `kind`, whose fields are named as the columns."""
    return [kind(**row) for row in (await connection.execute(query)).mappings()]


async def fetch_one(connection: AsyncConnection, kind: type[Kind], query: Executable) -> Kind | None:
    """The row as a `kind`; None if there is none."""
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else kind(**row)


async def affected(connection: AsyncConnection, statement: Executable) -> int:
    """How many rows the statement changed."""
    result = await connection.execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount
