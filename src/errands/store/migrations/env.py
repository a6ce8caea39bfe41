"""Run by Alembic, with the connection that `upgrade` or `__main__` put into the configuration."""

from alembic import context

from errands.store.tables import metadata


def _ours(_object: object, name: str | None, type_: str, _reflected: bool, _compare_to: object) -> bool:
    """Leaves PgQueuer's tables out of what is compared."""
    return not (type_ == "table" and (name or "").startswith("pgqueuer"))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=_ours,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
