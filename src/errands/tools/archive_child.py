"""Packing, unpacking and checking archives, in a child process, which is killed on time-out and cancel."""

import gzip
import hashlib
import io
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

from errands.tools.paths import Place, open_folder, open_parent, reading, remove_tree, status, walk, writing
from errands.tools.refusal import Refusal, refusal_of

MANIFEST = "SHA256SUMS"
_CHUNK = 1 << 20
_RATIO_FLOOR = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
_DAMAGE = (zipfile.BadZipFile, gzip.BadGzipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an archive may hold."""

    members: int
    total_bytes: int
    ratio: int


@dataclass(frozen=True, slots=True)
class Member:
    """One regular file in an archive that is being read."""

    name: str
    open: Callable[[], BinaryIO]


def create(job: dict[str, object]) -> dict[str, object]:
    """`{sources: [place], target, overwrite, format, bounds}` -> `{files, bytes, sha256}`."""
    target, bounds = _place(job["target"]), _bounds(job)
    sources = job["sources"]
    assert isinstance(sources, list)
    files = _gather([_place(each) for each in sources], bounds)
    with writing(target, replace=bool(job["overwrite"])) as out, _packing(out, str(job["format"])) as add:
        listed = []
        total = 0
        for name, place in files:
            with reading(place) as file:
                size, digest = add(name, file)
            total += size
            if total > bounds.total_bytes:
                raise Refusal("limit", f"the files have more than {bounds.total_bytes} bytes", "pack fewer at a time")
            listed.append({"path": name, "bytes": size, "sha256": digest})
        manifest = "".join(f"{each['sha256']}  {each['path']}\n" for each in listed).encode()
        add(MANIFEST, io.BytesIO(manifest))
    return {"files": listed, **_file_digest(target)}


def extract(job: dict[str, object]) -> dict[str, object]:
    """`{source, target, bounds}` -> `{files}`. All or nothing: the folder appears when every file is there."""
    source, target, bounds = _place(job["source"]), _place(job["target"]), _bounds(job)
    _refuse_occupied(target)
    with open_parent(target, create=True) as parent:
        temporary = str(job["temporary"])
        try:
            os.mkdir(temporary, 0o755, dir_fd=parent)
            staging = Place(target.root, (*target.parts[:-1], temporary), target.shown)
            listed = _unpack(source, staging, bounds)
            os.rename(temporary, target.name, src_dir_fd=parent, dst_dir_fd=parent)
        except OSError as error:
            raise refusal_of(error, target.shown) from None
        finally:
            discard(parent, temporary)
    return {"files": listed}


def verify(job: dict[str, object]) -> dict[str, object]:
    """`{source, bounds}` -> `{files, bytes, sha256, problems}`: what differs from the manifest inside."""
    source, bounds = _place(job["source"]), _bounds(job)
    found: dict[str, str] = {}
    manifest = ""
    listed = []
    for member, content in _members(source, bounds):
        if member == MANIFEST:
            manifest = b"".join(content).decode(errors="replace")
            continue
        size, digest = _consume(content, None)
        found[member] = digest
        listed.append({"path": member, "bytes": size, "sha256": digest})
    return {"files": listed, "problems": _differences(manifest, found), **_file_digest(source)}


def discard(parent: int, name: str) -> None:
    """Remove what an unfinished extraction left. Harmless where there is nothing."""
    with suppress(FileNotFoundError):
        remove_tree(parent, name)


def _gather(sources: list[Place], bounds: Bounds) -> list[tuple[str, Place]]:
    """Files to pack by their name inside. A folder gives all below it, named after the folder."""
    found: dict[str, Place] = {}
    for source in sources:
        state = status(source)
        if state is None:
            raise Refusal("not_found", f"{source.shown} does not exist", "files.list shows what there is")
        pairs = _below(source) if stat.S_ISDIR(state.st_mode) else iter([(source.name, source)])
        for name, place in pairs:
            if name in found or name == MANIFEST:
                raise Refusal("input", f"two files would be {name!r} in the archive", "rename one of them")
            found[name] = place
            if len(found) > bounds.members:
                raise Refusal("limit", f"more than {bounds.members} files", "pack fewer at a time")
    return sorted(found.items())


def _below(source: Place) -> Iterator[tuple[str, Place]]:
    with open_folder(source) as folder:
        for path, state in walk(folder):
            if stat.S_ISDIR(state.st_mode):
                continue
            place = Place(source.root, (*source.parts, *path.split("/")), f"{source.shown}/{path}")
            if not stat.S_ISREG(state.st_mode):
                raise Refusal("denied", f"{place.shown} is not a regular file (a link, device or FIFO)", "leave it out")
            yield (f"{source.name}/{path}" if source.name else path), place


@contextmanager
def _packing(out: BinaryIO, kind: str) -> Iterator[Callable[[str, BinaryIO], tuple[int, str]]]:
    if kind == "zip":
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
            yield lambda name, file: _add_to_zip(archive, name, file)
    else:
        with tarfile.open(fileobj=out, mode="w:gz" if kind == "tar.gz" else "w") as tar:
            yield lambda name, file: _add_to_tar(tar, name, file)


def _add_to_zip(archive: zipfile.ZipFile, name: str, file: BinaryIO) -> tuple[int, str]:
    info = zipfile.ZipInfo(name, _EPOCH)  # Equal files make equal archives.
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    with archive.open(info, "w", force_zip64=True) as packed:
        return _consume(_chunks(file), packed.write)


def _add_to_tar(tar: tarfile.TarFile, name: str, file: BinaryIO) -> tuple[int, str]:
    info = tarfile.TarInfo(name)
    info.size = file.seek(0, io.SEEK_END)
    info.mode = 0o644
    file.seek(0)
    digest = hashlib.sha256()
    tar.addfile(info, _Tapped(file, digest.update))
    return info.size, digest.hexdigest()


class _Tapped:
    """A file whose bytes are seen as they are read."""

    def __init__(self, file: BinaryIO, see: Callable[[bytes], None]) -> None:
        self._file = file
        self._see = see

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self._see(chunk)
        return chunk


def _unpack(source: Place, target: Place, bounds: Bounds) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = []
    manifest = ""
    found: dict[str, str] = {}
    for name, content in _members(source, bounds):
        if name == MANIFEST:
            manifest = b"".join(content).decode(errors="replace")
            continue
        place = Place(target.root, (*target.parts, *name.split("/")), name)
        with writing(place, replace=False) as out:
            size, digest = _consume(content, out.write)
        found[name] = digest
        listed.append({"path": name, "bytes": size, "sha256": digest})
    problems = _differences(manifest, found) if manifest else []
    if problems:
        raise Refusal("input", f"{source.shown} does not match its manifest: {problems[0]}", "get the archive again")
    return listed


def _members(source: Place, bounds: Bounds) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Name and content of each file, checked: no way out, no links, and no more than the bounds in all."""
    with reading(source) as file, ExitStack() as stack:
        packed = os.fstat(file.fileno()).st_size
        most = min(bounds.total_bytes, max(bounds.ratio * packed, _RATIO_FLOOR))
        budget = [most]
        seen: set[str] = set()
        try:
            for member in _opened(file, source, stack):
                name = _safe_name(member.name)
                if name in seen:
                    raise Refusal("denied", f"the archive holds {name!r} twice")
                seen.add(name)
                if len(seen) > bounds.members:
                    raise Refusal("limit", f"{source.shown} holds more than {bounds.members} files")
                with member.open() as stream:
                    yield name, _bounded(stream, budget, source.shown, bounds, packed)
        except _DAMAGE as error:
            raise Refusal("input", f"{source.shown} is damaged or no archive: {error}") from None


def _opened(file: BinaryIO, source: Place, stack: ExitStack) -> Iterator[Member]:
    if zipfile.is_zipfile(file):
        yield from _zip_members(stack.enter_context(zipfile.ZipFile(file)))
        return
    file.seek(0)
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    plain = stack.enter_context(gzip.GzipFile(fileobj=file)) if packed else file
    try:
        tar = stack.enter_context(tarfile.open(fileobj=plain, mode="r|"))  # noqa: SIM115
    except tarfile.TarError:
        raise Refusal("input", f"{source.shown} is neither a zip nor a tar archive") from None
    yield from _tar_members(tar)
    # The checksum of gzip comes last; a tar ends before it, with some padding.
    if len(plain.read(_CHUNK)) == _CHUNK:
        raise Refusal("input", f"{source.shown} goes on after its end", "is it really a tar archive?")


def _zip_members(archive: zipfile.ZipFile) -> Iterator[Member]:
    for info in archive.infolist():
        mode = info.external_attr >> 16
        if info.is_dir():
            continue
        if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise Refusal("denied", f"the archive holds {info.filename!r}, a link or special file", "it is refused")
        if info.flag_bits & 0x1:
            raise Refusal("input", f"{info.filename!r} in the archive is encrypted", "unpack it elsewhere")
        yield Member(info.filename, _zip_opener(archive, info))


def _zip_opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], BinaryIO]:
    return lambda: archive.open(info)  # type: ignore[return-value]


