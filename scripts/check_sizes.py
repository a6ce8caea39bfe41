"""Files stay under 500 lines and functions under 60, Python and TypeScript alike (functions: Python only).

usage: check_sizes.py [ROOT]      prints `file:line name size limit` for each that is too big
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_FILE_LINES = 499
MAX_FUNCTION_LINES = 59
FOLDERS = ("src", "tests", "scripts", "bench", "web/src")
SUFFIXES = (".py", ".ts", ".tsx", ".css", ".sql")


def main(root: Path) -> int:
    files = list(source_files(root))
    findings = [finding for file in files for finding in too_big(file, root)]
    print(*findings, sep="\n", end="\n" if findings else "")
    print(f"{len(files)} files: under {MAX_FILE_LINES + 1} lines, functions under {MAX_FUNCTION_LINES + 1}")
    return 1 if findings else 0


def source_files(root: Path) -> Iterator[Path]:
    """Every file of ours that is written by hand."""
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("*")):
            if file.suffix in SUFFIXES and not {"node_modules", "generated"} & set(file.parts):
                yield file


def too_big(file: Path, root: Path) -> Iterator[str]:
    """One line for the file, and one for each function in it, that is over its limit."""
    text = file.read_text(encoding="utf-8")
    name, lines = file.relative_to(root), text.count("\n")
    if lines > MAX_FILE_LINES:
        yield f"{name}:1 {file.name} {lines} {MAX_FILE_LINES}"
    if file.suffix == ".py":
        for function in ast.walk(ast.parse(text, filename=str(file))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (function.end_lineno or function.lineno) - function.lineno + 1
                if size > MAX_FUNCTION_LINES:
                    yield f"{name}:{function.lineno} {function.name} {size} {MAX_FUNCTION_LINES}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent))
