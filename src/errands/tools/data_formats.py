"""CSV, JSON, JSON lines and YAML, in and out. Standard library (and ruamel.yaml): children import it."""

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING

from errands.tools.refusal import Refusal

if TYPE_CHECKING:
    from ruamel.yaml.nodes import ScalarNode
    from ruamel.yaml.representer import SafeRepresenter

_WHOLE = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_MAX_NODES = 1_000_000
_MAX_DEPTH = 200


def parse(job: dict[str, object]) -> dict[str, object]:
    """`{text, format, header, delimiter, types, yaml_bytes}` -> `{value}`. Raises Refusal (input, limit)."""
    text = str(job["text"]).removeprefix("\ufeff")
    match job["format"]:
        case "csv":
            return {"value": _parse_csv(text, str(job["delimiter"]), bool(job["header"]), bool(job["types"]))}
        case "json":
            return {"value": _parse_json(text, "")}
        case "jsonl":
            return {"value": _parse_lines(text)}
        case _:
            return {"value": _parse_yaml(text, int(str(job["yaml_bytes"])))}


def format_text(job: dict[str, object]) -> dict[str, object]:
    """`{value, format, header, delimiter, indent}` -> `{text}`. Raises Refusal (input)."""
    value = job["value"]
    match job["format"]:
        case "csv":
            return {"text": _format_csv(value, str(job["delimiter"]), bool(job["header"]))}
        case "json":
            return {"text": json.dumps(value, ensure_ascii=False, indent=job["indent"] or None)}  # type: ignore[arg-type]
        case "jsonl":
            if not isinstance(value, list):
                raise Refusal("input", "value: jsonl is made from a list, one item a line")
            return {"text": "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in value)}
        case _:
            return {"text": _format_yaml(value)}


def _parse_json(text: str, where: str) -> object:
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        line = where or f"line {error.lineno}"
        raise Refusal("input", f"not JSON: {error.msg}, {line}, column {error.colno}") from None
    except RecursionError:
        raise Refusal("limit", "the JSON is nested too deeply") from None
    _bound_depth(value)
    return value


def _no_constant(name: str) -> object:
    raise Refusal("input", f"not JSON: {name} is no JSON value")


def _parse_lines(text: str) -> list[object]:
    lines = enumerate(text.split("\n"), start=1)
    return [_parse_json(line, f"line {number}") for number, line in lines if line.strip()]


def _parse_yaml(text: str, limit: int) -> object:
    if len(text.encode()) > limit:
        raise Refusal("limit", f"the YAML has more than {limit} bytes", "split it, or use JSON")
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        documents = list(YAML(typ="safe", pure=True).load_all(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark
        at = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise Refusal("input", f"not YAML: {error.problem}{at}") from None
    except (YAMLError, ValueError) as error:
        raise Refusal("input", f"not YAML: {error}") from None
    except RecursionError:
        raise Refusal("limit", "the YAML is nested too deeply") from None
    plain = _Plain()
    values = [plain.of(document, 0) for document in documents]
    return values[0] if len(values) == 1 else values or None


class _Plain:
    """YAML's values as JSON has them. Counts, for aliases let a small file stand for billions of values."""

    def __init__(self) -> None:
        self._left = _MAX_NODES

    def of(self, value: object, depth: int) -> object:
        self._left -= 1
        if self._left < 0:
            raise Refusal("limit", f"the YAML unfolds to more than {_MAX_NODES} values", "use fewer aliases")
        if depth > _MAX_DEPTH:
            raise Refusal("limit", f"the YAML is nested more than {_MAX_DEPTH} deep")
        match value:
            case None | bool() | int() | str():
                return value
            case float():
                if not math.isfinite(value):
                    raise Refusal("input", f"{value} is no JSON value")
                return value
            case datetime() | date():
                return value.isoformat()
            case Mapping():
                return {str(key): self.of(inner, depth + 1) for key, inner in value.items()}
            case list() | tuple() | set():
                return [self.of(inner, depth + 1) for inner in value]
            case _:
                raise Refusal("input", f"a YAML value of type {type(value).__name__} is no JSON value")


def _bound_depth(value: object) -> None:
    pending = [(value, 0)]
    while pending:
        current, depth = pending.pop()
        if depth > _MAX_DEPTH:
            raise Refusal("limit", f"the JSON is nested more than {_MAX_DEPTH} deep")
        if isinstance(current, dict):
            pending += [(inner, depth + 1) for inner in current.values()]
        elif isinstance(current, list):
            pending += [(inner, depth + 1) for inner in current]


def _parse_csv(text: str, delimiter: str, header: bool, types: bool) -> list[object]:
    rows = _csv_rows(text, delimiter)
    convert = _typed if types else str
    if not header:
        return [[convert(cell) for cell in row] for _, row in rows]
    _, names = next(rows, (1, []))
    _check_header(names)
    return [_record(number, names, row, convert) for number, row in rows]


def _csv_rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    # One limit for the whole process: it is never lowered, for another text may be read at this moment.
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise Refusal("input", f"not CSV: {error}, line {reader.line_num}") from None


def _check_header(names: list[str]) -> None:
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise Refusal("input", f"the CSV header names {doubled!r} twice", "pass header: false to get lists")


def _record(number: int, names: list[str], row: list[str], convert: object) -> dict[str, object]:
    if len(row) > len(names):
        raise Refusal(
            "input",
            f"line {number} has {len(row)} fields, the header has {len(names)}",
            "is the delimiter right, and are fields that hold it quoted?",
        )
    assert callable(convert)
    cells: list[object] = [convert(cell) for cell in row]
    return dict(zip(names, cells + [None] * (len(names) - len(row)), strict=True))


def _typed(cell: str) -> object:
    """Numbers, booleans and empty cells; what a number would not give back the same (`007`, `+49`) stays text."""
    if cell == "":
        return None
    if cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    if _WHOLE.fullmatch(cell):
        return int(cell)
    if _DECIMAL.fullmatch(cell) and math.isfinite(float(cell)):
        return float(cell)
    return cell


def _format_csv(value: object, delimiter: str, header: bool) -> str:
    if not isinstance(value, list):
        raise Refusal("input", "value: csv is made from a list of objects or of lists")
    out = io.StringIO(newline="")
    writer = csv.writer(_UnixLines(out), delimiter=delimiter, lineterminator="\r\n")
    if all(isinstance(row, dict) for row in value):
        names = list(dict.fromkeys(name for row in value for name in row))
        if header and names:
            writer.writerow(names)
        writer.writerows([_cell(row.get(name)) for name in names] for row in value)
    elif all(isinstance(row, list) for row in value):
        writer.writerows([_cell(cell) for cell in row] for row in value)
    else:
        raise Refusal("input", "value: csv is made from a list of objects or of lists, not of a mixture")
    return out.getvalue()


class _UnixLines:
    """Ends rows with a line feed, though the writer must believe in both: else it leaves a lone `\\r` unquoted."""

    def __init__(self, out: io.StringIO) -> None:
        self._out = out

    def write(self, row: str) -> int:
        return self._out.write(row.removesuffix("\r\n") + "\n")


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _format_yaml(value: object) -> str:
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.representer.add_representer(str, _yaml_text)
    out = io.StringIO()
    yaml.dump(value, out)
    return out.getvalue().removesuffix("...\n")


def _yaml_text(representer: "SafeRepresenter", value: str) -> "ScalarNode":
    # Characters that YAML takes for line breaks or drops come back only from double quotes, escaped.
    style = None if value.isprintable() or ("\n" in value and value.replace("\n", "").isprintable()) else '"'
    return representer.represent_scalar("tag:yaml.org,2002:str", value, style=style)
