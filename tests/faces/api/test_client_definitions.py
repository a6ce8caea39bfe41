"""A Python program makes tasks: of plain data, and of text."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI

from errands import AsyncClient, Client
from errands.api.serving import listening, take_address
from errands.client import FilesInvalid, JsonObject
from errands.core.access import Scope, ServerRole
from errands.services import Services
from errands.settings import Settings
from tests.faces.api.conftest import OPERATOR
from tests.tools.loopback import serving

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "task_in_python.py"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GREET: JsonObject = {
    "task": "greet",
    "description": "Greets somebody, or everybody: with care.",
    "params": {"who": {"type": "string", "default": "all of you"}},
    "steps": [{"id": "words", "python": "greeting = 'Hello '\ngreeting + who\n"}],
    "output": "{{ words }}",
    "tests": [],
}
TEXT = """
task: part
description: Says goodbye.   # this comment stays
steps: [{id: words, python: "'Goodbye'"}]
"""


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    return Settings.load(home=home, database_url=database_url, allow_private_hosts=("127.0.0.1",))


@pytest.fixture
async def server(app: FastAPI, services: Services, worker: None) -> AsyncIterator[tuple[str, str]]:
    """Address and token of somebody who may do everything."""
    await services.people.create(OPERATOR, "admin", server_role=ServerRole.ADMIN)
    token = await services.tokens.make(OPERATOR, "client", tuple(Scope), expires_in=None, person="admin")
    async with listening(app, take_address("127.0.0.1", 0), timedelta(seconds=1)) as listener:
        yield listener.url, token.text


async def test_a_task_is_made_of_data_and_another_of_text(server: tuple[str, str], services: Services) -> None:
    async with AsyncClient(*server) as errands:
        made = await errands.define(GREET, TEXT, message="by a program")
        assert [(one.name, one.version) for one in made] == [("greet", 1), ("part", 1)]
        assert (await errands.run("greet", timeout=20)).output == "Hello all of you"
        assert (await errands.run("part", timeout=20)).output == "Goodbye"
        again = await errands.define(GREET)
        assert [one.version for one in again] == [1]
    kept = {file.name: file.source for file in await services.tasks.export(OPERATOR, "default")}
    greet, part = (next(text for name, text in kept.items() if one in name) for one in ("greet", "part"))
    assert part == TEXT
    assert "\n  - id: words\n    python: |\n      greeting = 'Hello '\n" in greet


async def test_every_problem_of_a_definition_is_told_and_nothing_is_stored(server: tuple[str, str]) -> None:
    def program() -> None:
        with Client(*server) as errands:
            with pytest.raises(FilesInvalid) as refused:
                errands.define(GREET, {"task": "odd", "description": "Odd.", "steps": [{"id": "a", "pithon": "1"}]})
            (problem,) = refused.value.problems["definition 2"]
            assert problem.path == "steps[0].pithon"
            assert "pithon" in problem.message
            with pytest.raises(TypeError):
                errands.define({"task": {1, 2}})  # type: ignore[dict-item]
            assert errands.tasks() == []

    await asyncio.to_thread(program)


async def test_the_example_makes_runs_and_follows_its_task(server: tuple[str, str]) -> None:
    async with serving() as web:
        web.answer("/up", "here I am")
        web.answer("/down", "sorry", 500)
        sites = [f"shop={web.url('/up')}", f"blog={web.url('/down')}"]
        command = [sys.executable, str(EXAMPLE), *server, *sites]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    assert "shop_page: succeeded" in said
    assert "blog_page: failed" in said
    assert said.rstrip().endswith("succeeded: {'shop': True, 'blog': False}")


async def test_the_programs_of_the_page_run_as_they_stand_there(server: tuple[str, str]) -> None:
    address, token = server
    blocks = BLOCK.findall((ROOT / "docs" / "how-to" / "python.md").read_text())
    assert len(blocks) == 2
    async with AsyncClient(address, token) as errands:
        await errands.apply(ROOT / "examples" / "word-count.yaml")
        for block in blocks:
            program = block.replace("http://127.0.0.1:8420", address).replace('"errands_..."', repr(token))
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
            )
            said = (await process.communicate())[0].decode()
            assert process.returncode == 0, said
        counted = [run async for run in errands.runs(task="word-count")]
        assert [run.status for run in counted] == ["succeeded"]
        questions = [one.question async for one in errands.inbox()]
        assert sorted(questions) == ["What are your plans, ana?", "What are your plans, ben?"]
