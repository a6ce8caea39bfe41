"""`files.*`: files in the run's workspace and in the folders that the task was granted."""

import asyncio
import base64
import binascii
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field, model_validator

from errands.core.outcomes import ErrorKind
from errands.core.ports import Effect
from errands.core.values import JsonObject
from errands.tools.folders import read_effect, write_effect
from errands.tools.paths import (
    Place,
    appending,
    check_replaceable,
    copy_stream,
    open_folder,
    open_parent,
    reading,
    remove_tree,
    status,
    walk,
    writing,
)
from errands.tools.refusal import Refusal, refusal_of
from errands.tools.tool import Arguments, Output, ToolContext, tool

_ERRORS = (ErrorKind.NOT_FOUND, ErrorKind.LIMIT, ErrorKind.STORAGE)

FilePath = Annotated[
    str,
    Field(min_length=1, max_length=4096, description="Relative: in the workspace. Absolute: in a granted folder"),
]


class ReadArguments(Arguments):
    path: FilePath
    as_: Annotated[Literal["text", "base64"], Field(alias="as", description="Base64 is for what is not text")] = "text"
    encoding: Annotated[str, Field(description="Of the text, such as utf-8 or latin-1")] = "utf-8"


class ReadOutput(Output):
    path: Annotated[str, Field(description="The file, as it was named")]
    content: Annotated[str, Field(description="Text, or base64 where that was asked for")]
    bytes: Annotated[int, Field(description="Size of the file")]


class WriteArguments(Arguments):
    path: FilePath
    text: Annotated[str | None, Field(description="Content as UTF-8 text")] = None
    base64: Annotated[str | None, Field(description="Content as base64")] = None

    @model_validator(mode="after")
    def _one(self) -> "WriteArguments":
        if (self.text is None) == (self.base64 is None):
            raise ValueError("give either text or base64")
        return self

    def content(self) -> bytes:
        """What to write. Raises Refusal (input) for what is not base64."""
        if self.base64 is None:
            return (self.text or "").encode()
        try:
            return base64.b64decode(self.base64, validate=True)
        except binascii.Error as error:
            raise Refusal("input", f"base64: {error}") from None


class ReplaceArguments(WriteArguments):
    overwrite: Annotated[bool, Field(description="Replace a file that is there already")] = True


class Written(Output):
    path: Annotated[str, Field(description="The file, as it was named")]
    bytes: Annotated[int, Field(description="Size of the file now")]


class ListArguments(Arguments):
    path: FilePath = "."
    pattern: Annotated[str, Field(description="Glob on the path below `path`; `*` also crosses folders")] = "*"
    recursive: Annotated[bool, Field(description="Also what is in the folders below")] = False


class FileInfo(Output):
    path: Annotated[str, Field(description="Named as the argument names it")]
    kind: Annotated[Literal["file", "folder", "link", "other"], Field(description="What it is; a link is not followed")]
    bytes: Annotated[int, Field(description="Size; of a folder it says nothing about what is in it")]
    modified: Annotated[str, Field(description="UTC, ISO 8601")]


class ListOutput(Output):
    files: Annotated[list[FileInfo], Field(description="What matches the pattern")]


class InfoArguments(Arguments):
    path: FilePath


class InfoOutput(Output):
    exists: Annotated[bool, Field(description="There is something at the path")]
    info: Annotated[FileInfo | None, Field(description="What it is; nothing where nothing is there")] = None


class TransferArguments(Arguments):
    from_: Annotated[FilePath, Field(alias="from")]
    to: FilePath
    overwrite: Annotated[bool, Field(description="Replace a file that is there already")] = True


class DeleteArguments(Arguments):
    path: FilePath
    recursive: Annotated[bool, Field(description="Also a folder with all that is in it")] = False
    missing_ok: Annotated[bool, Field(description="Succeed also where nothing is there")] = False


class Deleted(Output):
    path: Annotated[str, Field(description="What was deleted, as it was named")]
    removed: Annotated[int, Field(description="Files and folders")]


