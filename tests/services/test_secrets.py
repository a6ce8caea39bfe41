"""Secrets: nobody reads, moves or swaps them in the database, and keys are rotated while workers go on."""

import base64
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errands.core.outcomes import ErrorKind, StepFailed
from errands.services import Services
from errands.services.authority import Authority
from errands.services.errors import Invalid, NotFound, Unavailable
from errands.services.keys import KeySource
from errands.services.principals import operator
from errands.services.secrets import SecretService
from errands.services.vault import Vault
from errands.services.views import SourceFile
from errands.store import projects
from errands.store.database import Database

ANA = operator("ana")


def _key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


def _service(database: Database, vault: Vault) -> SecretService:
    return SecretService(database, Authority(database), vault)


def _vault(database: Database, keys: str | None, file: Path = Path("/nonexistent")) -> Vault:
    return Vault(database, KeySource(keys, file))


async def _project(database: Database, name: str = "work") -> str:
    async with database.engine.begin() as connection:
        return str((await projects.ensure(connection, name)).id)


async def _reveal(vault: Vault, project: str, *names: str) -> Mapping[str, str]:
    return await vault.reveal(project, names)


async def test_a_secret_is_revealed_to_its_own_project_only(database: Database) -> None:
    vault = _vault(database, _key("a"))
    secrets = _service(database, vault)
    await secrets.set(ANA, "work", "TOKEN", "s3cret")
    assert await _reveal(vault, await _project(database), "TOKEN", "OTHER") == {"TOKEN": "s3cret"}
    assert await _reveal(vault, await _project(database, "other"), "TOKEN") == {}


async def test_the_database_holds_no_plain_value(database: Database) -> None:
    await _service(database, _vault(database, _key("a"))).set(ANA, "work", "TOKEN", "s3cret-value")
    row = await database.pool.fetchrow("select * from secrets")
    assert b"s3cret-value" not in bytes(row["ciphertext"])
    assert "s3cret-value" not in str(dict(row))


async def test_setting_again_replaces_the_value(database: Database) -> None:
    vault = _vault(database, _key("a"))
    secrets = _service(database, vault)
    await secrets.set(ANA, "work", "TOKEN", "old")
    await secrets.set(ANA, "work", "TOKEN", "new")
    assert await _reveal(vault, await _project(database), "TOKEN") == {"TOKEN": "new"}
    assert [secret.name for secret in await secrets.list(ANA, "work")] == ["TOKEN"]


@pytest.mark.parametrize(
    "tampering",
    [
        "update secrets set ciphertext = (select ciphertext from secrets where name = 'OTHER') where name = 'TOKEN'",
        "update secrets set name = case name when 'TOKEN' then 'OTHER' else 'TOKEN' end || '_'; "
        "update secrets set name = rtrim(name, '_')",
        "update secrets set ciphertext = set_byte(ciphertext, 20, (get_byte(ciphertext, 20) + 1) % 256)",
        "update secrets set ciphertext = substr(ciphertext, 1, 20)",
        "update secrets set project_id = (select id from projects where name = 'other')",
    ],
    ids=["swapped ciphertext", "swapped names", "flipped bit", "cut short", "moved to another project"],
)
async def test_a_tampered_row_does_not_decrypt(database: Database, tampering: str) -> None:
    vault = _vault(database, _key("a"))
    secrets = _service(database, vault)
    work, other = await _project(database), await _project(database, "other")
    await secrets.set(ANA, "work", "TOKEN", "value-of-token")
    await secrets.set(ANA, "work", "OTHER", "value-of-other")
    for statement in tampering.split("; "):
        await database.pool.execute(statement)
    project = other if "projects" in tampering else work
    with pytest.raises(StepFailed) as failed:
        await _reveal(vault, project, "TOKEN")
    assert failed.value.error.kind is ErrorKind.SECRET
    assert "was changed outside Errands" in failed.value.error.message
    assert "value-of" not in str(failed.value.error)


