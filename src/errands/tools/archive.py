"""`archive.*`: zip and tar archives with SHA-256 sums, packed, unpacked and checked."""

import asyncio
import secrets
from typing import Annotated, Literal

from pydantic import Field

from errands.core.outcomes import ErrorKind
from errands.core.ports import Effect
from errands.core.values import JsonObject, JsonValue
from errands.tools.folders import read_effect, write_effect
from errands.tools.paths import Place, open_parent
from errands.tools.refusal import Refusal
from errands.tools.tool import Arguments, Output, ToolContext, tool

_ERRORS = (ErrorKind.NOT_FOUND, ErrorKind.LIMIT, ErrorKind.STORAGE, ErrorKind.TIMEOUT, ErrorKind.CRASH)
Format = Literal["zip", "tar", "tar.gz"]
_SUFFIXES: dict[str, Format] = {".zip": "zip", ".tar": "tar", ".tar.gz": "tar.gz", ".tgz": "tar.gz"}
FilePath = Annotated[str, Field(min_length=1, max_length=4096)]


class CreateArguments(Arguments):
    sources: Annotated[list[FilePath], Field(min_length=1, max_length=1000, description="Files and folders")]
    path: Annotated[FilePath, Field(description="The archive to make; its ending names the format")]
    format: Annotated[Format | None, Field(description="By default from the path's ending")] = None
    overwrite: Annotated[bool, Field(description="Replace an archive that is there already")] = True


class Packed(Output):
    path: Annotated[str, Field(description="Path in the archive")]
    bytes: Annotated[int, Field(description="Size of the file")]
    sha256: Annotated[str, Field(description="Of the file's content")]


class CreateOutput(Output):
    path: Annotated[str, Field(description="The archive, as it was named")]
    bytes: Annotated[int, Field(description="Size of the archive")]
    sha256: Annotated[str, Field(description="Of the archive")]
    files: Annotated[list[Packed], Field(description="What was packed, with the sum of each file")]


class ExtractArguments(Arguments):
    path: Annotated[FilePath, Field(description="The archive to unpack")]
    to: Annotated[FilePath, Field(description="Folder to make; it must not exist yet")]


class ExtractOutput(Output):
    path: Annotated[str, Field(description="The new folder")]
    files: Annotated[list[Packed], Field(description="What was unpacked, with the sum of each file")]


class VerifyArguments(Arguments):
    path: Annotated[FilePath, Field(description="The archive to compare")]
    sha256: Annotated[
        str | None, Field(pattern=r"^[0-9a-fA-F]{64}$", description="What the archive itself should have")
    ] = None


class VerifyOutput(Output):
    ok: Annotated[bool, Field(description="Everything is as its sum says")]
    problems: Annotated[
        list[str], Field(description="One sentence for each file that is missing, unknown or different")
    ]
    bytes: Annotated[int, Field(description="Size of the archive")]
    sha256: Annotated[str, Field(description="Of the archive as it is now")]
    files: Annotated[list[Packed], Field(description="What the archive holds, with the sum of each file as it is now")]


def _create_effect(arguments: JsonObject) -> Effect:
    written = write_effect(arguments.get("path"))
    sources = arguments.get("sources")
    return written if written is Effect.CHANGES else read_effect(*(sources if isinstance(sources, list) else []))


def _extract_effect(arguments: JsonObject) -> Effect:
    written = write_effect(arguments.get("to"))
    return written if written is Effect.CHANGES else read_effect(arguments.get("path"))


def _verify_effect(arguments: JsonObject) -> Effect:
    return read_effect(arguments.get("path"))


@tool("archive.create", effect=Effect.CHANGES, effect_of=_create_effect, errors=_ERRORS)
async def archive_create(arguments: CreateArguments, context: ToolContext) -> CreateOutput:
    """Pack files and folders into a zip or tar archive with a SHA256SUMS file inside."""
    kind = arguments.format or _format_of(arguments.path)
    job: dict[str, JsonValue] = {
        "sources": [_json(context.locate(each)) for each in arguments.sources],
        "target": _json(context.locate(arguments.path, write=True)),
        "format": kind,
        "overwrite": arguments.overwrite,
    }
    made = await _in_child("create", job, context)
    return CreateOutput.model_validate({"path": arguments.path, **made})


@tool("archive.extract", effect=Effect.CHANGES, effect_of=_extract_effect, errors=_ERRORS)
async def archive_extract(arguments: ExtractArguments, context: ToolContext) -> ExtractOutput:
    """Unpack a zip or tar archive into a new folder. Links, paths that leave the folder and archives that unpack to
    far too much are refused, and then nothing is left behind."""
    target = context.locate(arguments.to, write=True)
    temporary = f".extracting-{secrets.token_hex(8)}"
    job: dict[str, JsonValue] = {
        "source": _json(context.locate(arguments.path)),
        "target": _json(target),
        "temporary": temporary,
    }
    try:
        made = await _in_child("extract", job, context)
    finally:
        await asyncio.shield(asyncio.to_thread(_discard, target, temporary))
    return ExtractOutput.model_validate({"path": arguments.to, **made})


@tool("archive.verify", effect=Effect.READS, effect_of=_verify_effect, errors=_ERRORS)
async def archive_verify(arguments: VerifyArguments, context: ToolContext) -> VerifyOutput:
    """Compare an archive with the SHA256SUMS file inside it, and with its own sum if that is given."""
    made = dict(await _in_child("verify", {"source": _json(context.locate(arguments.path))}, context))
    problems = made.pop("problems")
    assert isinstance(problems, list)
    if arguments.sha256 is not None and arguments.sha256.lower() != made["sha256"]:
        problems = [f"the archive has SHA-256 {made['sha256']}, not {arguments.sha256.lower()}", *problems]
    return VerifyOutput.model_validate({"ok": not problems, "problems": problems, **made})


async def _in_child(
    name: Literal["create", "extract", "verify"], job: dict[str, JsonValue], context: ToolContext
) -> JsonObject:
    limits = context.limits
    bounds: dict[str, JsonValue] = {
        "members": limits.archive_members,
        "total_bytes": limits.archive_bytes,
        "ratio": limits.archive_ratio,
    }
    found = await context.in_child(
        f"errands.tools.archive_child:{name}",
        {**job, "bounds": bounds},
        seconds=limits.archive_seconds,
        result_bytes=64 * 2**20,
    )
    assert isinstance(found, dict)
    return found


def _format_of(path: str) -> Format:
    found = next((kind for suffix, kind in _SUFFIXES.items() if path.lower().endswith(suffix)), None)
    if found is None:
        raise Refusal("input", f"{path!r} does not end in .zip, .tar, .tar.gz or .tgz", "or name the format")
    return found


def _json(place: Place) -> JsonValue:
    return {"root": place.root, "parts": list(place.parts), "shown": place.shown}


def _discard(target: Place, temporary: str) -> None:
    """A child that was killed could not clean up after itself."""
    from errands.tools.archive_child import discard

    try:
        with open_parent(target) as parent:
            discard(parent, temporary)
    except Refusal:
        pass  # Not even the parent folder was made.
