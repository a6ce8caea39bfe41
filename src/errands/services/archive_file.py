"""A backup as one tar file: the database, the artifacts, on demand the keys, and a manifest with everybody's digest."""

import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from errands.core.values import Json, from_text, to_text
from errands.services.errors import Invalid
from errands.store.dumps import Fingerprint

FORMAT = 1
DATABASE, KEYS, MANIFEST = "database.dump", "secret.key", "manifest.json"
ARTIFACTS = "artifacts/"
_CHUNK = 2**20
_IN_MEMORY = 16 * 2**20
_LARGEST_MANIFEST = 512 * 2**20


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the archive."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    release: str
    """Of Errands."""
    tables_version: str
    """Of the tables: the newest migration."""
    made_at: datetime
    tables: Mapping[str, Fingerprint]
    members: Mapping[str, Member]
    key_ids: tuple[str, ...]
    """Names of the keys that the stored secrets are encrypted with."""

    @property
    def has_keys(self) -> bool:
        return KEYS in self.members

    def to_text(self) -> str:
        """The manifest as JSON."""
        return to_text(
            {
                "errands_backup": FORMAT,
                "release": self.release,
                "tables_version": self.tables_version,
                "made_at": self.made_at.isoformat(),
                "key_ids": list(self.key_ids),
                "tables": {name: asdict(one) for name, one in self.tables.items()},
                "members": {name: asdict(one) for name, one in self.members.items()},
            }
        )


class ArchiveWriter:
    """Puts files into a new archive. The file gets its name only when it is whole."""

    def __init__(self, target: Path) -> None:
        """Raises Invalid where the file is there already or cannot be made."""
        if target.exists():
            raise Invalid(f"The file {target} is there already.", "Name a new file; a backup overwrites none.")
        self._target = target
        self._unfinished = target.with_name(f".{target.name}.unfinished")
        self.members: dict[str, Member] = {}
        try:
            handle = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise Invalid(
                f"The file {target} cannot be written: {error.strerror or error}.", "Name a file in a folder of yours."
            ) from error
        self._file = os.fdopen(handle, "wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115

    def add(self, name: str, content: IO[bytes], size: int) -> None:
        """Put a file in. Blocks."""
        digest = _Hashing(content)
        self._tar.addfile(_info(name, size), digest)
        self.members[name] = Member(size, digest.sha256.hexdigest())

    def finish(self, manifest: Manifest) -> int:
        """Put the manifest in, reach the disk, take the name; gives the bytes of the file. Blocks."""
        text = manifest.to_text().encode()
        self._tar.addfile(_info(MANIFEST, len(text)), io.BytesIO(text))
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._unfinished.rename(self._target)
        return self._target.stat().st_size

    def discard(self) -> None:
        """Leave nothing behind of an archive that was not finished."""
        self._file.close()
        self._unfinished.unlink(missing_ok=True)


class ArchiveReader:
    """Reads an archive, after every file in it was compared with the manifest."""

    def __init__(self, file: Path) -> None:
        """Raises Invalid for what is no backup."""
        self._file = file
        try:
            self._tar = tarfile.open(file, mode="r:")  # noqa: SIM115
            self.manifest = _read_manifest(self._tar)
        except OSError as error:
            raise Invalid(
                f"The file {file} cannot be read: {error.strerror or error}.", "Name a file that `errands backup` made."
            ) from error
        except (tarfile.TarError, KeyError, TypeError, ValueError) as error:
            raise Invalid(
                f"{file} is no backup of Errands: {error}.", "Name a whole file that `errands backup` made."
            ) from error

    def check(self) -> None:
        """Compare every file with its digest. Blocks; raises Invalid for the first that does not fit."""
        there = {member.name for member in self._tar.getmembers()} - {MANIFEST}
        for name in sorted(there ^ set(self.manifest.members)):
            raise Invalid(f"{self._file} is damaged: {name} is not where the manifest says.", _OTHER)
        for name, said in self.manifest.members.items():
            digest = hashlib.sha256()
            size = 0
            for chunk in self.chunks(name):
                digest.update(chunk)
                size += len(chunk)
            if (size, digest.hexdigest()) != (said.size, said.sha256):
                raise Invalid(f"{self._file} is damaged: {name} is not what was backed up.", _OTHER)

    def chunks(self, name: str) -> Iterator[bytes]:
        """A file's bytes, a MiB at a time."""
        content = self._tar.extractfile(name)
        assert content is not None
        with content:
            while chunk := content.read(_CHUNK):
                yield chunk

    def artifacts(self) -> list[str]:
        """Names of the artifacts, as the artifact store knows them."""
        return [name.removeprefix(ARTIFACTS) for name in self.manifest.members if name.startswith(ARTIFACTS)]

    def close(self) -> None:
        self._tar.close()


_OTHER = "Take another backup; nothing was changed."


def spooled() -> "tempfile.SpooledTemporaryFile[bytes]":
    """A place for a file on its way into an archive; large ones go to disk."""
    return tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)


def new_manifest(
    release: str,
    tables_version: str,
    tables: Mapping[str, Fingerprint],
    members: Mapping[str, Member],
    key_ids: tuple[str, ...],
) -> Manifest:
    """The manifest of a backup that is made now."""
    return Manifest(release, tables_version, datetime.now(UTC).replace(microsecond=0), tables, members, key_ids)


class _Hashing(io.RawIOBase):
    """Passes bytes on and hashes them."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._content.read(size)
        self.sha256.update(chunk)
        return chunk


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(datetime.now(UTC).timestamp())
    return info


def _read_manifest(tar: tarfile.TarFile) -> Manifest:
    if any(not member.isfile() for member in tar.getmembers()):
        raise ValueError("it holds more than plain files")
    member = tar.getmember(MANIFEST)
    if member.size > _LARGEST_MANIFEST:
        raise ValueError("its manifest is too large")
    content = tar.extractfile(member)
    assert content is not None
    said = from_text(content.read())
    if not isinstance(said, Mapping) or said.get("errands_backup") != FORMAT:
        raise ValueError(f"its format is not {FORMAT}")
    return Manifest(
        str(said["release"]),
        str(said["tables_version"]),
        datetime.fromisoformat(str(said["made_at"])),
        {name: Fingerprint(int(str(one["rows"])), str(one["digest"])) for name, one in _objects(said["tables"])},
        {name: Member(int(str(one["size"])), str(one["sha256"])) for name, one in _objects(said["members"])},
        tuple(str(one) for one in _items(said["key_ids"])),
    )


def _objects(value: Json) -> list[tuple[str, Mapping[str, Json]]]:
    if not isinstance(value, Mapping):
        raise ValueError("its manifest is not as it should be")
    return [(name, one) for name, one in value.items() if isinstance(one, Mapping)]


def _items(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise ValueError("its manifest is not as it should be")
    return value
