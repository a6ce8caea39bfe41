"""Where large outputs and files lie: a folder, or any place that fsspec knows by URL.

A name is never used twice, so what lies at one never changes.
"""

import asyncio
import hashlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from errands.store.identifiers import new_id

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_REF = re.compile(r"[0-9a-f]{3}/[0-9a-f]{32}(?:\.[A-Za-z0-9.]{1,20})?")
_CHUNK = 2**20
Result = TypeVar("Result")


class ArtifactStore:
    """Keeps bytes under names that it makes up. Every method raises OSError where the place cannot be used."""

    def __init__(self, place: str) -> None:
        """`place` is a folder or a URL such as `s3://bucket/errands`; it is made on first use."""
        self.place = place
        self._remote = "://" in place and not place.startswith("file://")
        self._folder = Path(place.removeprefix("file://")).expanduser()

    async def put(self, data: bytes, *, suffix: str = "") -> str:
        """Keep bytes; gives their name. They have reached the disk when it returns."""
        ref = _new_ref(suffix)
        await _off_loop(lambda: self._write(ref, [data]))
        return ref

    async def put_file(self, path: Path) -> tuple[str, int, str]:
        """Keep a copy of a file; gives its name, its bytes and their SHA-256 in hex."""
        return await _off_loop(lambda: self._copy(path))

    def name_for(self, path: str) -> str:
        """A name under which nothing lies yet, for a file called so."""
        return _named_like(Path(path).suffix)

    async def put_open(self, file: BinaryIO, ref: str) -> tuple[int, str]:
        """Keep what an open file holds from its beginning under a name of `name_for`; gives its bytes and their SHA-256
        in hex."""
        _check(ref)

        def copied() -> tuple[int, str]:
            file.seek(0)
            return self._copy_open(file, ref)

        return await _off_loop(copied)

    async def get(self, ref: str) -> bytes:
        """What lies under a name. Raises OSError (FileNotFoundError) if nothing does."""
        _check(ref)
        return await _off_loop(lambda: self._read(ref))

    async def chunks(self, ref: str) -> AsyncIterator[bytes]:
        """What lies under a name, a MiB at a time. Raises OSError (FileNotFoundError) if nothing does."""
        _check(ref)
        file = await _off_loop(lambda: self._open(ref))
        try:
            while chunk := await _off_loop(lambda: file.read(_CHUNK)):
                yield chunk
        finally:
            await _off_loop(file.close)

    async def part(self, ref: str, offset: int, limit: int) -> bytes:
        """Up to `limit` bytes from `offset` of what lies under a name. Raises OSError (FileNotFoundError)."""
        _check(ref)
        return await _off_loop(lambda: self._read_part(ref, offset, limit))

    async def size(self, ref: str) -> int:
        """How many bytes lie under a name. Raises OSError (FileNotFoundError) if nothing does."""
        _check(ref)
        return await _off_loop(lambda: self._size(ref))

    async def names(self) -> list[str]:
        """Every name under which something lies, in order."""
        return await _off_loop(self._names)

    async def put_back(self, ref: str, chunks: Iterable[bytes]) -> None:
        """Keep bytes under the name that they had; what lies there already is left alone."""
        _check(ref)
        await _off_loop(lambda: None if self._there(ref) else self._write(ref, chunks))

    async def delete(self, refs: Iterable[str]) -> None:
        """Remove what lies under the names; a name under which nothing lies is no error."""
        names = list(refs)
        for ref in names:
            _check(ref)
        await _off_loop(lambda: self._remove(names))

    def _write(self, ref: str, chunks: Iterable[bytes]) -> None:
        if self._remote:
            system, root = self._system()
            with system.open(f"{root}/{ref}", "wb") as remote:
                for chunk in chunks:
                    remote.write(chunk)
            return
        target = self._folder / ref
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = target.with_name(f".{target.name}")
        try:
            with unfinished.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(target)
            _sync_folder(target.parent)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise

    def _copy(self, path: Path) -> tuple[str, int, str]:
        ref = _named_like(path.suffix)
        with path.open("rb") as file:
            return ref, *self._copy_open(file, ref)

    def _copy_open(self, file: BinaryIO, ref: str) -> tuple[int, str]:
        sha, size = hashlib.sha256(), 0

        def chunks() -> Iterable[bytes]:
            nonlocal size
            while chunk := file.read(_CHUNK):
                sha.update(chunk)
                size += len(chunk)
                yield chunk

        self._write(ref, chunks())
        return size, sha.hexdigest()

    def _read(self, ref: str) -> bytes:
        if self._remote:
            system, root = self._system()
            with system.open(f"{root}/{ref}", "rb") as file:
                return bytes(file.read())
        return (self._folder / ref).read_bytes()

    def _open(self, ref: str) -> BinaryIO:
        if self._remote:
            system, root = self._system()
            opened: BinaryIO = system.open(f"{root}/{ref}", "rb")
            return opened
        return (self._folder / ref).open("rb")

    def _read_part(self, ref: str, offset: int, limit: int) -> bytes:
        with self._open(ref) as file:
            file.seek(offset)
            return file.read(limit)

    def _size(self, ref: str) -> int:
        if self._remote:
            system, root = self._system()
            return int(system.size(f"{root}/{ref}"))
        return (self._folder / ref).stat().st_size

    def _names(self) -> list[str]:
        if self._remote:
            system, root = self._system()
            prefix = f"{root}/"
            found = [str(path).removeprefix(prefix) for path in system.find(root)] if system.exists(root) else []
        else:
            found = [str(path.relative_to(self._folder)) for path in self._folder.glob("*/*")]
        return sorted(name for name in found if _REF.fullmatch(name))

    def _there(self, ref: str) -> bool:
        if self._remote:
            system, root = self._system()
            return bool(system.exists(f"{root}/{ref}"))
        return (self._folder / ref).exists()

    def _remove(self, refs: list[str]) -> None:
        for ref in refs:
            if self._remote:
                system, root = self._system()
                if system.exists(f"{root}/{ref}"):
                    system.rm_file(f"{root}/{ref}")
            else:
                (self._folder / ref).unlink(missing_ok=True)

    def _system(self) -> tuple["AbstractFileSystem", str]:
        from fsspec.core import url_to_fs

        system, root = url_to_fs(self.place)
        return system, str(root).rstrip("/")

    def free_bytes(self) -> int | None:
        """Room left where the folder lies. None for a place that is no folder."""
        if self._remote:
            return None
        there = self._folder
        while not there.exists():
            there = there.parent
        return shutil.disk_usage(there).free


def _new_ref(suffix: str) -> str:
    """A name spread over 4096 folders by its random end, not by its beginning, which is the time."""
    name = new_id().hex
    return f"{name[-3:]}/{name}{suffix}"


def _named_like(suffix: str) -> str:
    return _new_ref(suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,16}", suffix) else "")


def _check(ref: str) -> None:
    if not _REF.fullmatch(ref):
        raise FileNotFoundError(2, "not the name of an artifact", ref)


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


async def _off_loop(work: Callable[[], Result]) -> Result:
    """Do blocking work in a thread; whatever a remote place raises becomes an OSError."""
    try:
        return await asyncio.to_thread(work)
    except OSError:
        raise
    except Exception as error:
        raise OSError(5, f"{type(error).__name__}: {error}") from error