def _reads(arguments: JsonObject) -> Effect:
    return read_effect(arguments.get("path"))


def _writes(arguments: JsonObject) -> Effect:
    return write_effect(arguments.get("path"))


def _copies(arguments: JsonObject) -> Effect:
    written = write_effect(arguments.get("to"))
    return written if written is Effect.CHANGES else read_effect(arguments.get("from"))


def _moves(arguments: JsonObject) -> Effect:
    return write_effect(arguments.get("from"), arguments.get("to"))


@tool("files.read", effect=Effect.READS, effect_of=_reads, errors=_ERRORS)
async def files_read(arguments: ReadArguments, context: ToolContext) -> ReadOutput:
    """Read a file as text or base64."""
    content = await asyncio.to_thread(_read, context.locate(arguments.path), context.limits.file_bytes)
    text = base64.b64encode(content).decode() if arguments.as_ == "base64" else _decoded(content, arguments)
    return ReadOutput(path=arguments.path, content=text, bytes=len(content))


@tool("files.write", effect=Effect.CHANGES, effect_of=_writes, errors=_ERRORS)
async def files_write(arguments: ReplaceArguments, context: ToolContext) -> Written:
    """Write a file, with the folders it needs. The old content stays until all of the new is written."""
    place = context.locate(arguments.path, write=True)
    content = _bounded(arguments.content(), context)
    await asyncio.to_thread(_write, place, content, arguments.overwrite)
    return Written(path=arguments.path, bytes=len(content))


@tool("files.append", effect=Effect.CHANGES, effect_of=_writes, errors=_ERRORS)
async def files_append(arguments: WriteArguments, context: ToolContext) -> Written:
    """Add to the end of a file; make it if there is none."""
    place = context.locate(arguments.path, write=True)
    size = await asyncio.to_thread(_append, place, _bounded(arguments.content(), context))
    return Written(path=arguments.path, bytes=size)


@tool("files.list", effect=Effect.READS, effect_of=_reads, errors=_ERRORS)
async def files_list(arguments: ListArguments, context: ToolContext) -> ListOutput:
    """List a folder, with what is below it if asked. Symbolic links are named, never followed."""
    place = context.locate(arguments.path)
    return ListOutput(files=await asyncio.to_thread(_list, place, arguments, context.limits.list_entries))


@tool("files.info", effect=Effect.READS, effect_of=_reads, errors=_ERRORS)
async def files_info(arguments: InfoArguments, context: ToolContext) -> InfoOutput:
    """Say whether a file or folder exists, its size and when it changed."""
    found = await asyncio.to_thread(status, context.locate(arguments.path))
    return InfoOutput(exists=found is not None, info=None if found is None else _info(arguments.path, found))


@tool("files.copy", effect=Effect.CHANGES, effect_of=_copies, errors=_ERRORS)
async def files_copy(arguments: TransferArguments, context: ToolContext) -> Written:
    """Copy one file."""
    source, target = context.locate(arguments.from_), context.locate(arguments.to, write=True)
    limit = context.limits.copy_bytes
    size = await asyncio.to_thread(_copy, source, target, arguments.overwrite, limit)
    return Written(path=arguments.to, bytes=size)


@tool("files.move", effect=Effect.CHANGES, effect_of=_moves, errors=_ERRORS)
async def files_move(arguments: TransferArguments, context: ToolContext) -> Written:
    """Move or rename one file."""
    source = context.locate(arguments.from_, write=True)
    target = context.locate(arguments.to, write=True)
    if (source.root, source.parts) == (target.root, target.parts):
        raise Refusal("input", f"{arguments.from_} and {arguments.to} are the same file")
    size = await asyncio.to_thread(_move, source, target, arguments.overwrite, context.limits.copy_bytes)
    return Written(path=arguments.to, bytes=size)


