"""How Alembic compares a database with `tables.py`: for writing the next version, and for the test that both agree."""

from alembic.migration import MigrationContext
from sqlalchemy import Column
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.types import JSON


def is_ours(_object: object, name: str | None, kind: str, _reflected: bool, _compare_to: object) -> bool:
    """Leaves PgQueuer's tables out."""
    return not (kind == "table" and (name or "").startswith("pgqueuer"))


def defaults_differ(
    _context: MigrationContext,
    _inspected: ReflectedColumn,
    column: "Column[object]",
    inspected_default: str | None,
    _default: object,
    rendered_default: str | None,
) -> bool | None:
    """PostgreSQL cannot compare JSON values with `=`, as Alembic would have it: their texts are compared."""
    if not isinstance(column.type, JSON):
        return None
    return (inspected_default or "").partition("::")[0] != (rendered_default or "")
