"""Questions drawn from a JSON Schema: which fields to ask for, how to read what was typed, how to ask again."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from errands.cli.neutral import one_line
from errands.core.values import Json, JsonObject, from_text, to_text

Shape = Literal["text", "lines", "whole", "number", "yes_no", "choice", "json"]

_YES = {"y", "yes", "true", "1"}
_NO = {"n", "no", "false", "0"}
_LONG_DEFAULT = 60


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to ask for."""

    name: str
    shape: Shape
    title: str
    required: bool
    default: Json = None
    has_default: bool = False
    choices: tuple[Json, ...] = ()


Ask = Callable[[str], Awaitable[str]]
"""Shows a question, gives the line that was typed. Raises EOFError at the end of input."""
Say = Callable[[str], None]


def fields_of(schema: JsonObject) -> list[Field]:
    """The fields of an object schema, in its order."""
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, Mapping):
        return []
    needed = set(required) if isinstance(required, Sequence) else set()
    return [
        _field(name, spec if isinstance(spec, Mapping) else {}, required=name in needed)
        for name, spec in properties.items()
    ]


async def fill_in(fields: Sequence[Field], ask: Ask, say: Say) -> dict[str, Json]:
    """Ask for every field until each has a usable value; an empty line takes the default or leaves it out."""
    values: dict[str, Json] = {}
    for field in fields:
        if field.shape == "lines":
            say(f"{question(field)} Several lines; a single . ends them.")
        while True:
            typed = await _lines(ask) if field.shape == "lines" else await ask(question(field) + " ")
            try:
                answer = read(field, typed)
            except ValueError as error:
                say(str(error))
                continue
            if answer is not MISSING:
                values[field.name] = answer.value
            break
    return values


async def pick(choices: Sequence[str], prompt: str, ask: Ask, say: Say) -> str:
    """One of some choices, by its number, its name or the beginning of it."""
    for number, choice in enumerate(choices, 1):
        say(f"  {number}  {one_line(choice)}")
    while True:
        typed = (await ask(prompt + " ")).strip()
        matches = [choice for choice in choices if choice.casefold().startswith(typed.casefold())] if typed else []
        if typed in choices:
            return typed
        if typed.isdecimal() and 1 <= int(typed) <= len(choices):
            return choices[int(typed) - 1]
        if len(matches) == 1:
            return matches[0]
        say(f"{typed!r} is not one of them; type a number from 1 to {len(choices)} or a name.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was typed, as a value."""

    value: Json


MISSING = Answer("left out")
"""The field was left empty and may be."""


def question(field: Field) -> str:
    """The prompt of a field: title, choices, default."""
    extra = ""
    if field.choices:
        extra = f" ({' | '.join(_plain(choice) for choice in field.choices)})"
    elif field.shape == "yes_no":
        extra = " (yes | no)"
    if field.has_default:
        extra += f" [{one_line(_plain(field.default), _LONG_DEFAULT)}]"
    elif not field.required:
        extra += " [leave out]"
    return f"{one_line(field.title)}{extra}:"


def read(field: Field, typed: str) -> Answer:
    """The value of what was typed. Raises ValueError that says what would do."""
    text = typed if field.shape in ("text", "lines") else typed.strip()
    if not text:
        if field.has_default:
            return Answer(field.default)
        if field.required:
            raise ValueError(f"{field.name} is needed.")
        return MISSING
    match field.shape:
        case "text" | "lines":
            return Answer(text)
        case "choice":
            return Answer(_chosen(field, text))
        case "yes_no":
            return Answer(_yes_or_no(text))
        case "whole" | "number":
            return Answer(_number(field, text))
        case "json":
            try:
                return Answer(from_text(text))
            except ValueError:
                raise ValueError(f"{text!r} is not JSON.") from None


def _field(name: str, spec: JsonObject, *, required: bool) -> Field:
    title = spec.get("title") or spec.get("description") or name
    enum = spec.get("enum")
    choices = tuple(enum) if isinstance(enum, Sequence) and not isinstance(enum, str) else ()
    return Field(
        name=name,
        shape="choice" if choices else _shape(spec),
        title=str(title),
        required=required,
        default=spec.get("default"),
        has_default="default" in spec,
        choices=choices,
    )


def _shape(spec: JsonObject) -> Shape:
    match spec.get("type"):
        case "string":
            return "lines" if spec.get("format") == "textarea" else "text"
        case "integer":
            return "whole"
        case "number":
            return "number"
        case "boolean":
            return "yes_no"
        case _:
            return "json"


def _chosen(field: Field, text: str) -> Json:
    for choice in field.choices:
        if text == _plain(choice):
            return choice
    raise ValueError(f"{text!r} is none of {', '.join(_plain(choice) for choice in field.choices)}.")


def _yes_or_no(text: str) -> bool:
    if text.casefold() in _YES | _NO:
        return text.casefold() in _YES
    raise ValueError(f"{text!r} is neither yes nor no.")


def _number(field: Field, text: str) -> int | float:
    try:
        return int(text) if field.shape == "whole" else float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a {'whole number' if field.shape == 'whole' else 'number'}.") from None


async def _lines(ask: Ask) -> str:
    lines: list[str] = []
    while (line := await ask("> ")) != ".":
        if not line and not lines:
            return ""
        lines.append(line)
    return "\n".join(lines)


def _plain(value: Json) -> str:
    return value if isinstance(value, str) else to_text(value)