@tool("files.delete", effect=Effect.CHANGES, effect_of=_writes, errors=_ERRORS)
async def files_delete(arguments: DeleteArguments, context: ToolContext) -> Deleted:
    """Delete a file or, with recursive, a folder."""
    place = context.locate(arguments.path, write=True)
    try:
        removed = await asyncio.to_thread(_delete, place, recursive=arguments.recursive)
    except Refusal as refusal:
        if refusal.kind != "not_found" or not arguments.missing_ok:
            raise
        removed = 0
    return Deleted(path=arguments.path, removed=removed)


def _read(place: Place, limit: int) -> bytes:
    with reading(place) as file, _told(place):
        content = file.read(limit + 1)
    if len(content) > limit:
        raise Refusal("limit", f"{place.shown} is larger than {limit} bytes", "read it with a tool that streams it")
    return content


def _write(place: Place, content: bytes, overwrite: bool) -> None:
    with writing(place, replace=overwrite) as file:
        file.write(content)


def _append(place: Place, content: bytes) -> int:
    with _told(place), appending(place) as file:
        file.write(content)
        return file.tell()


def _copy(source: Place, target: Place, overwrite: bool, limit: int) -> int:
    with reading(source) as original, writing(target, replace=overwrite) as copy:
        return copy_stream(original, copy, limit, source.shown)


def _move(source: Place, target: Place, overwrite: bool, limit: int) -> int:
    """By renaming where both are on one disk, else by copying."""
    with reading(source) as original, open_parent(source) as here, open_parent(target, create=True) as there:
        check_replaceable(there, target, replace=overwrite)
        size = os.fstat(original.fileno()).st_size
        try:
            os.rename(source.name, target.name, src_dir_fd=here, dst_dir_fd=there)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise refusal_of(error, source.shown) from None
            _copy(source, target, overwrite, limit)
            os.unlink(source.name, dir_fd=here)
    return size


def _list(place: Place, arguments: ListArguments, limit: int) -> list[FileInfo]:
    found: list[FileInfo] = []
    prefix = "" if arguments.path == "." else arguments.path.rstrip("/") + "/"
    with open_folder(place) as folder, _told(place):
        for path, info in walk(folder, recursive=arguments.recursive):
            if not fnmatchcase(path, arguments.pattern):
                continue
            if len(found) == limit:
                raise Refusal("limit", f"{place.shown} holds more than {limit} entries", "narrow the pattern")
            found.append(_info(prefix + path, info))
    return found


def _delete(place: Place, *, recursive: bool) -> int:
    with open_parent(place) as folder, _told(place):
        mode = os.stat(place.name, dir_fd=folder, follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode) and not recursive:
            raise Refusal("input", f"{place.shown} is a folder", "pass recursive: true to delete all that is in it")
        return remove_tree(folder, place.name)


def _info(path: str, found: os.stat_result) -> FileInfo:
    return FileInfo(
        path=path,
        kind=_kind(found.st_mode),
        bytes=found.st_size,
        modified=datetime.fromtimestamp(found.st_mtime, UTC).isoformat(timespec="seconds"),
    )


def _kind(mode: int) -> Literal["file", "folder", "link", "other"]:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"


def _decoded(content: bytes, arguments: ReadArguments) -> str:
    try:
        return content.decode(arguments.encoding)
    except LookupError:
        raise Refusal("input", f"{arguments.encoding!r} is not an encoding", "try utf-8, utf-16 or latin-1") from None
    except UnicodeDecodeError as error:
        raise Refusal(
            "input",
            f"{arguments.path} is not {arguments.encoding} text (byte {error.start})",
            "read it with as: base64, or name its encoding",
        ) from None


def _bounded(content: bytes, context: ToolContext) -> bytes:
    limit = context.limits.file_bytes
    if len(content) > limit:
        raise Refusal("limit", f"{len(content)} bytes are more than the {limit} that one call may write")
    return content


@contextmanager
def _told(place: Place) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise refusal_of(error, place.shown) from None
