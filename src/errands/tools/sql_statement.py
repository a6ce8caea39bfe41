"""What is asked of a database, and the face that every kind of database has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from errands.core.values import Json


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement to run, with bounds."""

    sql: str
    params: Sequence[Mapping[str, Json]]
    """One object for each execution; a query has exactly one."""
    seconds: float
    max_rows: int = 0
    max_bytes: int = 0


class Database(Protocol):
    """Where statements run. Both raise Refusal or StepFailed; cancelling stops the statement in the database."""

    async def query(self, statement: Statement) -> Mapping[str, object]:
        """Read-only. `{rows, row_count, columns, truncated}`."""
        ...

    async def execute(self, statements: Sequence[Statement]) -> int:
        """All in one transaction. Rows affected."""
        ...
