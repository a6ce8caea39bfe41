"""Files that somebody gives a run to begin with: named, kept, and put in the place of arguments."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import BinaryIO
from uuid import UUID

from errands.core.definition.task import Param
from errands.core.params import ArgumentProblem, ArgumentsInvalid, several_files, takes_file
from errands.core.values import Json, JsonObject
from errands.services.errors import Unavailable
from errands.store import inputs, unneeded
from errands.store.artifacts import ArtifactStore
from errands.store.connections import Connection
from errands.store.database import Database
from errands.store.inputs import InputFile

_FOLDER = "inputs"
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,60}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,60}")
_LONGEST_NAME = 120
_TIME_TO_START = timedelta(hours=1)
"""What a run may take to come to be once its first file is kept."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came."""

    name: str
    """Whatever the sender calls it; nothing is taken from it but a harmless name."""
    media_type: str
    file: BinaryIO


Given = Mapping[str, Sequence[Upload]]
"""Files by the param that they are for."""


def with_paths(
    params: Sequence[Param], arguments: JsonObject, files: Given
) -> tuple[dict[str, Json], list[tuple[str, Upload]]]:
    """The arguments with the place of each file in the run's workspace, and the files by place.

    Raises ArgumentsInvalid: a file for what takes none, several for what takes one, a text where a file is wanted.
    """
    known = {param.name: param for param in params}
    problems = [_no_file(name) for name in files if name not in known or not takes_file(known[name])]
    problems += [
        ArgumentProblem(name, f"`{name}` takes one file, not {len(uploads)}")
        for name, uploads in files.items()
        if name in known and takes_file(known[name]) and len(uploads) > 1 and not several_files(known[name])
    ]
    problems += [
        ArgumentProblem(name, f"`{name}` takes a file", "send it as a part of multipart/form-data, or -p NAME=PATH")
        for name, value in arguments.items()
        if name in known and takes_file(known[name]) and value is not None and name not in files
    ]
    if problems:
        raise ArgumentsInvalid(problems)
    placed: list[tuple[str, Upload]] = []
    paths: dict[str, Json] = {}
    for name, uploads in files.items():
        own = list(zip(places([one.name for one in uploads], {path for path, _ in placed}), uploads, strict=True))
        placed += own
        paths[name] = [path for path, _ in own] if several_files(known[name]) else own[0][0]
    return {**arguments, **paths}, placed


def places(names: Sequence[str], taken: set[str] = set()) -> list[str]:  # noqa: B006 - only read
    """A place in the workspace for each file: harmless names, each once."""
    used, found = set(taken), []
    for name in names:
        stem, dot, suffix = _harmless(name).rpartition(".")
        stem, suffix = (stem, dot + suffix) if stem else (suffix, "")
        path, number = f"{_FOLDER}/{stem}{suffix}", 2
        while path.lower() in used:
            path, number = f"{_FOLDER}/{stem}-{number}{suffix}", number + 1
        used.add(path.lower())
        found.append(path)
    return found


class Intake:
    """Keeps files that runs are to begin with, and leaves none behind where a run does not come to be.

    They are kept before the run is there, each noted as unneeded first: of a process that is killed in between, the
    keeper removes them.
    """

    def __init__(self, database: Database, artifacts: ArtifactStore) -> None:
        self._database = database
        self._artifacts = artifacts

    async def keep(self, placed: Sequence[tuple[str, Upload]]) -> list[InputFile]:
        """Keep all of them, or none. Raises Unavailable."""
        refs = [self._artifacts.name_for(path) for path, _ in placed]
        if refs:
            await unneeded.expect(self._database.pool, refs, datetime.now(UTC) + _TIME_TO_START)
        kept: list[InputFile] = []
        try:
            for ref, (path, upload) in zip(refs, placed, strict=True):
                size, digest = await self._artifacts.put_open(upload.file, ref)
                kept.append(InputFile(path, _media_type(upload.media_type), size, digest, ref))
        except BaseException as error:
            await self._remove(refs)
            if isinstance(error, OSError):
                said = f"The files cannot be kept in {self._artifacts.place}: {error.strerror or error}."
                raise Unavailable(said, "Bring the artifact store back, or make room; no run was made.") from error
            raise
        return kept

    async def hand_over(self, connection: Connection, run_id: UUID, kept: Sequence[InputFile], now: datetime) -> None:
        """Give a run its files, in the transaction that starts it."""
        if kept:
            await inputs.put(connection, run_id, kept, now)
            await unneeded.needed(connection, [file.location for file in kept])

    async def forget(self, kept: Sequence[InputFile]) -> None:
        """Remove the files: no run has come of them."""
        await self._remove([file.location for file in kept])

    async def _remove(self, refs: Sequence[str]) -> None:
        if refs:
            with suppress(OSError):  # The store or the database is away: the keeper removes them once it is back.
                await self._artifacts.delete(refs)
                await unneeded.gone(self._database.pool, refs)


def told(files: Sequence[InputFile]) -> list[Json]:
    """The files as a run's `trigger` names them."""
    return [
        {"path": file.path, "media_type": file.media_type, "size": file.size, "sha256": file.sha256} for file in files
    ]


def digests(placed: Sequence[tuple[str, Upload]]) -> dict[str, str]:
    """SHA-256 of each file, by its place."""
    found = {}
    for path, upload in placed:
        upload.file.seek(0)
        sha = hashlib.sha256()
        while chunk := upload.file.read(2**20):
            sha.update(chunk)
        found[path] = sha.hexdigest()
    return found


def digests_told(trigger: JsonObject) -> dict[str, str]:
    """The same of the files that a run began with."""
    files = trigger.get("files")
    listed = files if isinstance(files, Sequence) and not isinstance(files, str) else ()
    return {str(one["path"]): str(one["sha256"]) for one in listed if isinstance(one, Mapping)}


def _no_file(name: str) -> ArgumentProblem:
    hint = "declare it as {type: string, format: file}, or leave the file out"
    return ArgumentProblem(name, f"`{name}` takes no file", hint)


def _harmless(name: str) -> str:
    """The last part of a path, without what a shell, a system or a person could stumble over."""
    last = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    shown = "".join(letter if letter.isalnum() or letter in "._- " else "_" for letter in last).strip(" .")
    stem, dot, suffix = shown.rpartition(".")
    if len(shown) > _LONGEST_NAME:
        shown = f"{stem[: _LONGEST_NAME - 20]}{dot}{suffix[:19]}" if dot else shown[:_LONGEST_NAME]
    while len(shown.encode()) > 2 * _LONGEST_NAME:
        shown = shown[1:]
    return shown or "file"


def _media_type(given: str) -> str:
    kind = given.partition(";")[0].strip().lower()
    return kind if _MEDIA_TYPE.fullmatch(kind) else "application/octet-stream"
