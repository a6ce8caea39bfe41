"""The JSON Schemas that editors use."""

from errands.core.values import Json, JsonObject

_DEFINITIONS = {"agent": "AgentDefinition", "model": "ModelDefinition"}


def schema_of(kind: str) -> JsonObject:
    """JSON Schema of a kind of file: `task` (the whole format), `agent` or `model`."""
    from errands.core.definition.schema import format_schema

    whole = format_schema()
    if kind not in _DEFINITIONS:
        return whole
    part: dict[str, Json] = {key: whole[key] for key in ("$schema", "$id", "$defs")}
    return {**part, "title": f"Errands {kind} file", "$ref": f"#/$defs/{_DEFINITIONS[kind]}"}
