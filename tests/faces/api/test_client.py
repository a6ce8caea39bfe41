"""`errands.Client` and `errands.AsyncClient` against a server on a socket."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI

from errands import AsyncClient, Client
from errands.api.serving import listening, take_address
from errands.client import (
    ArgumentsInvalid,
    FilesInvalid,
    NotFound,
    RunEnded,
    RunSnapshot,
    RunStatus,
    Unauthenticated,
    Unreachable,
)
from errands.core.access import Scope, ServerRole
from errands.services import Services
from tests.faces.api.conftest import OPERATOR

EXAMPLE = Path(__file__).parents[3] / "examples" / "client.py"
GREET = """
task: greet
description: Greets somebody.
params:
  who: {type: string}
steps:
  - {id: words, python: "f'Hello {who}'"}
output: "{{ words }}"
"""
ASK = """
task: ask
description: Asks somebody.
steps:
  - {id: fine, approve: {question: "Is it fine?", choices: [fine, bad]}}
"""


@pytest.fixture
async def server(app: FastAPI, services: Services, worker: None) -> AsyncIterator[tuple[str, str]]:
    """Address and token of somebody who may do everything."""
    await services.people.create(OPERATOR, "admin", server_role=ServerRole.ADMIN)
    token = await services.tokens.make(OPERATOR, "client", tuple(Scope), expires_in=None, person="admin")
    async with listening(app, take_address("127.0.0.1", 0), timedelta(seconds=1)) as listener:
        yield listener.url, token.text


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "greet.yaml"
    written.write_text(GREET)
    return written


async def test_a_program_applies_runs_and_lists(server: tuple[str, str], file: Path) -> None:
    async with AsyncClient(*server) as errands:
        (applied,) = await errands.apply(file)
        run = await errands.run("greet", {"who": "Ada"}, timeout=20)
        assert (applied.name, run.status, run.output) == ("greet", RunStatus.SUCCEEDED, "Hello Ada")
        assert [task.name for task in await errands.tasks()] == ["greet"]
        assert [line.id async for line in errands.runs(task="greet")] == [run.id]
        assert await errands.output(run.id) == "Hello Ada"
        assert not await errands.cancel(run.id, "too late")


async def test_every_page_of_a_list_is_given(server: tuple[str, str], file: Path) -> None:
    async with AsyncClient(*server) as errands:
        await errands.apply(file)
        started = [await errands.start("greet", {"who": str(number)}) for number in range(60)]
        assert [line.id async for line in errands.runs()] == [one.id for one in reversed(started)]


async def test_a_run_is_followed_from_its_snapshot_to_its_end(server: tuple[str, str], file: Path) -> None:
    async with AsyncClient(*server) as errands:
        await errands.apply(file)
        started = await errands.start("greet", {"who": "Ada"})
        events = [event async for event in errands.follow(started.id)]
    assert isinstance(events[0], RunSnapshot)
    assert isinstance(events[-1], RunEnded)


async def test_a_question_is_answered(server: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "ask.yaml").write_text(ASK)
    async with AsyncClient(*server) as errands:
        await errands.apply(tmp_path / "ask.yaml")
        started = await errands.start("ask")
        async for event in errands.follow(started.id):
            if [one async for one in errands.inbox(mine=True)]:
                await errands.answer(started.id, "fine")
                break
            assert not isinstance(event, RunEnded)
        assert (await errands.wait(started.id, timeout=20)).status is RunStatus.SUCCEEDED


async def test_the_same_key_starts_no_second_run(server: tuple[str, str], file: Path) -> None:
    async with AsyncClient(*server) as errands:
        await errands.apply(file)
        first = await errands.start("greet", {"who": "Ada"}, idempotency_key="k1")
        again = await errands.start("greet", {"who": "Ada"}, idempotency_key="k1")
    assert (again.id, again.existing) == (first.id, True)


async def test_refusals_are_exceptions_of_their_own_kind(server: tuple[str, str], tmp_path: Path, file: Path) -> None:
    (tmp_path / "broken.yaml").write_text("task: x\nstep: []\n")
    async with AsyncClient(*server) as errands:
        await errands.apply(file)
        with pytest.raises(NotFound, match="nothing"):
            await errands.start("nothing")
        with pytest.raises(ArgumentsInvalid, match="who"):
            await errands.start("greet")
        with pytest.raises(FilesInvalid):
            await errands.apply(tmp_path / "broken.yaml")
    async with AsyncClient(server[0], "wrong") as errands:
        with pytest.raises(Unauthenticated):
            await errands.tasks()
    async with AsyncClient("http://127.0.0.1:9") as errands:
        with pytest.raises(Unreachable, match="cannot be reached"):
            await errands.tasks()


async def test_waiting_gives_up_while_the_run_goes_on(server: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "ask.yaml").write_text(ASK)
    async with AsyncClient(*server) as errands:
        await errands.apply(tmp_path / "ask.yaml")
        started = await errands.start("ask")
        with pytest.raises(TimeoutError):
            await errands.wait(started.id, timeout=0.2)
        assert not (await errands.get(started.id)).status.final


async def test_a_program_without_a_loop_does_the_same(server: tuple[str, str], file: Path) -> None:
    def program() -> None:
        with Client(*server) as errands:
            errands.apply(file)
            run = errands.run("greet", {"who": "Ada"}, timeout=20)
            assert (run.status, run.output) == (RunStatus.SUCCEEDED, "Hello Ada")
            assert [line.id for line in errands.runs()] == [run.id]
            assert [type(event) for event in errands.follow(run.id)] == [RunSnapshot, RunEnded]
            assert next(iter(errands.follow(run.id))).run.id == run.id  # type: ignore[union-attr]
            with pytest.raises(NotFound):
                errands.get("run_" + "0" * 32)
        with pytest.raises(RuntimeError, match="not open"):
            errands.tasks()

    await asyncio.to_thread(program)


async def test_the_example_runs(server: tuple[str, str], file: Path) -> None:
    command = [sys.executable, str(EXAMPLE), *server, str(file), "greet", "who=Ada"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert process.returncode == 0
    assert "words: succeeded" in said.decode()
    assert said.decode().rstrip().endswith("succeeded: Hello Ada")
