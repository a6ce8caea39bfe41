"""What a YAML parser's complaint means, in the words of somebody who writes a task file."""

import re
from dataclasses import dataclass

_LINE = re.compile(r"[^\r\n]*")


@dataclass(frozen=True, slots=True)
class Explained:
    """A syntax error made plain. `offset` is where the author should look."""

    offset: int
    message: str
    hint: str | None


def explain(source: str, offset: int, opened: int | None, context: str | None, problem: str | None) -> Explained:
    """`offset` is where the parser gave up, `opened` where the thing that it was reading began."""
    what, reading = problem or "", context or ""
    for look in (_tab, _quote, _colon, _start, _bracket, _indent):
        found = look(source, offset, opened, reading, what)
        if found is not None:
            return found
    return Explained(offset, f"this is not readable as YAML: {what or reading or 'unexpected text'}", None)


def _tab(source: str, offset: int, opened: int | None, reading: str, what: str) -> Explained | None:
    line_start = max(source.rfind("\n", 0, offset), source.rfind("\r", 0, offset)) + 1
    lead = re.match(r"[ \t]*", source[line_start:])
    indented_by_tab = lead is not None and "\t" in lead[0]
    if not (indented_by_tab or "\\t" in what or "tab" in what.split()):
        return None
    at = line_start + lead[0].index("\t") if indented_by_tab and lead is not None else offset
    return Explained(at, "a tab stands where YAML wants spaces", "indent with spaces, two for each level")


def _quote(source: str, offset: int, opened: int | None, reading: str, what: str) -> Explained | None:
    if "quoted scalar" not in reading:
        return None
    if "escape" in what:
        shown = source[offset - 1 : offset + 1] if source[offset - 1 : offset] == "\\" else source[offset : offset + 2]
        hint = "write \\\\ for a backslash, or use single quotes"
        return Explained(offset, f"`{shown.strip()}` is no escape of a text in double quotes", hint)
    return Explained(offset if opened is None else opened, "a quote is opened here and never closed", "close it")


def _colon(source: str, offset: int, opened: int | None, reading: str, what: str) -> Explained | None:
    if "mapping values are not allowed" in what:
        hint = "put the text in quotes if it contains `: `, or check the indentation of this line"
        return Explained(offset, "a `:` stands where no key can be", hint)
    if "could not find expected ':'" in what:
        at = offset if opened is None else opened
        return Explained(
            at, f"`{_rest(source, at)}` is no `key: value`", "add the `:` or indent the text below its key"
        )
    return None


def _start(source: str, offset: int, opened: int | None, reading: str, what: str) -> Explained | None:
    if "cannot start any token" not in what:
        return None
    return Explained(offset, f"a text cannot begin with `{source[offset : offset + 1]}`", "put the text in quotes")


def _bracket(source: str, offset: int, opened: int | None, reading: str, what: str) -> Explained | None:
    if "flow" not in reading:
        return None
    kind, close = ("mapping", "}") if "mapping" in reading else ("list", "]")
    at_end = not source[offset:].strip()
    if opened is not None and (at_end or "got ':'" in what or "<stream end>" in what):
        opening = "{" if close == "}" else "["
        return Explained(
            max(source.rfind(opening, 0, opened + 1), 0),
            f"`{opening}` opens a {kind} that is never closed",
            f"add `{close}`",
        )
    hint = f"put a `,` between entries and close the {kind} with `{close}`; quote texts that contain , : {{ }} [ ]"
    return Explained(offset, f"`{_rest(source, offset)}` does not fit in this {kind}", hint)


def _indent(source: str, offset: int, opened: int | None, reading: str, what: str) -> Explained | None:
    if "block" not in reading and "<block" not in what and "<document start>" not in what:
        return None
    hint = "give it the same number of leading spaces as its neighbours; quote a text that begins with a special sign"
    return Explained(offset, f"`{_rest(source, offset)}` does not line up with the lines above it", hint)


def _rest(source: str, offset: int) -> str:
    found = _LINE.match(source, offset)
    text = found[0].strip() if found else ""
    return text if len(text) <= 40 else f"{text[:39]}…"
