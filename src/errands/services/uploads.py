"""Files that somebody gives a run to begin with: named, kept, and put in the place of arguments."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from errands.core.definition.task import Param
from errands.core.params import ArgumentProblem, ArgumentsInvalid, several_files, takes_file
from errands.core.values import Json, JsonObject
from errands.store.artifacts import ArtifactStore
from errands.store.inputs import InputFile

_FOLDER = "inputs"
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,60}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,60}")
_LONGEST_NAME = 120


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


async def keep(artifacts: ArtifactStore, placed: Sequence[tuple[str, Upload]]) -> list[InputFile]:
    """Keep the files; takes those back that are kept already if one cannot be. Raises OSError."""
    kept: list[InputFile] = []
    try:
        for path, upload in placed:
            location, size, digest = await artifacts.put_open(upload.file, name=path)
            kept.append(InputFile(path, _media_type(upload.media_type), size, digest, location))
    except BaseException:
        await artifacts.delete([file.location for file in kept])
        raise
    return kept


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
