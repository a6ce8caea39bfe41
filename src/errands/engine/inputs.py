"""Puts the files that a run begins with into its workspace, on whichever worker it is."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

from errands.core.outcomes import ErrorKind, StepFailed
from errands.store.inputs import InputFile


class Source(Protocol):
    """Where the files lie."""

    def chunks(self, ref: str) -> AsyncIterator[bytes]:
        """A file's content, in parts."""
        ...


async def bring(source: Source, files: Sequence[InputFile], workspace: Path) -> None:
    """Write those that are not there yet: a run that goes on where it was keeps what it has made of them.

    Raises StepFailed (storage).
    """
    for file in files:
        target = workspace / file.path
        if target.exists():
            continue
        try:
            await _write(source, file, target)
        except OSError as error:
            raise StepFailed(
                ErrorKind.STORAGE,
                f"the file {file.path} cannot be put into the run's workspace: {error.strerror or error}",
                hint="make room or bring the artifact store back, then rerun",
            ) from error


async def _write(source: Source, file: InputFile, target: Path) -> None:
    """Under another name until it is whole."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.part")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as opened:
        async for chunk in source.chunks(file.location):
            await asyncio.to_thread(opened.write, chunk)
    unfinished.replace(target)
