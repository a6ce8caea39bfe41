"""The keys that encrypt secrets: from ERRANDS_SECRET_KEY, or from a file that only its owner can read."""

import base64
import binascii
import hashlib
import os
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from errands.services.errors import Unavailable

_KEY_BYTES = 32
_MAKE_ONE = "Make one with: openssl rand -base64 32"
_RIGHT_ONE = (
    "Put back the key that was there: without it stored secrets cannot be read. Where none are stored yet, make one "
    "with: openssl rand -base64 32"
)


@dataclass(frozen=True, slots=True)
class Key:
    """One AES-256 key."""

    id: str
    """Names the key without telling it: stored beside what it encrypts."""
    material: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The key in base64, as the setting and the file hold it. Never show it."""
        return base64.b64encode(self.material).decode()


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where keys come from. The first encrypts, all decrypt."""

    text: str | None = field(repr=False)
    """Keys in base64, separated by commas. None: the file holds them, one a line."""
    file: Path

    def load(self) -> Sequence[Key]:
        """The keys; the file is made with a new one if it is not there. Raises Unavailable."""
        if self.text is not None:
            return _parse(self.text.split(","), "ERRANDS_SECRET_KEY")
        if not self.file.exists():
            _make(self.file, [_new_key()])
        _refuse_open(self.file)
        try:
            lines = self.file.read_text().split()
        except OSError as error:
            raise _unreadable(self.file, error) from error
        return _parse(lines, str(self.file))

    def renew(self) -> Sequence[Key]:
        """Put a new key in front of those in the file; gives all. With keys from the setting, its first is the new."""
        keys = self.load()
        if self.text is not None:
            return keys
        _make(self.file, [_new_key(), *(key.text for key in keys)], replace=True)
        return self.load()

    def add(self, texts: Sequence[str]) -> int:
        """Let the file hold these keys too, behind those that it has; gives how many are new to it.

        With keys from the setting nothing is written. Raises Unavailable.
        """
        given = _parse(texts, "the backup")
        if self.text is not None:
            return 0
        here = self.load() if self.file.exists() else []
        new = [key for key in given if key.id not in {one.id for one in here}]
        if new:
            _make(self.file, [key.text for key in (*here, *new)], replace=True)
        return len(new)


def _parse(texts: Sequence[str], origin: str) -> Sequence[Key]:
    materials: list[bytes] = []
    for number, text in enumerate(filter(None, map(str.strip, texts)), start=1):
        try:
            standard = text.replace("-", "+").replace("_", "/").rstrip("=")
            material = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        except (binascii.Error, ValueError):
            raise Unavailable(f"Key {number} in {origin} is not base64.", _RIGHT_ONE) from None
        if len(material) != _KEY_BYTES:
            raise Unavailable(
                f"Key {number} in {origin} has {len(material)} bytes; an AES-256 key has {_KEY_BYTES}.",
                _RIGHT_ONE,
            )
        materials.append(material)
    if not materials:
        raise Unavailable(f"There is no key in {origin}.", _MAKE_ONE)
    return [Key(hashlib.sha256(b"errands key id:" + material).hexdigest()[:16], material) for material in materials]


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _make(file: Path, lines: Sequence[str], *, replace: bool = False) -> None:
    """Write whole or not at all. Of two processes that make the file at once, the first wins."""
    unfinished = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.writelines(f"{line}\n" for line in lines)
            handle.flush()
            os.fsync(handle.fileno())
        if replace:
            unfinished.rename(file)
            return
        with suppress(FileExistsError):
            os.link(unfinished, file)
        unfinished.unlink()
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise Unavailable(
            f"The key file {file} cannot be written: {error.strerror or error}.",
            "Make its folder writable, set ERRANDS_SECRET_KEY_FILE to another file, or set ERRANDS_SECRET_KEY.",
        ) from error


def _refuse_open(file: Path) -> None:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        raise Unavailable(
            f"The key file {file} has mode {mode:04o}: other users of this machine can read the key.",
            f"Run: chmod 600 {file}",
        )


def _unreadable(file: Path, error: OSError) -> Unavailable:
    return Unavailable(
        f"The key file {file} cannot be read: {error.strerror or error}.",
        "Let the user of this process own it, or set ERRANDS_SECRET_KEY.",
    )
