"""Folders that the tools of a thread worked in, and whose thread is gone: deleted with its project, or half removed."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from errands.core import ids
from errands.store import threads
from errands.store.database import Database

_AT_ONCE = 1000


async def sweep_folders(database: Database, folders: Path) -> int:
    """Remove the folders in `folders` whose thread is gone. Gives how many. What is no thread's folder stays.

    A folder is made after its thread: what was listed and has no thread then never gets one.
    """
    listed = list((await asyncio.to_thread(_listed, folders)).items())
    removed = 0
    for start in range(0, len(listed), _AT_ONCE):
        some = dict(listed[start : start + _AT_ONCE])
        async with database.reader.connect() as connection:
            there = await threads.those_there(connection, list(some))
        for thread, folder in some.items():
            if thread not in there:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
                removed += 1
    return removed


def _listed(folders: Path) -> Mapping[UUID, Path]:
    if not folders.is_dir():
        return {}
    return {thread: folder for folder in folders.iterdir() if (thread := _thread(folder)) is not None}


def _thread(folder: Path) -> UUID | None:
    try:
        return ids.decode("thread", folder.name)
    except ValueError:
        return None
