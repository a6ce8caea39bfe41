"""What the docs and examples show works: every YAML block is a valid definition, or a valid part of one."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from errands.bootstrap import check_files, open_services
from errands.core.definition.parsing import parse_document
from errands.core.problems import Problem
from errands.services.principals import operator
from errands.services.views import SourceFile
from errands.settings import Settings

READER = operator("reader")

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
EXAMPLES = {file.stem: file.read_text() for file in sorted((ROOT / "examples").rglob("*.yaml"))}
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


async def check(**files: str) -> list[str]:
    """Everything that `errands validate` says of these files, given by name."""
    found = await check_files([SourceFile(name, text) for name, text in files.items()])
    return [problem for problems in found.values() for problem in said(problems)]


def said(problems: Sequence[Problem]) -> list[str]:
    return [f"{found.line}:{found.column} {found.message} ({found.hint})" for found in problems]


def test_the_docs_show_whole_tasks_and_parts() -> None:
    found = list(blocks())
    assert sum(block.whole for block in found) >= 5
    assert sum(not block.whole for block in found) >= 15


@pytest.mark.parametrize("block", [block for block in blocks() if block.whole], ids=str)
async def test_every_definition_in_the_docs_is_valid(block: Block) -> None:
    assert await check(block=block.text) == []


@pytest.mark.parametrize("block", [block for block in blocks() if not block.whole], ids=str)
def test_every_part_of_a_definition_in_the_docs_is_well_formed(block: Block) -> None:
    assert said(parse_document(block.definition()).problems) == []


async def test_every_example_is_valid_and_passes_its_own_tests(database_url: str, tmp_path: Path) -> None:
    files = [SourceFile(name, text) for name, text in EXAMPLES.items()]
    settings = Settings.load(home=tmp_path, database_url=database_url)
    async with open_services(settings, worker=False) as opened:
        tasks, project = opened.services.tasks, opened.default_project
        await opened.services.secrets.set(READER, project, "CHANNEL", "jsons://hooks.example/errands")
        await tasks.apply(READER, project, files)
        results = {file.name: await tasks.test(READER, project, file) for file in files}

    assert all(results.values())
    assert [found for tests in results.values() for test in tests for found in test.differences] == []
