"""What the docs and examples show works: every YAML block is a valid definition, a valid part of one, or fits the
program that it is for.
"""

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from errands.api.metrics import METRICS
from errands.bootstrap import check_files, open_services
from errands.core.definition.parsing import parse_document
from errands.core.problems import Problem
from errands.services.principals import operator
from errands.services.views import SourceFile
from errands.settings import Settings
from tests.docs.blocks import ROOT, Block, blocks

READER = operator("reader")

EXAMPLES = {file.stem: file.read_text() for file in sorted((ROOT / "examples").rglob("*.yaml"))}
WHOLE = ("task:", "agent:", "model:")
PROMETHEUS = ("scrape_configs:", "groups:")
SHOWN = blocks("yaml")
WHOLES = [block for block in SHOWN if block.text.startswith(WHOLE)]
FOR_PROMETHEUS = [block for block in SHOWN if block.text.startswith(PROMETHEUS)]
PARTS = [block for block in SHOWN if not block.text.startswith((*WHOLE, *PROMETHEUS))]


def definition(part: str) -> str:
    """A task around the steps or keys that a block shows."""
    around = "task: part\ndescription: Around a part that the docs show.\n"
    if part.startswith("- "):
        return f"{around}steps:\n{textwrap.indent(part, '  ')}"
    return f"{around}{part}\nsteps: [{{wait: 1s}}]\n"


async def check(**files: str) -> list[str]:
    """Everything that `errands validate` says of these files, given by name."""
    found = await check_files([SourceFile(name, text) for name, text in files.items()])
    return [problem for problems in found.values() for problem in said(problems)]


def said(problems: Sequence[Problem]) -> list[str]:
    return [f"{found.line}:{found.column} {found.message} ({found.hint})" for found in problems]


def test_the_docs_show_whole_tasks_and_parts() -> None:
    assert len(WHOLES) >= 12
    assert len(PARTS) >= 15


@pytest.mark.parametrize("block", WHOLES, ids=str)
async def test_every_definition_in_the_docs_is_valid(block: Block) -> None:
    assert await check(block=block.text) == []


@pytest.mark.parametrize("block", PARTS, ids=str)
def test_every_part_of_a_definition_in_the_docs_is_well_formed(block: Block) -> None:
    assert said(parse_document(definition(block.text)).problems) == []


@pytest.mark.parametrize("block", FOR_PROMETHEUS, ids=str)
def test_every_rule_for_prometheus_in_the_docs_asks_for_figures_that_there_are(block: Block) -> None:
    assert YAML(typ="safe").load(block.text)
    told = {one.name for one in METRICS}
    asked = {re.sub(r"_(bucket|count|sum|total)$", "", name) for name in re.findall(r"errands_\w+", block.text)}
    assert asked <= told


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
