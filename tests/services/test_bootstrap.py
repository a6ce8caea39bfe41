"""Putting a process together: quick where little is asked, and clear where something is missing."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog

from errands.bootstrap import check_files, open_services
from errands.bootstrap.figures import tell_figures
from errands.bootstrap.logs import configure_logging
from errands.services.errors import Unavailable
from errands.services.views import SourceFile
from errands.settings import Settings

_HEAVY = ("sqlalchemy", "asyncpg", "pgqueuer", "alembic", "pydantic_ai", "httpx", "structlog", "pydantic_settings")


def test_help_loads_nothing_heavy() -> None:
    script = f"""
import sys
sys.argv = ["errands", "--help"]
from errands.bootstrap import main
try:
    main()
except SystemExit:
    pass
print([name for name in {_HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "run" in done.stdout


async def test_a_database_that_is_away_is_for_the_operator(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path, database_url="postgresql://ana:s3cret@127.0.0.1:1/work")
    with pytest.raises(Unavailable, match="cannot be reached") as refused:
        async with open_services(settings, worker=False):
            pass
    assert "s3cret" not in refused.value.message
    assert refused.value.hint is not None


async def test_a_home_that_cannot_be_made_is_for_the_operator(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be made: Not a directory") as refused:
        async with open_services(Settings.load(home=tmp_path / "file" / "home"), worker=False):
            pass
    assert refused.value.hint is not None
    assert "ERRANDS_HOME" in refused.value.hint


async def test_a_database_that_goes_away_while_it_is_used_is_for_the_operator(settings: Settings) -> None:
    with pytest.raises(Unavailable, match="The database does not serve"):
        async with open_services(settings, worker=False) as opened:
            await opened.engine._parts.pool.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() "
                "and datname = current_database()"
            )
            await opened.engine._parts.pool.execute("select pg_terminate_backend(pg_backend_pid())")


async def test_files_are_checked_without_a_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ERRANDS_HOME", str(tmp_path))
    monkeypatch.setenv("ERRANDS_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    task = "task: t\ndescription: T.\nagent: {}\nsteps:\n  - {{id: a, prompt: hello}}\n  - {{id: b, python: 'a + 1'}}\n"
    agent = SourceFile("agent.yaml", "agent: writer\ndescription: W.\n")
    found = await check_files([SourceFile("a.yaml", task.format("writer")), agent])
    assert [problem.path for problem in found["a.yaml"]] == ["steps[1].python"]
    assert found["agent.yaml"] == []


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    structlog.reset_defaults()


def _break(password: str) -> None:
    raise ValueError("broken" if password else "")


@pytest.mark.usefixtures("_logging_as_before")
@pytest.mark.parametrize("logger", ["structlog", "logging"])
def test_the_log_is_json_without_local_variables(
    logger: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(Settings.load(home=tmp_path, log_format="json"), quiet=False)
    password = "hunter2".upper()
    try:
        _break(password)
    except ValueError:
        if logger == "structlog":
            structlog.get_logger().error("it.broke", run="run_1", exc_info=True)
        else:
            logging.getLogger("library").exception("it.broke")
    said = capsys.readouterr().err
    line = json.loads(said)
    assert (line["event"], line["level"]) == ("it.broke", "error")
    assert "ValueError: broken" in line["exception"]
    assert password not in said


@pytest.mark.usefixtures("_logging_as_before")
def test_a_command_keeps_quiet_unless_a_level_is_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings.load(home=tmp_path), quiet=True)
    structlog.get_logger().info("run.ended")
    assert capsys.readouterr().err == ""
    configure_logging(Settings.load(home=tmp_path, log_level="info"), quiet=True)
    structlog.get_logger().info("run.ended")
    assert "run.ended" in capsys.readouterr().err


async def test_a_worker_tells_its_figures_at_an_address_of_its_own(settings: Settings) -> None:
    told = settings.model_copy(update={"metrics_address": "127.0.0.1:0"})
    async with open_services(told, worker=False) as runtime:
        port = tell_figures(told, runtime.engine)
        runtime.engine.tally.add("journal_batch", 3)
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
        assert "errands_journal_batch_sum 3.0" in text
        taken = told.model_copy(update={"metrics_address": f"127.0.0.1:{port}"})
        with pytest.raises(Unavailable, match="Nothing can listen"):
            tell_figures(taken, runtime.engine)
