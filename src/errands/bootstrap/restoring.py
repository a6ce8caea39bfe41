"""Puts together what brings a backup back: a database that may be empty, artifacts, keys; no service."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from errands.bootstrap.logs import configure_logging
from errands.bootstrap.parts import connect, key_source, load_settings

if TYPE_CHECKING:
    from errands.core.access import Principal
    from errands.services.restoring import Restored


async def restore_backup(caller: "Principal", file: Path, *, replace: bool) -> "Restored":
    """Bring a backup back to where the settings point. Raises ServiceError."""
    from errands.services.outages import outage
    from errands.services.restoring import Target, restore
    from errands.store.artifacts import ArtifactStore

    settings = load_settings()
    configure_logging(settings, quiet=True)
    async with AsyncExitStack() as stack:
        try:
            database = await connect(settings, stack)
            target = Target(database, ArtifactStore(settings.artifacts), key_source(settings), settings.heartbeat)
            return await restore(caller, target, file, replace=replace)
        except Exception as error:
            translated = outage(error)
            if translated is None:
                raise
            raise translated from error
