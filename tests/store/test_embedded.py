"""The embedded server: shared by processes, stopped by the last one, clear when it cannot work."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from errands.store.database import Database, normal_url, without_password
from errands.store.embedded import EmbeddedServer, _Folders, _would_not_start
from errands.store.errors import StoreUnavailable


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home folder; making one takes half a second, so tests that leave it whole share it."""
    with _new_home() as folder:
        yield folder


@pytest.fixture
def fresh_home() -> Iterator[Path]:
    """A home folder of the test's own."""
    with _new_home() as folder:
        yield folder


@contextmanager
def _new_home() -> Iterator[Path]:
    """A short path that every user may pass through, as a home folder is."""
    with tempfile.TemporaryDirectory(prefix="errands-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def _pid(home: Path) -> int | None:
    try:
        return int((home / "postgres/data/postmaster.pid").read_text().splitlines()[0])
    except FileNotFoundError:
        return None


def _python(home: Path, body: str) -> subprocess.Popen[str]:
    """Another process that holds the server of the home folder: prints a line when it has it, then does `body`."""
    script = f"""
        import sys
        from pathlib import Path
        from errands.store.embedded import EmbeddedServer
        server = EmbeddedServer(Path({str(home)!r}))
        server.acquire()
        print("ready", flush=True)
        {body}
    """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _await_line(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


async def test_the_second_user_finds_the_server_and_the_last_one_stops_it(home: Path) -> None:
    first = await Database.open(None, home)
    server = _pid(home)
    second = await Database.open(None, home)
    assert _pid(home) == server
    await first.close()
    assert await second.pool.fetchval("select 1") == 1
    await second.close()
    assert _pid(home) is None


def test_the_server_outlives_the_process_that_started_it_while_another_uses_it(home: Path) -> None:
    starter = _python(home, "sys.stdin.readline()")
    _await_line(starter)
    mine = EmbeddedServer(home)
    mine.acquire()
    server = _pid(home)
    starter.communicate("end\n")
    assert _pid(home) == server
    mine.release()
    assert _pid(home) is None


def test_a_killed_process_is_not_counted_as_a_user(home: Path) -> None:
    killed = _python(home, "sys.stdin.readline()")
    _await_line(killed)
    mine = EmbeddedServer(home)
    mine.acquire()
    killed.kill()
    killed.wait()
    mine.release()
    assert _pid(home) is None


def test_a_process_that_ends_without_closing_lets_go_of_the_server(home: Path) -> None:
    forgetful = _python(home, "pass")
    _await_line(forgetful)
    forgetful.wait()
    assert _pid(home) is None


def test_a_server_that_shall_keep_running_does(home: Path) -> None:
    server = EmbeddedServer(home, keep_running=True)
    server.acquire()
    server.release()
    assert _pid(home) is not None
    last = EmbeddedServer(home)
    last.acquire()
    last.release()
    assert _pid(home) is None


async def test_a_server_that_was_killed_is_started_again_with_its_data(home: Path) -> None:
    before = await Database.open(None, home)
    await before.pool.execute("create table kept as select 42 as answer")
    server = _pid(home)
    assert server is not None
    os.kill(server, signal.SIGQUIT)
    before.pool.terminate()
    await before.close()
    after = await Database.open(None, home)
    assert await after.pool.fetchval("select answer from kept") == 42
    await after.close()


def test_many_processes_that_start_at_once_share_one_server(fresh_home: Path) -> None:
    processes = [_python(fresh_home, "print(server.acquire and 1, flush=True); sys.stdin.readline()") for _ in range(4)]
    for process in processes:
        _await_line(process)
    log = (fresh_home / "postgres/server.log").read_text()
    for process in processes:
        process.communicate("end\n")
    assert log.count("ready to accept connections") == 1
    assert _pid(fresh_home) is None


def test_other_users_of_the_machine_cannot_reach_the_server(home: Path) -> None:
    server = EmbeddedServer(home)
    server.acquire()
    for name in ("", "data", "socket"):
        assert (home / "postgres" / name).stat().st_mode & 0o077 == 0
    (home / "postgres/socket").chmod(0o755)
    try:
        with pytest.raises(StoreUnavailable, match="open to other users") as refused:
            EmbeddedServer(home).acquire()
    finally:
        (home / "postgres/socket").chmod(0o700)
        server.release()
    assert refused.value.hint == f"Run: chmod 700 {home / 'postgres/socket'}"


async def test_a_home_path_too_long_for_a_socket_works_all_the_same(fresh_home: Path) -> None:
    deep = fresh_home / ("a" * 60) / ("b" * 60)
    database = await Database.open(None, deep)
    assert await database.pool.fetchval("select current_setting('fsync')") == "on"
    await database.close()


async def test_a_home_that_is_a_file_is_refused_with_a_hint(home: Path) -> None:
    (home / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be written to: Not a directory") as refused:
        await Database.open(None, home / "file")
    assert refused.value.hint is not None
    assert "ERRANDS_HOME" in refused.value.hint


async def test_a_broken_data_folder_names_the_log_and_its_end(fresh_home: Path) -> None:
    server = EmbeddedServer(fresh_home)
    server.acquire()
    server.release()
    (fresh_home / "postgres/data/global/pg_control").write_bytes(b"broken")
    with pytest.raises(StoreUnavailable, match="did not start: it ended with status"):
        await Database.open(None, fresh_home)


async def test_a_server_that_is_not_there_is_named_without_its_password(home: Path) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        await Database.open("postgresql://ana:s3cret@127.0.0.1:1/work", home)
    assert "postgresql://ana@127.0.0.1:1/work cannot be reached" in refused.value.message
    assert "s3cret" not in refused.value.message


async def test_a_database_that_does_not_exist_outside_is_not_made(postgres: str, home: Path) -> None:
    with pytest.raises(StoreUnavailable, match='database "nowhere" does not exist'):
        await Database.open(postgres.format("nowhere"), home)


async def test_a_server_older_than_needed_is_refused(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("errands.store.database.MINIMUM_VERSION", 99)
    with pytest.raises(StoreUnavailable, match="is PostgreSQL 18; Errands needs 99 or newer"):
        await Database.open(database_url, home)


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "postgresql", "sqlite:///a.db"])
def test_a_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="must begin with postgresql://"):
        normal_url(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://a:p@h/d", "postgresql://a@h/d"),
        ("postgresql://h/d?user=a&password=p&sslmode=require", "postgresql://h/d?user=a&sslmode=require"),
        ("postgresql://a@/d?host=/tmp", "postgresql://a@/d?host=/tmp"),
    ],
)
def test_a_shown_url_has_no_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ('FATAL:  could not write lock file "postmaster.pid": No space left on device', "Make room on the disk"),
        ('postgres: could not access "postgresql.conf": Permission denied', "chown -R"),
        ("FATAL:  something else", "Read "),
    ],
)
def test_a_server_that_does_not_start_says_what_to_do_about_it(tmp_path: Path, fault: str, advice: str) -> None:
    log = tmp_path / "server.log"
    log.write_text(f"2026-11-26 10:32:58 UTC [1] LOG:  checkpoint complete\n{fault}\n")
    told = _would_not_start(_Folders(tmp_path, tmp_path, tmp_path, log, None), "it ended with status 1")
    assert fault in told.message
    assert "checkpoint" not in told.message
    assert told.hint is not None and told.hint.startswith((advice, "Give")) and advice in told.hint


def test_a_server_that_was_killed_is_started_anew_and_one_that_runs_is_left_alone(fresh_home: Path) -> None:
    server = EmbeddedServer(fresh_home)
    server.acquire()
    try:
        killed = _pid(fresh_home)
        assert killed is not None and not server.revive()
        os.kill(killed, signal.SIGKILL)
        assert server._child is not None
        server._child.wait(10)
        assert server.revive()
        assert _pid(fresh_home) not in (None, killed)
        assert not server.revive()
    finally:
        server.release()
    assert not server.revive(), "nobody uses it any more"
