"""A whole project out and in: as files, or as a zip archive of them."""

import base64
import binascii
import io
import lzma
import zipfile
import zlib
from collections.abc import Sequence
from typing import Annotated, Self

from fastapi import Response
from pydantic import Field, model_validator

from errands.api.bodies import Body, FileBody, Project
from errands.api.callers import Asked, Caller
from errands.api.routes import Routes
from errands.services.errors import Invalid
from errands.services.porting_views import Imported
from errands.services.views import SourceFile

routes = Routes("projects")
_MOST_FILES = 2_000
_LARGEST_FILE = 2**20
_LARGEST = 50 * 2**20
_LARGEST_TOGETHER = 32 * 2**20
_BROKEN = (
    *(binascii.Error, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError),
    *(zlib.error, lzma.LZMAError),
)
"""What the libraries raise for an archive that is none, or that is damaged."""
_BEGINNING = (1980, 1, 1, 0, 0, 0)
"""The moment that every file of an archive carries, so that the same project gives the same bytes."""


class ImportBody(Body):
    """A project: its files, or a zip archive of them."""

    files: Annotated[list[FileBody], Field(max_length=_MOST_FILES)] | None = None
    archive: Annotated[str, Field(max_length=_LARGEST)] | None = None
    """A zip archive in base64."""
    message: Annotated[str, Field(max_length=1000)] | None = None
    """Kept with the new versions: why."""
    dry_run: bool = False
    """Only tell what would change."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.files is None) == (self.archive is None):
            raise ValueError("give either `files` or `archive`")
        return self

    def given(self) -> list[SourceFile]:
        """The files. Raises Invalid for an archive that is none."""
        if self.files is not None:
            return [file.as_file() for file in self.files]
        return unpacked(self.archive or "")


@routes.get("/projects/{project}/bundle", gives=list[SourceFile])
async def export_project(caller: Caller, services: Asked, project: Project) -> object:
    """The whole project as files: tasks, agents, models, calendars, channels, and the names of its secrets."""
    return await services.porting.take_out(caller, project)


@routes.get(
    "/projects/{project}/bundle.zip",
    gives=Response,
    also={200: {"description": "The files.", "content": {"application/zip": {}}}},
)
async def export_project_archive(caller: Caller, services: Asked, project: Project) -> object:
    """The same as a zip archive."""
    files = await services.porting.take_out(caller, project)
    headers = {"Content-Disposition": f'attachment; filename="{project}.zip"'}
    return Response(packed(files), headers=headers, media_type="application/zip")


@routes.post("/projects/{project}/bundle", gives=Imported)
async def import_project(caller: Caller, services: Asked, project: Project, body: ImportBody) -> object:
    """Make a project what the files say: all of them, or none. The same files again change nothing.

    What the files do not name stays as it is. Secrets that are only named are told as missing.
    """
    return await services.porting.bring_in(caller, project, body.given(), message=body.message, dry_run=body.dry_run)


def packed(files: Sequence[SourceFile]) -> bytes:
    """The files as a zip archive."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.name, _BEGINNING), file.source)
    return written.getvalue()


def unpacked(text: str) -> list[SourceFile]:
    """The YAML files of a zip archive in base64, in order. Raises Invalid."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(text, validate=True)))
        inside = [one for one in archive.infolist() if one.filename.endswith((".yaml", ".yml")) and not one.is_dir()]
        if len(inside) > _MOST_FILES:
            raise Invalid(f"{len(inside)} files are too many.", f"Give {_MOST_FILES} at most.")
        return _files(archive, sorted(inside, key=lambda one: one.filename))
    except _BROKEN as error:
        raise Invalid(f"The archive cannot be read: {error}.", "Give a zip archive of YAML files, in base64.") from None


def _files(archive: zipfile.ZipFile, inside: Sequence[zipfile.ZipInfo]) -> list[SourceFile]:
    found, together = [], 0
    for one in inside:
        content = _content(archive, one)
        together += len(content)
        if together > _LARGEST_TOGETHER:
            limit = _LARGEST_TOGETHER // 2**20
            raise Invalid(f"The files are larger than {limit} MiB together.", "Bring them in several archives.")
        found.append(SourceFile(one.filename, content))
    return found


def _content(archive: zipfile.ZipFile, one: zipfile.ZipInfo) -> str:
    """A file's text; no more is unpacked than a file may have, whatever its heading says."""
    with archive.open(one) as file:
        content = file.read(_LARGEST_FILE + 1)
    if len(content) > _LARGEST_FILE:
        raise Invalid(f"{one.filename[:200]!r} is larger than 1 MiB.", "Leave it out.")
    if b"\0" in content:
        raise Invalid(f"{one.filename[:200]!r} holds a NUL character.", "Leave it out.")
    return content.decode()
