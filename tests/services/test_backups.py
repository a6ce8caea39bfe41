"""Everything backed up, wiped, restored: the same rows, the same files, and work goes on."""

import asyncio
import hashlib
import io
import stat
import tarfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from errands.bootstrap import Runtime, open_services
from errands.core.access import Person
from errands.core.outcomes import RunStatus
from errands.services import Services
from errands.services.archive_file import ArchiveReader
from errands.services.errors import Conflict, Denied, Invalid, ServiceError
from errands.services.keys import KeySource
from errands.services.principals import operator
from errands.services.restoring import Restored, Target, restore
from errands.services.vault import Vault
from errands.services.views import SourceFile
from errands.settings import Settings
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database
from errands.store.dumps import NOT_COMPARED, Fingerprint, fingerprints
from errands.store.errors import StoreUnavailable
from errands.store.migrations import HEAD
from tests.services.approvals_bench import waits

ANA = operator("ana")
FILES = """
task: files
description: Keeps a file and a large output.
grants: {tools: [files.write, files.keep]}
steps:
  - {id: big, python: "'x' * 100_000"}
  - {tool: files.write, with: {path: a.txt, text: hello}}
  - {tool: files.keep, with: {path: a.txt}}
"""
ASKS = """
task: asks
description: Waits for an answer.
steps:
  - {id: first, python: "1"}
  - {id: ok, approve: {question: "Go on?", choices: [yes_please, no_thanks]}}
  - {id: last, python: "ok['choice']"}
"""


@pytest.fixture
async def empty_url(postgres: str) -> AsyncIterator[str]:
    """URL of a database without any table."""
    connection = await asyncpg.connect(postgres.format("postgres"))
    await connection.execute("create database restored")
    yield postgres.format("restored")
    await connection.execute("drop database restored with (force)")
    await connection.close()


@pytest.fixture
async def lived(working: Services) -> Services:
    """A process with history: a finished run with files, a secret, a run that waits for an answer."""
    await working.tasks.apply(ANA, "default", [SourceFile("files.yaml", FILES), SourceFile("asks.yaml", ASKS)])
    await working.secrets.set(ANA, "default", "TOKEN", "s3cret-value")
    run = await working.runs.start(ANA, "default", "files", {})
    async for event in working.runs.follow(ANA, run.id):
        assert event.kind != "ended" or event.run.status is RunStatus.SUCCEEDED
    asked = await working.runs.start(ANA, "default", "asks", {})
    await waits(working, asked.id)
    return working


@asynccontextmanager
async def elsewhere(url: str, home: Path) -> AsyncIterator[Target]:
    """Another machine: an empty home and the database at the URL."""
    database = await Database.open(url, home)
    keys = KeySource(None, home / "secret.key")
    try:
        yield Target(database, ArtifactStore(str(home / "artifacts")), keys, timedelta(seconds=30))
    finally:
        await database.close()


async def bring_back(url: str, home: Path, file: Path, *, replace: bool = False) -> Restored:
    async with elsewhere(url, home) as target:
        return await restore(ANA, target, file, replace=replace)


async def tables_of(database: Database) -> dict[str, Fingerprint]:
    async with database.pool.acquire() as connection:
        found = await fingerprints(connection)
    return {name: print_ for name, print_ in found.items() if name not in NOT_COMPARED}


async def files_of(store: ArtifactStore) -> dict[str, str]:
    return {ref: hashlib.sha256(await store.get(ref)).hexdigest() for ref in await store.names()}


