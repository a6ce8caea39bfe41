"""Backups of a real database and a folder: proved by a restore, kept for a while, brought back after a yes."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from errands.core.outcomes import RunStatus
from errands.services.views import RunView
from tests.templates.stage import ROOT, Outside, Stage

_SHOP = (
    "create table goods (id bigint primary key, name text, price numeric)",
    "create table orders (id bigint primary key, good bigint references goods, at timestamptz default now())",
    "insert into goods select n, 'good ' || n, n * 1.5 from generate_series(1, 50) as n",
    "insert into orders select n, n % 50 + 1 from generate_series(1, 200) as n",
)


@pytest.fixture
async def place(stage: Stage, two_databases: tuple[Outside, Outside], tmp_path: Path) -> Path:
    """A folder with `files` and `backups`; the shop is the first database."""
    shop, other = two_databases
    await shop.run(*_SHOP)
    (tmp_path / "files" / "deep").mkdir(parents=True)
    (tmp_path / "files" / "notes.txt").write_text("Ana")
    (tmp_path / "files" / "deep" / "picture.bin").write_bytes(bytes(range(256)) * 100)
    (tmp_path / "backups").mkdir()
    await stage.secret("LIVE_DB", shop.url)
    await stage.secret("SCRATCH_DB", other.url)
    await stage.secret("RESTORE_DB", other.url)
    await stage.adopt("backup", folder=str(tmp_path / "files"), target=str(tmp_path / "backups"), newest=2, days=3)
    return tmp_path


async def back_up(stage: Stage) -> Any:
    ran = await stage.run("back-up")
    assert ran.status is RunStatus.SUCCEEDED, ran.error
    return ran.output


async def restore(stage: Stage, archive: str, **more: bool) -> RunView:
    return await stage.run("restore-backup", {"archive": archive, **more})


def damage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)


async def answered(stage: Stage, ran: RunView, choice: str) -> RunView:
    assert ran.waiting, ran.error
    await stage.services.approvals.answer(ROOT, ran.id, choice=choice, form={})
    return await stage.ends(ran.id)


async def test_a_backup_is_proved_old_ones_go_and_it_comes_back_after_a_yes(
    stage: Stage, place: Path, two_databases: tuple[Outside, Outside]
) -> None:
    shop, other = two_databases
    made = await back_up(stage)
    assert (made["files"], made["tables"], made["rows"], made["removed"]) == (3, 2, 250, [])
    assert await other.value("select count(*) from orders") == 200
    for _ in range(3):
        await stage.forward(timedelta(days=2))
        await shop.run("insert into orders select max(id) + 1, 1 from orders")
        last = await back_up(stage)
    assert last["rows"] == 253
    assert sorted(file.name for file in (place / "backups").iterdir()) == [
        "backup-20260306T080000Z.tar.gz",
        "backup-20260308T080000Z.tar.gz",
    ]

    await other.run("drop table orders, goods", "create table orders (id int)")
    asked = await restore(stage, "backup-20260308T080000Z.tar.gz", replace=True)
    assert await other.rows("select * from orders") == []
    done = await answered(stage, asked, "restore")
    assert done.status is RunStatus.SUCCEEDED, done.error
    everything = "select id, good, at::text from orders order by id"
    assert await other.rows(everything) == await shop.rows(everything)


async def test_a_damaged_archive_is_not_restored(
    stage: Stage, place: Path, two_databases: tuple[Outside, Outside]
) -> None:
    archive = Path((await back_up(stage))["archive"])
    await two_databases[1].run("drop table orders, goods")
    damage(archive)
    ran = await restore(stage, archive.name)
    assert (ran.status, ran.waiting) == (RunStatus.FAILED, ())
    assert await two_databases[1].value("select count(*) from pg_tables where schemaname = 'public'") == 0


async def test_a_backup_that_does_not_come_out_as_it_was_fails_and_removes_nothing(
    stage: Stage, place: Path, two_databases: tuple[Outside, Outside]
) -> None:
    """The scratch database cannot hold what is in it: there is no such thing as a backup that nobody has restored."""
    _, other = two_databases
    for days in range(1, 5):
        (place / "backups" / f"backup-2026010{days}T080000Z.tar.gz").write_text("old")
    await other.run(
        "create view spoils as select 1 as one",
        "create table goods (id bigint primary key); create view held as select * from goods",
    )
    ran = await stage.run("back-up")
    while not ran.status.final:
        await stage.forward(timedelta(minutes=10))
        ran = await stage.rests(ran.id)
    assert ran.status is RunStatus.FAILED
    assert ran.error is not None
    assert "held depends on" in ran.error.message
    assert len([file for file in (place / "backups").iterdir() if file.read_bytes() == b"old"]) == 4
