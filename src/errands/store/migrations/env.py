"""Run by Alembic, with the connection that `upgrade` or `__main__` put into the configuration."""

from alembic import context

import errands.store.tables_alarms
import errands.store.tables_chat
import errands.store.tables_figures
import errands.store.tables_people
import errands.store.tables_tools
import errands.store.tables_triggers  # noqa: F401 (declares its tables)
from errands.store.tables import metadata


def _ours(_object: object, name: str | None, kind: str, _reflected: bool, _compare_to: object) -> bool:
    """Leaves PgQueuer's tables out of what is compared."""
    return not (kind == "table" and (name or "").startswith("pgqueuer"))


# Defaults are not compared: Alembic cannot, where the type is JSON. The test of the migrations does.
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, include_object=_ours)
with context.begin_transaction():
    context.run_migrations()
