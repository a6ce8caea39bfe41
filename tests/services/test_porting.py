"""A whole project taken out and brought in: all of it or nothing, and a second time nothing changes."""

import base64
import io
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from errands.api.porting import packed, unpacked
from errands.core.access import Person, ProjectRole
from errands.services import Services
from errands.services.errors import Denied, FilesInvalid, Invalid
from errands.services.principals import operator
from errands.services.trigger_views import PeriodView
from errands.services.views import SourceFile
from errands.store.database import Database

ANA = operator("ana")
NOON = datetime(2026, 12, 24, 12, tzinfo=UTC)
TASK = """
task: report   # a comment that survives
description: Reports.
grants: {secrets: [CHANNEL]}
steps:
  - notify: {to: "secret:CHANNEL", body: hello}
triggers:
  - {id: daily, schedule: {daily: "09:00", except: [{calendar: freeze}]}}
"""
AGENT = "agent: scribe\ndescription: Writes.\ninstructions: Write well.\n"


@pytest.fixture
async def project(services: Services) -> Services:
    """A project with one thing of each kind."""
    await services.secrets.set(ANA, "default", "CHANNEL", "json://example.com/hook")
    await services.calendars.put(
        ANA, "default", "freeze", [PeriodView(NOON, NOON + timedelta(days=9), "no releases")], exempt_tags=["urgent"]
    )
    await services.channels.put(ANA, "default", "ops", addresses=["ops@example.com"], events=["failed"])
    files = [SourceFile("report.yaml", TASK), SourceFile("scribe.yaml", AGENT)]
    await services.tasks.apply(ANA, "default", files)
    return services


async def everything(database: Database) -> list[object]:
    """What a refused or repeated import must not change."""
    tables = ("projects", "tasks", "task_versions", "agents", "calendars", "channels", "triggers", "audit_entries")
    return [await database.pool.fetch(f"select {table}::text from {table} order by 1") for table in tables]


async def test_a_project_comes_out_whole_and_the_same_each_time(project: Services) -> None:
    files = {file.name: file.source for file in await project.porting.take_out(ANA, "default")}
    assert sorted(files) == [
        "agents/scribe.yaml",
        "calendars/freeze.yaml",
        "channels/ops.yaml",
        "project.yaml",
        "tasks/report.yaml",
    ]
    assert files["tasks/report.yaml"] == TASK
    assert "CHANNEL" in files["project.yaml"]
    assert "example.com/hook" not in "".join(files.values())
    assert files == {file.name: file.source for file in await project.porting.take_out(ANA, "default")}


async def test_brought_into_its_own_project_it_changes_nothing(project: Services, database: Database) -> None:
    files = await project.porting.take_out(ANA, "default")
    before = await everything(database)
    came = await project.porting.bring_in(ANA, "default", files)
    assert [one.change for one in came.applied] == ["unchanged"] * 2
    assert [one.change for one in came.brought] == ["unchanged"] * 2
    assert await everything(database) == before


async def test_a_draft_that_is_newer_than_what_is_published_stays_a_draft(project: Services) -> None:
    files = await project.porting.take_out(ANA, "default")
    draft = SourceFile("report.yaml", TASK.replace("Reports.", "Drafts."))
    await project.tasks.apply(ANA, "default", [draft], publish=False)
    assert await project.porting.take_out(ANA, "default") == files
    came = await project.porting.bring_in(ANA, "default", files)
    assert [one.change for one in came.applied] == ["unchanged", "unchanged"]
    assert [one.number for one in (await project.tasks.versions(ANA, "default", "report")).items] == [2, 1]
    assert (await project.tasks.get(ANA, "default", "report")).published == 1


async def test_brought_into_another_project_it_is_the_same_but_for_the_values_of_secrets(project: Services) -> None:
    files = await project.porting.take_out(ANA, "default")
    seen = await project.porting.bring_in(ANA, "copy", files, dry_run=True)
    assert await project.projects.list(ANA) == ["default"], "a trial makes no project"
    came = await project.porting.bring_in(ANA, "copy", files, message="moved")
    assert [one.change for one in seen.applied] == [one.change for one in came.applied] == ["created", "created"]
    assert [(one.kind, one.name, one.change) for one in came.brought] == [
        ("calendar", "freeze", "created"),
        ("channel", "ops", "created"),
    ]
    assert came.missing_secrets == ("CHANNEL",)
    copied = {file.name: file.source for file in await project.porting.take_out(ANA, "copy")}
    original = {file.name: file.source for file in files}
    del copied["project.yaml"], original["project.yaml"]
    assert copied == original
    assert (await project.tasks.versions(ANA, "copy", "report")).items[0].message == "moved"


async def test_one_bad_file_stops_all_of_it(project: Services, database: Database) -> None:
    files = await project.porting.take_out(ANA, "default")
    calendar = SourceFile("calendars/new.yaml", "calendar: new\nperiods: []\n")
    before = await everything(database)
    with pytest.raises(FilesInvalid):
        await project.porting.bring_in(ANA, "default", [*files, calendar, SourceFile("x.yaml", "task: x\n")])
    for wrong in (
        "calendar: new\nperiods: [{start: soon, end: later}]\n",
        "calendar: No Name\nperiods: []\n",
        "channel: ops\nevents: [failed]\n",
        "channel: ops\naddresses: [a@example.com]\nevents: [whatever]\n",
        "errands_project: 2\n",
        "calendar: new\nperiods: []\nmore: 1\n",
    ):
        with pytest.raises(Invalid):
            await project.porting.bring_in(ANA, "default", [calendar, SourceFile("y.yaml", wrong)])
    assert await everything(database) == before


async def test_each_kind_takes_the_right_to_change_it(project: Services, database: Database) -> None:
    viewer = Person("usr_1", "vera", projects={"default": ProjectRole.VIEWER})
    with pytest.raises(Denied):
        await project.porting.take_out(viewer, "default")
    with pytest.raises(Denied):
        await project.porting.bring_in(viewer, "default", [])


def test_an_archive_holds_the_same_files_and_the_same_bytes() -> None:
    files = [SourceFile("a.yaml", "task: a\n"), SourceFile("tasks/ü.yaml", "task: u\n")]
    assert packed(files) == packed(files)
    assert unpacked(base64.b64encode(packed(files)).decode()) == files


def test_an_archive_that_unpacks_to_too_much_is_refused() -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.yaml", b" " * (2 * 2**20))
    with pytest.raises(Invalid, match="larger than 1 MiB"):
        unpacked(base64.b64encode(written.getvalue()).decode())


@pytest.mark.parametrize("text", ["", "%%%", base64.b64encode(b"no zip").decode()])
def test_what_is_no_archive_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        unpacked(text)


def test_an_archive_whose_files_together_unpack_to_too_much_is_refused() -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(33):
            archive.writestr(f"{number}.yaml", b" " * 2**20)
    with pytest.raises(Invalid, match="larger than 32 MiB together"):
        unpacked(base64.b64encode(written.getvalue()).decode())


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_archive_is_refused(kind: int) -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", kind) as archive:
        archive.writestr("a.yaml", bytes(range(1, 256)) * 20)
    damaged = bytearray(written.getvalue())
    damaged[50:90] = b"\xff" * 40
    with pytest.raises(Invalid, match="cannot be read"):
        unpacked(base64.b64encode(bytes(damaged)).decode())
