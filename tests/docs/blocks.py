"""The fenced blocks of everything that is documented."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("templates/**/README.md")])
_FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```[ ]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    file: Path
    line: int
    """Of its first line, from 1."""
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """Every block in one of the languages; without any, every block."""
    return [block for file in DOCUMENTS for block in _blocks_of(file) if not languages or block.language in languages]


def _blocks_of(file: Path) -> Iterator[Block]:
    text = file.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        yield Block(file, text.count("\n", 0, match.start()) + 2, match[2].strip(), textwrap.dedent(match[3]))