def _tar_members(tar: tarfile.TarFile) -> Iterator[Member]:
    for info in tar:
        if info.isdir():
            continue
        if not info.isreg():
            raise Refusal("denied", f"the archive holds {info.name!r}, a link or special file", "it is refused")
        yield Member(info.name, _tar_opener(tar, info))


def _tar_opener(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], BinaryIO]:
    return lambda: tar.extractfile(info)  # type: ignore[return-value]


def _safe_name(name: str) -> str:
    """The member's path, if it stays below the folder it is unpacked to."""
    plain = name.replace("\\", "/").removeprefix("./")
    parts = plain.split("/")
    if plain.startswith("/") or ".." in parts or (len(plain) > 1 and plain[1] == ":") or "\x00" in plain:
        raise Refusal("denied", f"the archive holds {name[:200]!r}, which would leave its folder", "it is refused")
    return "/".join(part for part in parts if part not in ("", "."))


def _bounded(stream: BinaryIO, budget: list[int], shown: str, bounds: Bounds, packed: int) -> Iterator[bytes]:
    for chunk in _chunks(stream):
        budget[0] -= len(chunk)
        if budget[0] < 0:
            most = min(bounds.total_bytes, max(bounds.ratio * packed, _RATIO_FLOOR))
            raise Refusal(
                "limit",
                f"{shown} ({packed} bytes) unpacks to more than {most} bytes",
                "an archive like this is mostly a bomb; the administrator can raise the limits",
            )
        yield chunk


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _consume(content: Iterator[bytes], write: Callable[[bytes], object] | None) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    for chunk in content:
        digest.update(chunk)
        size += len(chunk)
        if write is not None:
            write(chunk)
    return size, digest.hexdigest()


def _differences(manifest: str, found: dict[str, str]) -> list[str]:
    if not manifest:
        return [f"there is no {MANIFEST} in the archive"]
    wanted = {path: digest for digest, _, path in (line.partition("  ") for line in manifest.splitlines())}
    problems = [f"{path} is missing" for path in wanted if path not in found]
    problems += [f"{path} is not in the manifest" for path in found if path not in wanted]
    problems += [f"{path} has been changed" for path in wanted if path in found and wanted[path] != found[path]]
    return problems


def _file_digest(place: Place) -> dict[str, object]:
    with reading(place) as file:
        size, digest = _consume(_chunks(file), None)
    return {"bytes": size, "sha256": digest}


def _refuse_occupied(target: Place) -> None:
    if not target.parts:
        raise Refusal("input", f"{target.shown} is the folder itself", "name a new folder in it")
    if status(target) is not None:
        raise Refusal("input", f"{target.shown} exists already", "name a new folder")


def _place(value: object) -> Place:
    assert isinstance(value, dict)
    return Place.from_json(value)


def _bounds(job: dict[str, object]) -> Bounds:
    bounds = job["bounds"]
    assert isinstance(bounds, dict)
    return Bounds(**bounds)