async def test_another_key_is_named_as_missing(database: Database) -> None:
    await _service(database, _vault(database, _key("a"))).set(ANA, "work", "TOKEN", "value")
    with pytest.raises(StepFailed, match=r"encrypted with the key [0-9a-f]{16}, which is not at hand") as failed:
        await _reveal(_vault(database, _key("b")), await _project(database), "TOKEN")
    assert failed.value.error.hint is not None
    assert "errands secrets set TOKEN" in failed.value.error.hint


async def test_rotation_encrypts_with_the_first_key_and_frees_the_second(database: Database) -> None:
    old = _service(database, _vault(database, _key("a")))
    for number in range(3):
        await old.set(ANA, "work", f"TOKEN_{number}", f"value-{number}")
    both = _service(database, _vault(database, f"{_key('b')}, {_key('a')}"))
    assert await both.rotate(ANA) == 3
    assert await both.rotate(ANA) == 0
    assert await _reveal(_vault(database, _key("b")), await _project(database), "TOKEN_2") == {"TOKEN_2": "value-2"}


async def test_a_rotation_without_the_old_key_says_so_and_loses_nothing(database: Database) -> None:
    await _service(database, _vault(database, _key("a"))).set(ANA, "work", "TOKEN", "value")
    with pytest.raises(Unavailable, match="not at hand"):
        await _service(database, _vault(database, _key("b"))).rotate(ANA)
    assert await _reveal(_vault(database, _key("a")), await _project(database), "TOKEN") == {"TOKEN": "value"}


async def test_a_worker_takes_up_a_key_that_another_process_has_put_into_the_file(
    database: Database, tmp_path: Path
) -> None:
    worker = _vault(database, None, tmp_path / "secret.key")
    operator = _service(database, _vault(database, None, tmp_path / "secret.key"))
    await operator.set(ANA, "work", "TOKEN", "value")
    project = await _project(database)
    assert await _reveal(worker, project, "TOKEN") == {"TOKEN": "value"}
    assert await operator.rotate(ANA) == 1
    assert await _reveal(worker, project, "TOKEN") == {"TOKEN": "value"}


async def test_a_secret_that_is_kept_for_some_tasks_is_revealed_to_those_alone(database: Database) -> None:
    vault = _vault(database, _key("a"))
    secrets = _service(database, vault)
    await secrets.set(ANA, "work", "TOKEN", "value")
    project = await _project(database)
    await secrets.limit(ANA, "work", "TOKEN", ["report", "later"])
    await secrets.set(ANA, "work", "TOKEN", "new")
    assert (await secrets.list(ANA, "work"))[0].tasks == ("later", "report")
    assert await vault.reveal(project, ["TOKEN"], "report") == {"TOKEN": "new"}
    assert await vault.reveal(project, ["TOKEN"], "other") == {}
    assert await vault.reveal(project, ["TOKEN"]) == {}, "what is no task uses only what is for all"
    await secrets.limit(ANA, "work", "TOKEN", None)
    assert await vault.reveal(project, ["TOKEN"], "other") == {"TOKEN": "new"}
    with pytest.raises(NotFound):
        await secrets.limit(ANA, "work", "ABSENT", ["report"])
    with pytest.raises(Invalid, match="name of a task"):
        await secrets.limit(ANA, "work", "TOKEN", ["no task\0"])


async def test_a_run_of_another_task_fails_where_it_would_use_a_kept_secret(working: Services) -> None:
    source = (
        "task: {}\ndescription: x\ngrants: {{secrets: [CHANNEL]}}\n"
        'steps: [{{notify: {{to: "secret:CHANNEL", body: hello}}}}]\n'
    )
    await working.secrets.set(ANA, "default", "CHANNEL", "json://127.0.0.1:9/x")
    await working.secrets.limit(ANA, "default", "CHANNEL", ["one"])
    await working.tasks.apply(ANA, "default", [SourceFile("two.yaml", source.format("two"))])
    run = await working.runs.start(ANA, "default", "two", {})
    async for event in working.runs.follow(ANA, run.id):
        if event.kind == "ended":
            assert event.run.error is not None
            assert event.run.error.kind is ErrorKind.SECRET
            assert "no secret CHANNEL that the task two may use" in event.run.error.message


