"""For developers: `python -m errands.store.migrations "Add a column"` writes the next version file from `tables.py`.

Works on a database of its own in a temporary folder. Read what it wrote, and set `HEAD` to its number.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from errands.store.database import Database
from errands.store.migrations import configuration, upgrade


async def write_version(message: str) -> None:
    """Compare the tables after all versions with `tables.py` and write the difference as a new version."""
    config = configuration()
    number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1

    def work(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")

    with tempfile.TemporaryDirectory() as folder:
        database = await Database.open(None, Path(folder))
        try:
            if number > 1:
                await upgrade(database)
            async with database.engine.connect() as connection:
                await connection.run_sync(work)
        finally:
            await database.close()


if __name__ == "__main__":
    asyncio.run(write_version(sys.argv[1]))
