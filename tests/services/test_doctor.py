"""The doctor finds what is wrong, counts it, and says what to do."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from errands.bootstrap.probes import look_at_mail, look_at_page, look_at_sharing
from errands.services.authority import Authority
from errands.services.doctor import Doctor, Patient
from errands.services.keys import KeySource
from errands.services.principals import operator
from errands.services.secrets import SecretService
from errands.services.vault import Vault
from errands.services.views import Check
from errands.settings import Settings
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database
from errands.store.identifiers import new_id

ANA = operator("ana")
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def _key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


def _doctor(database: Database, home: Path, keys: str = _key("a")) -> Doctor:
    vault = Vault(database, KeySource(keys, home / "secret.key"))
    artifacts, heartbeat = ArtifactStore(str(home / "artifacts")), timedelta(seconds=30)
    patient = Patient(database, artifacts, vault, home, home / "workspaces", heartbeat)
    return Doctor(patient, Authority(database), clock=lambda: NOW)


async def _found(doctor: Doctor, name: str) -> Check:
    return {check.name: check for check in await doctor.report(ANA)}[name]


async def _store_secrets(database: Database, keys: str, *names: str) -> None:
    secrets = SecretService(database, Authority(database), Vault(database, KeySource(keys, Path("/nonexistent"))))
    for name in names:
        await secrets.set(ANA, "work", name, f"value of {name}")


async def test_secrets_whose_key_is_not_at_hand_are_counted_and_their_key_is_named(
    database: Database, tmp_path: Path
) -> None:
    await _store_secrets(database, _key("a"), "ONE")
    await _store_secrets(database, _key("b"), "TWO", "THREE")
    found = await _found(_doctor(database, tmp_path), "secrets")
    lost = await database.pool.fetchval("select key_id from secrets where name = 'TWO'")
    assert not found.ok
    assert found.detail == f"of 3, 2 need a key that is not at hand: {lost}"
    both = await _found(_doctor(database, tmp_path, f"{_key('a')},{_key('b')}"), "secrets")
    assert (both.ok, both.detail) == (True, "all 3 can be read")


async def test_a_secret_that_was_changed_in_the_database_is_counted(database: Database, tmp_path: Path) -> None:
    await _store_secrets(database, _key("a"), "ONE", "TWO")
    await database.pool.execute("update secrets set ciphertext = ciphertext || '\\x00' where name = 'ONE'")
    found = await _found(_doctor(database, tmp_path), "secrets")
    assert (found.ok, found.detail) == (False, "of 2, 1 were changed outside Errands")


async def test_tables_of_another_release_are_found(database: Database, tmp_path: Path) -> None:
    assert (await _found(_doctor(database, tmp_path), "tables")).ok
    await database.pool.execute("update alembic_version set version_num = '9999'")
    assert not (await _found(_doctor(database, tmp_path), "tables")).ok


async def test_a_place_for_workspaces_that_is_no_folder_is_found(database: Database, tmp_path: Path) -> None:
    assert (await _found(_doctor(database, tmp_path), "workspaces")).ok
    (tmp_path / "workspaces").rmdir()
    (tmp_path / "workspaces").write_text("in the way")
    found = await _found(_doctor(database, tmp_path), "workspaces")
    assert not found.ok
    assert "ERRANDS_WORKSPACES" in str(found.hint)


async def test_connections_that_the_database_could_not_give_are_found(database: Database, tmp_path: Path) -> None:
    assert (await _found(_doctor(database, tmp_path), "connections")).ok
    greedy = await Database.open(database.url, tmp_path, pool_size=1000)
    try:
        found = await _found(_doctor(greedy, tmp_path), "connections")
    finally:
        await greedy.close()
    assert not found.ok
    assert "ERRANDS_DATABASE_POOL" in str(found.hint)


async def test_workers_elsewhere_that_do_not_see_what_this_machine_keeps_are_found(
    database: Database, tmp_path: Path
) -> None:
    assert (await look_at_sharing(Settings.load(), database)).ok
    await database.pool.execute(
        "insert into workers (id, host, pid, release, started_at, seen_at) values ($1, 'other', 1, '1', $2, $2)",
        new_id(),
        NOW,
    )
    alone = await look_at_sharing(Settings.load(secret_key=_key("a")), database)
    assert (alone.ok, "workers on other, but" in alone.detail) == (False, True)
    assert str(alone.hint).endswith(": ERRANDS_ARTIFACTS_URL, ERRANDS_WORKSPACES")
    places = {"artifacts_url": "s3://bucket/errands", "workspaces": tmp_path}
    assert (await look_at_sharing(Settings.load(secret_key=_key("a"), **places), database)).ok


async def test_a_worker_that_is_silent_is_told_of_with_the_time_since(database: Database, tmp_path: Path) -> None:
    await database.pool.execute(
        "insert into workers (id, host, pid, release, started_at, seen_at) values ($1, 'h', 1, '0', $2, $2)",
        new_id(),
        NOW - timedelta(hours=3),
    )
    found = await _found(_doctor(database, tmp_path), "workers")
    assert found.detail == "none at work; one was last seen 3 h ago"
    await database.pool.execute("update workers set seen_at = $1", NOW)
    assert (await _found(_doctor(database, tmp_path), "workers")).detail == "1 at work"


@pytest.fixture
async def planned(database: Database) -> AsyncIterator[Database]:
    """A trigger that is due at 7:30."""
    project, task = new_id(), new_id()
    await database.pool.execute("insert into projects (id, name) values ($1, 'p')", project)
    await database.pool.execute(
        "insert into tasks (id, project_id, name, description) values ($1, $2, 't', 'x')", task, project
    )
    columns = "id, project_id, task_id, name, kind, definition, enabled, planned_up_to, next_at"
    await database.pool.execute(
        f"insert into triggers ({columns}) values ($1, $2, $3, 'daily', 'schedule', '{{}}', true, $4, $4)",
        new_id(),
        project,
        task,
        NOW - timedelta(minutes=30),
    )
    yield database


async def test_a_start_that_nobody_has_decided_is_told_of_with_its_lateness(planned: Database, tmp_path: Path) -> None:
    found = await _found(_doctor(planned, tmp_path), "schedules")
    assert (found.ok, found.detail) == (False, "a start that was due 30 min ago is not decided yet")
    await planned.pool.execute("update triggers set next_at = $1", NOW + timedelta(hours=1))
    assert (await _found(_doctor(planned, tmp_path), "schedules")).ok


async def test_a_page_that_is_not_built_is_found(tmp_path: Path) -> None:
    assert not look_at_page(tmp_path).ok
    (tmp_path / "index.html").write_text("<!doctype html>")
    assert look_at_page(tmp_path).ok


async def test_a_port_that_takes_no_mail_is_found_and_one_that_does_is_not() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert (await look_at_mail(Settings(mail_port=port))).ok
    server.close()
    await server.wait_closed()
    assert not (await look_at_mail(Settings(mail_port=port))).ok
    assert (await look_at_mail(Settings())).ok