async def test_use_is_noted_but_not_each_time(database: Database) -> None:
    vault = _vault(database, _key("a"))
    await _service(database, vault).set(ANA, "work", "TOKEN", "value")
    project = await _project(database)
    await _reveal(vault, project, "TOKEN")
    first = await database.pool.fetchval("select last_used_at from secrets")
    assert first is not None
    await _reveal(vault, project, "TOKEN")
    await _reveal(_vault(database, _key("a")), project, "TOKEN")
    assert await database.pool.fetchval("select last_used_at from secrets") == first


async def test_a_deleted_secret_is_gone(database: Database) -> None:
    secrets = _service(database, _vault(database, _key("a")))
    await secrets.set(ANA, "work", "TOKEN", "value")
    await secrets.delete(ANA, "work", "TOKEN")
    assert await secrets.list(ANA, "work") == []
    with pytest.raises(NotFound, match="no secret 'TOKEN'"):
        await secrets.delete(ANA, "work", "TOKEN")


@pytest.mark.parametrize(
    ("name", "value"), [("2X", "v"), ("A B", "v"), ("", "v"), ("OK", ""), ("OK", "x" * 70_000), ("a" * 200, "v")]
)
async def test_bad_names_and_values_are_refused(database: Database, name: str, value: str) -> None:
    with pytest.raises(Invalid):
        await _service(database, _vault(database, _key("a"))).set(ANA, "work", name, value)
    assert await database.pool.fetchval("select count(*) from secrets") == 0


def test_the_key_file_is_made_for_its_owner_alone_and_kept(tmp_path: Path) -> None:
    source = KeySource(None, tmp_path / "home" / "secret.key")
    first = source.load()
    assert stat.S_IMODE(source.file.stat().st_mode) == 0o600
    assert source.load() == first
    assert len(first) == 1


def test_a_key_file_that_others_can_read_is_refused_with_the_command(tmp_path: Path) -> None:
    source = KeySource(None, tmp_path / "secret.key")
    source.load()
    source.file.chmod(0o640)
    with pytest.raises(Unavailable, match="has mode 0640") as refused:
        source.load()
    assert refused.value.hint == f"Run: chmod 600 {source.file}"


def test_renewing_puts_a_new_key_in_front_and_keeps_the_old_one(tmp_path: Path) -> None:
    source = KeySource(None, tmp_path / "secret.key")
    old = source.load()
    assert source.renew()[1:] == old
    assert stat.S_IMODE(source.file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!!!", "Key 1 in ERRANDS_SECRET_KEY is not base64"),
        (f"{_key('a')},c2hvcnQ=", "Key 2 in ERRANDS_SECRET_KEY has 5 bytes; an AES-256 key has 32"),
        (" , ", "There is no key in ERRANDS_SECRET_KEY"),
    ],
)
def test_a_key_that_is_none_is_refused_without_being_shown(text: str, message: str) -> None:
    with pytest.raises(Unavailable) as refused:
        KeySource(text, Path("/nonexistent")).load()
    assert message in refused.value.message
    assert refused.value.hint is not None
    assert "openssl rand -base64 32" in refused.value.hint.lower()
    assert text not in refused.value.message


def test_no_repr_shows_a_key() -> None:
    source = KeySource(_key("a"), Path("/nonexistent"))
    shown = repr(source) + repr(source.load())
    assert _key("a") not in shown
    assert "a" * 32 not in shown


@given(st.binary(min_size=32, max_size=32), st.booleans(), st.booleans())
def test_every_32_bytes_are_a_key_in_either_alphabet_with_or_without_padding(
    material: bytes, urlsafe: bool, padded: bool
) -> None:
    encoded = (base64.urlsafe_b64encode if urlsafe else base64.b64encode)(material).decode()
    (key,) = KeySource(encoded if padded else encoded.rstrip("="), Path("/nonexistent")).load()
    assert key.material == material


async def test_ids_of_rows_are_new_each_time_so_an_old_ciphertext_fits_no_row(database: Database) -> None:
    secrets = _service(database, _vault(database, _key("a")))
    ids: list[UUID] = []
    for _ in range(2):
        await secrets.set(ANA, "work", "TOKEN", os.urandom(8).hex())
        ids.append(await database.pool.fetchval("select id from secrets"))
    assert ids[0] != ids[1]
