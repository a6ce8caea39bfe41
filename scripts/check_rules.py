"""The rules of the house that no ready-made linter knows.

- no module is named utils, helpers, common or manager: such a name says nothing of what is inside
- no `Any` in core, engine, services and store: what passes between these rooms is typed to the end
- core reads no clock and no environment: it is handed what it needs, so that a replay computes the same
- no test waits by sleeping: it awaits a signal (`asyncio.sleep(0)` only lets others run, and is fine);
  fault scripts may, for a kill comes at a moment of its own
- nothing calls `asyncio.wait_for`: up to Python 3.11 it swallows a cancel that arrives together with the result
  (https://github.com/python/cpython/issues/86296); `asyncio.timeout` does not

usage: check_rules.py [ROOT]      prints `file:line what is wrong` for each breach
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
TYPED_ROOMS = ("core", "engine", "services", "store")
UNTYPED = {"src/errands/store/connections.py"}  # The driver carries no types; columns are typed where they are read.
AMBIENT = {
    "datetime.now": "the clock",
    "datetime.utcnow": "the clock",
    "datetime.today": "the clock",
    "date.today": "the clock",
    "time.time": "the clock",
    "os.environ": "the environment",
    "os.getenv": "the environment",
}


def main(root: Path) -> int:
    files = [file for folder in ("src", "tests", "scripts", "bench") for file in sorted((root / folder).rglob("*.py"))]
    findings = [f"{file.relative_to(root)}:{line} {what}" for file in files for line, what in breaches(file, root)]
    print(*findings, sep="\n", end="\n" if findings else "")
    print(f"{len(files)} files: no vague name, no Any in {'/'.join(TYPED_ROOMS)}, no clock in core, no sleeping test")
    return 1 if findings else 0


def breaches(file: Path, root: Path) -> Iterator[tuple[int, str]]:
    """Line and description of every breach in one file."""
    if file.stem in VAGUE_NAMES or file.parent.name in VAGUE_NAMES:
        yield 1, f"the name {file.stem!r} says nothing: name the module after what it does"
    top, *inner = file.relative_to(root).parts
    room = inner[1] if top == "src" and len(inner) > 2 else None
    tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
    for node in ast.walk(tree):
        if room in TYPED_ROOMS and file.relative_to(root).as_posix() not in UNTYPED and _is_any(node):
            yield _line(node), f"Any in {room}: say what it is (Json for a JSON value)"
        if room == "core" and (source := _ambient(node)):
            yield _line(node), f"core reads {source} with {ast.unparse(node)}: let the caller hand it in"
        if top == "tests" and inner[0] != "faults" and (call := _sleep(node)):
            yield _line(node), f"{call}: a test awaits a signal, it does not sleep"
        if _waits_for(node):
            yield _line(node), "asyncio.wait_for may swallow a cancel: use `async with asyncio.timeout(...)`"


def _is_any(node: ast.AST) -> bool:
    match node:
        case ast.Name(id="Any") | ast.Attribute(value=ast.Name(id="typing"), attr="Any"):
            return True
        case _:
            return False


def _ambient(node: ast.AST) -> str | None:
    return AMBIENT.get(ast.unparse(node)) if isinstance(node, ast.Attribute) else None


def _sleep(node: ast.AST) -> str | None:
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="time" | "asyncio" | "anyio"), attr="sleep"), args=arguments
        ):
            zero = len(arguments) > 0 and isinstance(arguments[0], ast.Constant) and arguments[0].value == 0
            return None if zero else ast.unparse(node)
        case _:
            return None


def _waits_for(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node) == "asyncio.wait_for"


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent))
