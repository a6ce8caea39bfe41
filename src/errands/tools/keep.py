"""`files.keep`: a workspace file that outlives its run."""

import mimetypes
import stat
from typing import Annotated

from pydantic import Field

from errands.core.outcomes import ErrorKind
from errands.core.ports import Effect
from errands.tools.paths import real_path, status
from errands.tools.refusal import Refusal
from errands.tools.tool import Arguments, Output, ToolContext, tool


class KeepArguments(Arguments):
    path: Annotated[str, Field(min_length=1, max_length=4096, description="File in the workspace")]
    name: Annotated[
        str | None, Field(min_length=1, max_length=255, pattern=r"^[^/\x00-\x1f]+$", description="Name to show")
    ] = None
    media_type: Annotated[
        str | None,
        Field(pattern=r"^[\w.+-]+/[\w.+-]+$", description="Such as text/csv; by default from the name's ending"),
    ] = None


class KeepOutput(Output):
    artifact: Annotated[str, Field(description="Its id; empty in a dry run, which keeps nothing")]
    name: Annotated[str, Field(description="Under which it is shown")]
    size: Annotated[int, Field(description="In bytes")]
    media_type: Annotated[str, Field(description="With which it is given out")]
    sha256: Annotated[str, Field(description="Empty in a dry run")]


@tool("files.keep", effect=Effect.NONE, errors=(ErrorKind.NOT_FOUND, ErrorKind.LIMIT, ErrorKind.STORAGE))
async def files_keep(arguments: KeepArguments, context: ToolContext) -> KeepOutput:
    """Keep a file of the workspace as an artifact of the run."""
    if arguments.path.startswith("/"):
        raise Refusal("input", f"{arguments.path} is not in the workspace", "copy it there with files.copy first")
    place = context.locate(arguments.path)
    found = status(place)
    if found is None:
        raise Refusal("not_found", f"{arguments.path} does not exist", "files.list shows what there is")
    if not stat.S_ISREG(found.st_mode):
        raise Refusal("input", f"{arguments.path} is not a file", "pack a folder with archive.create")
    limit = context.limits.copy_bytes
    if found.st_size > limit:
        raise Refusal("limit", f"{arguments.path} has {found.st_size} bytes, more than {limit}")
    name = arguments.name or place.name
    media_type = arguments.media_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
    kept = await context.step.artifact(real_path(place), name=name, media_type=media_type)
    return KeepOutput.model_validate({key: "" if value is None else value for key, value in kept.items()})
