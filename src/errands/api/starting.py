"""How a run is started: with JSON, or with files beside it as multipart/form-data."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError
from pydantic_core import from_json
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from errands.api.bodies import Body, JsonMap, VersionNumber
from errands.api.edge import MULTIPART
from errands.api.problems import Refusal
from errands.services.uploads import Upload

_MOST_FILES, _MOST_FIELDS = 100, 10
_LARGEST_FIELD = 2**20


class StartBody(Body):
    """How a run is started."""

    arguments: JsonMap = Field(default_factory=dict, examples=[{"region": "emea"}])
    version: VersionNumber | None = None
    """Number of the version. None: the published one."""


@dataclass(frozen=True, slots=True)
class Start:
    """What was sent."""

    body: StartBody
    files: dict[str, list[Upload]] = field(default_factory=dict)
    """By param."""


def _in_document(body: type[Body]) -> dict[str, Any]:
    """The body's schema as a part of the whole document, where shared schemas stand among its components."""
    schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return schema


_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "arguments": {"type": "string", "description": "The other arguments, as JSON."},
        "version": {"type": "integer", "minimum": 1, "description": "Number of the version."},
    },
    "additionalProperties": {"type": "string", "format": "binary", "description": "A file, under its param's name."},
}
TAKES: dict[str, Any] = {
    "application/json": {"schema": _in_document(StartBody)},
    MULTIPART: {"schema": _FORM},
}


async def _read(request: Request) -> AsyncIterator[Start]:
    """Raises RequestValidationError, Refusal. The files are there until the request is answered."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MULTIPART:
        yield Start(_body(_json(await request.body())))
        return
    try:
        form = await request.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS, max_part_size=_LARGEST_FIELD)
    except (MultiPartException, HTTPException) as error:
        said = error.message if isinstance(error, MultiPartException) else str(error.detail)
        detail = f"The form cannot be read: {said.rstrip('.')}."
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "malformed", detail) from None
    try:
        yield _of_form(form)
    finally:
        await form.close()


Started = Annotated[Start, Depends(_read)]


def _of_form(form: FormData) -> Start:
    files: dict[str, list[Upload]] = {}
    fields: dict[str, object] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            upload = Upload(value.filename or "", value.content_type or "", value.file)
            files.setdefault(name, []).append(upload)
        elif name == "arguments":
            fields[name] = _json(value.encode(errors="surrogatepass"))
        else:
            fields[name] = int(value) if value.isascii() and value.isdigit() and len(value) < 12 else value
    return Start(_body(fields), files)


def _json(content: bytes) -> object:
    try:
        value: object = from_json(content, allow_inf_nan=False)
    except ValueError as error:
        # The parser's words name what it met and where, and quote nothing.
        raise RequestValidationError([{"loc": ("body",), "msg": f"This is no JSON: {error}", "type": "json"}]) from None
    return value


def _body(given: object) -> StartBody:
    try:
        return StartBody.model_validate(given)
    except ValidationError as error:
        found = [
            {**one, "loc": ("body", *one["loc"])} for one in error.errors(include_input=False, include_context=False)
        ]
        raise RequestValidationError(found) from None
