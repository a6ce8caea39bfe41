"""What the docs and examples show works: every YAML block is a valid definition, or a valid part of one."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from errands.core.catalog import Surroundings
from errands.core.definition.checks import check_file
from errands.core.definition.parsing import parse_document
from errands.core.problems import Problem
from errands.tools.builtin import builtin_catalog
from errands.tools.hosts import HostPolicy
from errands.tools.limits import ToolLimits

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


async def check(source: str) -> list[str]:
    """Everything wrong with a whole definition, beside the built-in tools."""
    checked = await check_file(source, Surroundings(tools=builtin_catalog(HostPolicy(), ToolLimits()).specs()))
    return said(checked.problems)


def said(problems: list[Problem]) -> list[str]:
    return [f"{found.line}:{found.column} {found.message} ({found.hint})" for found in problems]


def test_the_docs_show_whole_tasks_and_parts() -> None:
    found = list(blocks())
    assert sum(block.whole for block in found) >= 5
    assert sum(not block.whole for block in found) >= 15


@pytest.mark.parametrize("block", [block for block in blocks() if block.whole], ids=str)
async def test_every_definition_in_the_docs_is_valid(block: Block) -> None:
    assert await check(block.text) == []


@pytest.mark.parametrize("block", [block for block in blocks() if not block.whole], ids=str)
def test_every_part_of_a_definition_in_the_docs_is_well_formed(block: Block) -> None:
    assert said(parse_document(block.definition()).problems) == []


@pytest.mark.parametrize("source", [pytest.param(file.read_text(), id=file.name) for file in EXAMPLES])
async def test_every_example_is_valid(source: str) -> None:
    assert await check(source) == []
