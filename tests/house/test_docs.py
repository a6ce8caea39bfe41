"""What the docs and examples show works: every YAML block is a valid definition, or a valid part of one."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from errands.core.definition.parsing import parse_document

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WHOLE = ("task:", "agent:", "model:")


@dataclass(frozen=True)
class Block:
    """A fenced block of YAML in a document."""

    file: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"

    @property
    def whole(self) -> bool:
        return self.text.startswith(WHOLE)

    def definition(self) -> str:
        """The block itself where it is a whole definition; else a task around the steps or keys that it shows."""
        around = "task: part\ndescription: Around a part that the docs show.\n"
        if self.whole:
            return self.text
        if self.text.startswith("- "):
            return f"{around}steps:\n{textwrap.indent(self.text, '  ')}"
        return f"{around}{self.text}\nsteps: [{{wait: 1s}}]\n"


def blocks() -> Iterator[Block]:
    for file in DOCUMENTS:
        text = file.read_text()
        for match in BLOCK.finditer(text):
            yield Block(file, text.count("\n", 0, match.start()) + 2, match[1])


def problems_of(source: str) -> list[str]:
    return [f"{found.line}:{found.column} {found.message} ({found.hint})" for found in parse_document(source).problems]


def test_the_docs_show_whole_tasks_and_parts() -> None:
    found = list(blocks())
    assert sum(block.whole for block in found) >= 5
    assert sum(not block.whole for block in found) >= 15


@pytest.mark.parametrize("block", list(blocks()), ids=str)
def test_every_yaml_block_of_the_docs_is_valid(block: Block) -> None:
    assert problems_of(block.definition()) == []


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_every_example_is_valid(file: Path) -> None:
    assert problems_of(file.read_text()) == []
