"""Run by Alembic, with the connection that `upgrade` or `__main__` put into the configuration."""

from alembic import context

from errands.store.migrations.comparing import defaults_differ, is_ours
from errands.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=is_ours,
    compare_server_default=defaults_differ,
)
with context.begin_transaction():
    context.run_migrations()
