"""The fields of a question's form as plain HTML, and what a browser sends back, as the form's schema wants it."""

import json
from collections.abc import Iterable, Mapping
from html import escape

from errands.core.values import Json, JsonObject

PREFIX = "form."
"""Before the names of fields, so that they cannot be taken for the page's own."""
_INPUTS = {"date": "date", "date-time": "text", "email": "email", "uri": "url", "time": "time"}


def fields_html(schema: JsonObject | None, given: JsonObject) -> str:
    """A labelled control for each property; `given` stands where something was filled in before."""
    return "\n".join(
        _control(name, described, given.get(name, described.get("default")), required=name in _required(schema))
        for name, described in _properties(schema)
    )


def read_fields(schema: JsonObject | None, sent: Mapping[str, str]) -> JsonObject:
    """The form that was sent. What is not what its field wants stays as it was typed: the schema says what is wrong."""
    found: dict[str, Json] = {}
    for name, described in _properties(schema):
        text = sent.get(f"{PREFIX}{name}")
        value = _read(described, text)
        if value is not None or _kind(described) == "boolean":
            found[name] = value
    return found


def _read(described: JsonObject, text: str | None) -> Json:
    """None: nothing was filled in."""
    kind = _kind(described)
    if kind == "boolean":
        return text is not None
    if text is None or (text == "" and kind != "string"):
        return None
    choices = described.get("enum")
    if isinstance(choices, list):
        return next((one for one in choices if _shown(one) == text), text)
    if kind == "string":
        return text.replace("\r\n", "\n") or (None if "default" not in described else "")
    try:
        value: Json = json.loads(text)
    except ValueError:
        return text
    return value


def _control(name: str, described: JsonObject, value: Json, *, required: bool) -> str:
    label = escape(str(described.get("title") or name))
    help_text = described.get("description")
    hint = f"<small>{escape(str(help_text))}</small>" if help_text else ""
    if _kind(described) == "boolean":
        checked = " checked" if value is True else ""
        return f'<p><label><input type="checkbox" name="{_name(name)}" value="on"{checked}> {label}</label>{hint}</p>'
    return f"<p><label>{label}{_marked(required)}<br>{_field(name, described, value, required)}</label>{hint}</p>"


def _field(name: str, described: JsonObject, value: Json, required: bool) -> str:
    needed = " required" if required else ""
    choices, kind = described.get("enum"), _kind(described)
    if isinstance(choices, list):
        options = "".join(_option(one, chosen=one == value) for one in choices)
        return f'<select name="{_name(name)}"{needed}>{options}</select>'
    if kind in ("integer", "number"):
        step = "1" if kind == "integer" else "any"
        return f'<input type="number" step="{step}" name="{_name(name)}" value="{escape(_shown(value))}"{needed}>'
    wide = kind not in ("string",) or described.get("format") == "textarea" or "\n" in _shown(value)
    if wide:
        return f'<textarea name="{_name(name)}" rows="6"{needed}>{escape(_shown(value))}</textarea>'
    sort = _INPUTS.get(str(described.get("format")), "text")
    return f'<input type="{sort}" name="{_name(name)}" value="{escape(_shown(value))}"{needed}>'


def _option(value: Json, *, chosen: bool) -> str:
    shown = escape(_shown(value))
    return f'<option value="{shown}"{" selected" if chosen else ""}>{shown}</option>'


def _marked(required: bool) -> str:
    return " (required)" if required else ""


def _name(name: str) -> str:
    return escape(f"{PREFIX}{name}")


def _shown(value: Json) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)


def _kind(described: JsonObject) -> str:
    kind = described.get("type")
    return kind if isinstance(kind, str) else "any"


def _properties(schema: JsonObject | None) -> Iterable[tuple[str, JsonObject]]:
    found = schema.get("properties") if schema is not None else None
    listed = found.items() if isinstance(found, Mapping) else ()
    return [(name, described) for name, described in listed if isinstance(described, Mapping)]


def _required(schema: JsonObject | None) -> frozenset[str]:
    found = schema.get("required") if schema is not None else None
    return frozenset(str(one) for one in found) if isinstance(found, list) else frozenset()
