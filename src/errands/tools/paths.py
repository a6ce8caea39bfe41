"""Files below a folder that cannot be left: each component is opened relative to the one before, never a link.

A path that is checked and then opened by name can change in between; a chain of `openat` with `O_NOFOLLOW`
cannot. Standard library only: child processes import it.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from errands.tools.refusal import Refusal, refusal_of

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """A path below a root. Nothing has been opened or checked to exist."""

    root: str
    """The folder that cannot be left. It may itself be reached by a link: who granted it chose it."""
    parts: tuple[str, ...]
    """Names below the root; empty for the root itself."""
    shown: str
    """As the caller wrote it."""

    @property
    def name(self) -> str:
        return self.parts[-1] if self.parts else ""

    def child(self, name: str) -> "Place":
        return Place(self.root, (*self.parts, name), f"{self.shown}/{name}" if self.shown != "." else name)

    def as_json(self) -> dict[str, object]:
        return {"root": self.root, "parts": list(self.parts), "shown": self.shown}

    @classmethod
    def from_json(cls, value: dict[str, object]) -> "Place":
        """The inverse of `as_json`."""
        parts = value["parts"]
        assert isinstance(parts, list)
        return cls(str(value["root"]), tuple(str(part) for part in parts), str(value["shown"]))


def parts_of(path: str) -> tuple[str, ...]:
    """The names in a relative path; `.` gives none. Raises Refusal (denied) where it could lead elsewhere."""
    if "\x00" in path:
        raise Refusal("input", f"the path {path[:100]!r} holds a NUL character")
    if path.startswith("/"):
        raise Refusal("denied", f"{path!r} is absolute", "write a path inside the folder")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if ".." in parts:
        raise Refusal("denied", f"{path!r} holds `..`", "write the path from the folder's top")
    return parts


@contextmanager
def open_folder(place: Place, *, create: bool = False) -> Iterator[int]:
    """A descriptor of the folder, made with its parents if asked. Raises Refusal."""
    try:
        folder = os.open(place.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise refusal_of(error, f"the folder {place.root}") from None
    try:
        for part in place.parts:
            below = _enter(folder, part, place.shown, create)
            os.close(folder)
            folder = below
        yield folder
    finally:
        os.close(folder)


@contextmanager
def open_parent(place: Place, *, create: bool = False) -> Iterator[int]:
    """A descriptor of the folder that holds the place. Raises Refusal, also for the root itself."""
    if not place.parts:
        raise Refusal("input", f"{place.shown!r} is a folder, not a file", "name a file in it")
    with open_folder(Place(place.root, place.parts[:-1], place.shown), create=create) as folder:
        yield folder


def status(place: Place) -> os.stat_result | None:
    """The entry's status, links not followed; `None` where there is nothing. Raises Refusal on the way there."""
    if not place.parts:
        with open_folder(place) as folder:
            return os.fstat(folder)
    try:
        with open_parent(place) as folder:
            return os.stat(place.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal_of(error, place.shown) from None
    except Refusal as refusal:
        if refusal.kind == "not_found":
            return None
        raise


@contextmanager
def reading(place: Place) -> Iterator[BinaryIO]:
    """A regular file to read. Raises Refusal for anything else: folder, link, device, FIFO, socket."""
    with open_parent(place) as folder:
        file = _open_regular(folder, place, os.O_RDONLY)
    with os.fdopen(file, "rb") as stream:
        yield stream


@contextmanager
def appending(place: Place) -> Iterator[BinaryIO]:
    """A regular file to append to, made if there is none."""
    with open_parent(place, create=True) as folder:
        file = _open_regular(folder, place, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with os.fdopen(file, "ab") as stream:
        yield stream


@contextmanager
def writing(place: Place, *, replace: bool = True) -> Iterator[BinaryIO]:
    """A new file that takes its name only when all is written; a failure leaves what was there before."""
    with open_parent(place, create=True) as folder:
        check_replaceable(folder, place, replace)
        temporary = f".errands-{os.urandom(8).hex()}"
        try:
            file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o644, dir_fd=folder)
            with os.fdopen(file, "wb") as stream:
                yield stream
            os.replace(temporary, place.name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            raise refusal_of(error, place.shown) from None
        finally:
            _forget(temporary, folder)


def copy_stream(source: BinaryIO, target: BinaryIO, limit: int, shown: str) -> int:
    """Bytes copied. Raises Refusal (limit) where there are more than `limit`."""
    done = 0
    while chunk := source.read(_CHUNK):
        done += len(chunk)
        if done > limit:
            raise Refusal("limit", f"{shown} is larger than {limit} bytes", "the administrator can raise the limit")
        target.write(chunk)
    return done


def remove_tree(parent: int, name: str) -> int:
    """Files and folders removed: `name` in the folder `parent` with all below it. Links are removed, not followed."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=parent)
        return 1
    folder = os.open(name, _FOLDER, dir_fd=parent)
    try:
        removed = sum(remove_tree(folder, entry) for entry in os.listdir(folder))  # noqa: PTH208
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=parent)
    return removed + 1


def walk(folder: int, shown: str = "", *, recursive: bool = True) -> Iterator[tuple[str, os.stat_result]]:
    """What is in an open folder and below, by name: path and status. Links are named, never followed."""
    for name in sorted(os.listdir(folder)):
        path = f"{shown}/{name}" if shown else name
        try:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            yield path, found
            if not recursive or not stat.S_ISDIR(found.st_mode):
                continue
            below = os.open(name, _FOLDER, dir_fd=folder)
        except FileNotFoundError:
            continue  # Deleted while we looked.
        try:
            yield from walk(below, path)
        finally:
            os.close(below)


def real_path(place: Place) -> Path:
    """The path for a library that takes only names. Use it in the workspace alone, where nobody makes links."""
    return Path(place.root, *place.parts)


def _enter(folder: int, part: str, shown: str, create: bool) -> int:
    try:
        if create:
            with suppress(FileExistsError):
                os.mkdir(part, 0o755, dir_fd=folder)
        return os.open(part, _FOLDER, dir_fd=folder)
    except NotADirectoryError as error:
        # Linux answers ENOTDIR, not ELOOP, for a link opened with O_DIRECTORY and O_NOFOLLOW.
        if stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode):
            raise Refusal("denied", f"{shown} leads through a symbolic link", "name the real folder") from None
        raise refusal_of(error, shown) from None
    except OSError as error:
        raise refusal_of(error, shown) from None


def _open_regular(folder: int, place: Place, flags: int) -> int:
    try:
        check_replaceable(folder, place, replace=True)  # Opening a device can already do something.
        file = os.open(place.name, flags | _FILE, 0o644, dir_fd=folder)
    except OSError as error:
        raise refusal_of(error, place.shown) from None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise _not_regular(place, os.stat(place.name, dir_fd=folder, follow_symlinks=False).st_mode)
    return file


def check_replaceable(folder: int, place: Place, replace: bool) -> None:
    """Raises Refusal unless the name is free or, with `replace`, a regular file."""
    try:
        mode = os.stat(place.name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise _not_regular(place, mode)
    if not replace:
        raise Refusal("input", f"{place.shown} exists already", "pass overwrite: true, or choose another name")


def _not_regular(place: Place, mode: int) -> Refusal:
    if stat.S_ISDIR(mode):
        return Refusal("input", f"{place.shown} is a folder, not a file")
    if stat.S_ISLNK(mode):
        return Refusal("denied", f"{place.shown} is a symbolic link", "name the real file")
    return Refusal("denied", f"{place.shown} is not a regular file (a device, FIFO or socket)")


def _forget(name: str, folder: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
