"""Files of the run's workspace that a step shows to its agent."""

import base64
import mimetypes
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.values import Json

_LARGEST_TEXT = 512 * 1024
_LARGEST_IMAGE = 5 * 2**20
_IMAGES = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file as a model sees it: a text with a name, or an image."""

    name: str
    text: str | None = None
    image: bytes | None = None
    media_type: str = "text/plain"

    def as_json(self) -> Json:
        """The journal's form."""
        data = None if self.image is None else base64.b64encode(self.image).decode()
        return {"name": self.name, "media_type": self.media_type, "text": self.text, "data": data}

    @classmethod
    def from_json(cls, value: Json) -> "Attachment":
        """The inverse of `as_json`."""
        if not isinstance(value, dict):
            raise StepFailed(ErrorKind.INTERNAL, "the record of an agent's file is not an object")
        text, data = value.get("text"), value.get("data")
        return cls(
            name=str(value.get("name")),
            text=None if text is None else str(text),
            image=None if data is None else base64.b64decode(str(data)),
            media_type=str(value.get("media_type")),
        )


def read_attachment(workspace: Path, name: str) -> Attachment:
    """Read a workspace file for a model. Blocking.

    Raises StepFailed: denied for a path that leaves the workspace, not_found, limit, input for other kinds of files.
    """
    media_type = mimetypes.guess_type(name)[0] or "text/plain"
    if media_type in _IMAGES:
        return Attachment(name, image=_read(workspace, name, _LARGEST_IMAGE), media_type=media_type)
    data = _read(workspace, name, _LARGEST_TEXT)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = None
    if text is None or "\0" in text:
        raise StepFailed(
            ErrorKind.INPUT,
            f"the file {name!r} is neither UTF-8 text nor a PNG, JPEG, GIF or WebP image, so no model can read it",
            hint="turn it into text first, for example with a step that uses documents.read",
        )
    return Attachment(name, text=text, media_type=media_type)


def _read(workspace: Path, name: str, limit: int) -> bytes:
    path = _inside(workspace, name)
    try:
        # Opened without following a last link and without waiting for the writer of a pipe.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise StepFailed(
            ErrorKind.NOT_FOUND,
            f"the workspace holds no file {name!r}",
            hint="write it in an earlier step; paths are relative to the run's workspace",
        ) from None
    except OSError as error:
        raise StepFailed(ErrorKind.INPUT, f"the file {name!r} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise StepFailed(ErrorKind.INPUT, f"{name!r} is not a regular file")
    with os.fdopen(handle, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise StepFailed(
            ErrorKind.LIMIT,
            f"the file {name!r} has more than {limit:,} bytes, the most that is shown to a model",
            hint="cut it down or sum it up in an earlier step",
        )
    return data


def _inside(workspace: Path, name: str) -> Path:
    root = workspace.resolve()
    path = (root / name).resolve() if name and "\0" not in name else root
    if path == root or root not in path.parents:
        raise StepFailed(
            ErrorKind.DENIED,
            f"the path {name!r} leaves the run's workspace",
            hint="name a file inside the workspace, such as 'report.txt'",
        )
    return path
