"""What a tool server answered, as a step's output: its structured content, or its texts; files go to the workspace."""

import base64
import binascii
import hashlib
import mimetypes

from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.ports import StepContext
from errands.core.values import Json, JsonObject
from errands.tools.servers.faults import shortened

_FOLDER = "tool-servers"


def output_of(result: CallToolResult, tool: str, context: StepContext) -> Json:
    """The structured content where there is some, else `{text, content}`. Raises StepFailed (tool) for an error."""
    if result.is_error:
        said = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
        raise StepFailed(ErrorKind.TOOL, f"{tool}: {shortened(said) or 'it failed without saying why'}")
    if result.structured_content is not None:
        structured: Json = result.structured_content
        return structured
    content = [_part(part, context) for part in result.content]
    texts = [str(part["text"]) for part in content if part["type"] == "text"]
    return {"text": "\n".join(texts), "content": content}


def _part(part: object, context: StepContext) -> JsonObject:
    match part:
        case TextContent():
            return {"type": "text", "text": part.text}
        case ImageContent() | AudioContent():
            return _file(part.type, part.data, part.mime_type, context)
        case EmbeddedResource(resource=TextResourceContents() as resource):
            return {"type": "text", "text": resource.text, "uri": str(resource.uri)}
        case EmbeddedResource(resource=BlobResourceContents() as resource):
            return _file("resource", resource.blob, resource.mime_type or "", context) | {"uri": str(resource.uri)}
        case ResourceLink():
            return {"type": "link", "uri": str(part.uri), "name": part.name, "media_type": part.mime_type}
        case _:
            return {"type": "other"}


def _file(kind: str, data: str, media_type: str, context: StepContext) -> dict[str, Json]:
    """Bytes have no place in a record; they become a file of the workspace, named by what it holds."""
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise StepFailed(ErrorKind.TOOL, f"the {kind} in the answer is not base64") from None
    ending = mimetypes.guess_extension(media_type.partition(";")[0]) or ".bin"
    name = f"{_FOLDER}/{hashlib.blake2b(content, digest_size=8).hexdigest()}{ending}"
    path = context.workspace() / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return {"type": kind, "file": name, "media_type": media_type, "size": len(content)}