def rewritten(file: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """A copy of an archive with other bytes in it."""
    copy = file.with_name("changed.tar")
    with tarfile.open(file) as old, tarfile.open(copy, "w") as new:
        for member in old.getmembers():
            content = old.extractfile(member)
            assert content is not None
            data = change(member.name, content.read())
            member.size = len(data)
            new.addfile(member, io.BytesIO(data))
    return copy


async def test_what_is_restored_has_the_digests_of_what_was_backed_up(
    lived: Services, runtime: Runtime, database: Database, empty_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "all.tar"
    before = await tables_of(database)
    made = await lived.backups.make(ANA, file, with_keys=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (made.artifacts, made.has_keys, made.size) == (2, True, file.stat().st_size)
    home = tmp_path / "other"
    came = await bring_back(empty_url, home, file)
    assert (came.artifacts, came.keys, came.missing_keys, came.rows) == (2, 1, (), made.rows)
    assert stat.S_IMODE((home / "secret.key").stat().st_mode) == 0o600
    assert await files_of(ArtifactStore(str(home / "artifacts"))) == await files_of(
        ArtifactStore(runtime.settings.artifacts)
    )
    async with elsewhere(empty_url, home) as target:
        after = await tables_of(target.database)
        project = await target.database.pool.fetchval("select id from projects")
        values = await Vault(target.database, target.keys).reveal(str(project), ["TOKEN"])
    # The backup itself and the restore have each left an entry in the log.
    for name in ("audit_entries", "audit_unsealed"):
        before.pop(name), after.pop(name)
    assert after == before
    assert values == {"TOKEN": "s3cret-value"}


async def test_a_run_that_waited_when_it_was_backed_up_goes_on_after_the_restore(
    lived: Services, empty_url: str, tmp_path: Path
) -> None:
    await lived.backups.make(ANA, tmp_path / "all.tar", with_keys=True)
    home = tmp_path / "other"
    await bring_back(empty_url, home, tmp_path / "all.tar")
    settings = Settings.load(home=home, database_url=empty_url)
    async with open_services(settings, worker=True) as runtime:
        services = runtime.services
        (question,) = (await services.approvals.inbox(ANA, "default")).items
        await services.approvals.answer(ANA, question.id, choice="yes_please", form={}, note=None)
        async for event in services.runs.follow(ANA, question.run):
            if event.kind == "ended":
                assert (event.run.status, event.run.output) == (RunStatus.SUCCEEDED, "yes_please")
        assert (await services.audit.verify(ANA)).intact


async def test_a_run_that_a_worker_held_is_given_out_anew(
    lived: Services, database: Database, empty_url: str, tmp_path: Path
) -> None:
    run = await lived.runs.start(ANA, "default", "files", {})
    await database.pool.execute("update pgqueuer set status = 'picked', queue_manager_id = gen_random_uuid()")
    await lived.backups.make(ANA, tmp_path / "all.tar")
    async with elsewhere(empty_url, tmp_path / "other") as target:
        await restore(ANA, target, tmp_path / "all.tar", replace=False)
        for table in NOT_COMPARED:
            assert await target.database.pool.fetchval(f"select count(*) from {table}") == 0
        statement = "select count(*) from runs where id = $1::text::uuid"
        assert await target.database.pool.fetchval(statement, run.id.removeprefix("run_")) == 1


async def test_what_is_there_is_only_replaced_when_that_is_asked_for(
    lived: Services, database: Database, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "all.tar"
    await lived.backups.make(ANA, file)
    await database.pool.execute("update tasks set description = 'changed since'")
    with pytest.raises(Conflict, match="holds something already"):
        await bring_back(database_url, tmp_path / "other", file)
    with pytest.raises(Conflict, match="worker is at work"):
        await bring_back(database_url, tmp_path / "other", file, replace=True)
    await database.pool.execute("update workers set seen_at = $1", datetime.now(UTC) - timedelta(hours=1))
    came = await bring_back(database_url, tmp_path / "other", file, replace=True)
    assert came.missing_keys, "the key was left out, and there is none in the new home"
    assert await database.pool.fetchval("select count(*) from tasks where description = 'changed since'") == 0
    assert await database.pool.fetchval("select count(*) from audit_entries where verb = 'backup.restore'") == 1


@pytest.mark.parametrize("name", ["database.dump", "artifacts/"])
async def test_one_changed_byte_is_found_before_anything_is_changed(
    lived: Services, empty_url: str, tmp_path: Path, name: str
) -> None:
    await lived.backups.make(ANA, tmp_path / "all.tar")

    def flip(member: str, data: bytes) -> bytes:
        return data[:-1] + bytes([data[-1] ^ 1]) if member.startswith(name) else data

    changed = rewritten(tmp_path / "all.tar", flip)
    with pytest.raises(Invalid, match="is damaged"):
        await bring_back(empty_url, tmp_path / "other", changed)
    assert not (tmp_path / "other" / "artifacts").exists()
    async with elsewhere(empty_url, tmp_path / "other") as target:
        assert await tables_of(target.database) == {}


async def test_rows_that_do_not_come_out_as_they_were_undo_the_whole_restore(
    lived: Services, empty_url: str, tmp_path: Path
) -> None:
    await lived.backups.make(ANA, tmp_path / "all.tar")

    def lie(member: str, data: bytes) -> bytes:
        return data.replace(b'"rows":2', b'"rows":3', 1) if member == "manifest.json" else data

    with pytest.raises(StoreUnavailable, match="did not come out as it was"):
        await bring_back(empty_url, tmp_path / "other", rewritten(tmp_path / "all.tar", lie))
    async with elsewhere(empty_url, tmp_path / "other") as target:
        assert await tables_of(target.database) == {}


async def test_a_backup_of_a_newer_release_is_refused(lived: Services, empty_url: str, tmp_path: Path) -> None:
    await lived.backups.make(ANA, tmp_path / "all.tar")

    def newer(member: str, data: bytes) -> bytes:
        return data.replace(HEAD.encode(), b"9999_later") if member == "manifest.json" else data

    with pytest.raises(Invalid, match="which is newer") as refused:
        await bring_back(empty_url, tmp_path / "other", rewritten(tmp_path / "all.tar", newer))
    assert refused.value.hint == "Upgrade Errands first."


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"\0" * 10_240])
async def test_what_is_no_backup_is_refused(empty_url: str, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "some.tar"
    file.write_bytes(content)
    with pytest.raises(ServiceError, match="is no backup of Errands"):
        await bring_back(empty_url, tmp_path, file)
    with pytest.raises(ServiceError, match="cannot be read"):
        await bring_back(empty_url, tmp_path, tmp_path / "absent.tar")


async def test_a_backup_overwrites_nothing_and_leaves_nothing_half_made(
    lived: Services, runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "all.tar"
    file.write_text("mine")
    with pytest.raises(Invalid, match="is there already"):
        await lived.backups.make(ANA, file)
    assert file.read_text() == "mine"

    async def away(_store: ArtifactStore) -> list[str]:
        raise OSError(5, "the store is away")

    monkeypatch.setattr(ArtifactStore, "names", away)
    with pytest.raises(OSError, match="away"):
        await lived.backups.make(ANA, tmp_path / "other.tar")
    there = await asyncio.to_thread(lambda: {path.name for path in tmp_path.iterdir()})
    assert {name for name in there if "tar" in name or "backup" in name} == {"all.tar"}


async def test_only_an_administrator_makes_a_backup(lived: Services, tmp_path: Path) -> None:
    with pytest.raises(Denied, match=r"backup\.make"):
        await lived.backups.make(Person("usr_1", "eve"), tmp_path / "all.tar")
    assert not (tmp_path / "all.tar").exists()


async def test_without_being_asked_for_the_keys_are_not_in_the_file(lived: Services, tmp_path: Path) -> None:
    made = await lived.backups.make(ANA, tmp_path / "all.tar")
    reader = ArchiveReader(tmp_path / "all.tar")
    key = (tmp_path / "home" / "secret.key").read_text().strip()
    assert made.has_keys is reader.manifest.has_keys is False
    assert len(made.key_ids) == 1
    whole = (tmp_path / "all.tar").read_bytes()
    assert key.encode() not in whole
    assert b"s3cret-value" not in whole
    reader.close()
