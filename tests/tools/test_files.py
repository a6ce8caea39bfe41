"""`files.*` stay in the workspace and the granted folders, whatever path they are given."""

import base64
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errands.core.outcomes import ErrorKind
from errands.core.values import Json
from errands.tools.limits import ToolLimits
from errands.tools.paths import Place, parts_of, reading, writing
from errands.tools.refusal import Refusal
from tests.tools.bench import Bench, MakeBench


async def test_what_was_written_is_read_back(bench: Bench) -> None:
    assert await bench.call("files.write", path="a/b.txt", text="grün") == {"path": "a/b.txt", "bytes": 5}
    assert await bench.call("files.append", path="a/b.txt", text="!\n") == {"path": "a/b.txt", "bytes": 7}
    assert await bench.call("files.read", path="a/b.txt") == {"path": "a/b.txt", "content": "grün!\n", "bytes": 7}
    await bench.call("files.write", path="raw", base64=base64.b64encode(b"\x00\xff").decode())
    assert (await bench.call("files.read", path="raw", as_="base64"))["content"] == "AP8="
    assert (await bench.refused("files.read", path="raw")).kind is ErrorKind.INPUT
    assert (await bench.call("files.read", path="raw", encoding="latin-1"))["content"] == "\x00\xff"


async def test_files_are_listed_with_size_and_kind(bench: Bench) -> None:
    bench.file("a.txt", "12345")
    bench.file("sub/b.csv", "1")
    (bench.step.workspace() / "link").symlink_to("/etc")

    async def listed(**arguments: Json) -> list[tuple[str, str]]:
        found = (await bench.call("files.list", **arguments))["files"]
        return [(each["path"], each["kind"]) for each in found]

    assert await listed() == [("a.txt", "file"), ("link", "link"), ("sub", "folder")]
    assert await listed(recursive=True, pattern="*.csv") == [("sub/b.csv", "file")]
    assert await listed(path="sub") == [("sub/b.csv", "file")]
    info = await bench.call("files.info", path="a.txt")
    assert info["exists"] is True
    assert info["info"]["bytes"] == 5
    assert await bench.call("files.info", path="none/there") == {"exists": False, "info": None}


async def test_files_are_copied_moved_and_deleted(bench: Bench) -> None:
    bench.file("a", "content")
    assert await bench.call("files.copy", from_="a", to="x/b") == {"path": "x/b", "bytes": 7}
    assert await bench.call("files.move", from_="a", to="x/c") == {"path": "x/c", "bytes": 7}
    assert (await bench.refused("files.copy", from_="a", to="d")).kind is ErrorKind.NOT_FOUND
    assert (await bench.refused("files.copy", from_="x/b", to="x/c", overwrite=False)).kind is ErrorKind.INPUT
    assert (await bench.refused("files.delete", path="x")).hint == "pass recursive: true to delete all that is in it"
    assert await bench.call("files.delete", path="x", recursive=True) == {"path": "x", "removed": 3}
    assert await bench.call("files.delete", path="x", missing_ok=True) == {"path": "x", "removed": 0}
    assert list(bench.step.workspace().iterdir()) == []


async def test_a_folder_is_not_deleted_through_a_link(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/kept").write_text("kept")
    bench.file("sub/x")
    (bench.step.workspace() / "sub/link").symlink_to(tmp_path / "outside")
    await bench.call("files.delete", path="sub", recursive=True)
    assert (tmp_path / "outside/kept").read_text() == "kept"


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "..", "/etc/passwd", "/", "a/..", "//etc/passwd", "/proc/self/environ"]
)
@pytest.mark.parametrize(
    "tool", ["files.read", "files.write", "files.append", "files.delete", "files.list", "files.info"]
)
async def test_a_path_out_of_the_workspace_is_denied(bench: Bench, tool: str, path: str) -> None:
    content: dict[str, Json] = {"text": "x"} if tool in ("files.write", "files.append") else {}
    assert (await bench.refused(tool, path=path, **content)).kind is ErrorKind.DENIED


@pytest.mark.parametrize("path", ["link/secret", "file-link", "deep/link/secret"])
async def test_a_symbolic_link_is_not_followed(bench: Bench, tmp_path: Path, path: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("s")
    workspace = bench.step.workspace()
    (workspace / "link").symlink_to(outside)
    (workspace / "deep").mkdir()
    (workspace / "deep/link").symlink_to(outside)
    (workspace / "file-link").symlink_to(outside / "secret")
    for error in (
        await bench.refused("files.read", path=path),
        await bench.refused("files.write", path=path, text="x"),
        await bench.refused("files.append", path=path, text="x"),
    ):
        assert error.kind is ErrorKind.DENIED
        assert "symbolic link" in error.message
    assert (outside / "secret").read_text() == "s"


async def test_fifos_devices_and_folders_are_not_read_as_files(bench: Bench) -> None:
    os.mkfifo(bench.step.workspace() / "fifo")
    bench.file("folder/x")
    for path, kind in (("fifo", ErrorKind.DENIED), ("folder", ErrorKind.INPUT)):
        assert (await bench.refused("files.read", path=path)).kind is kind
        assert (await bench.refused("files.write", path=path, text="x")).kind is kind
    bench.grant(folders=("/dev:write",))
    assert (await bench.refused("files.read", path="/dev/zero")).kind is ErrorKind.DENIED
    assert (await bench.refused("files.write", path="/dev/null", text="x")).kind is ErrorKind.DENIED


async def test_granted_folders_are_read_or_written_as_granted(bench: Bench, tmp_path: Path) -> None:
    for name in ("in", "out", "in/both"):
        (tmp_path / name).mkdir()
    (tmp_path / "in/a").write_text("a")
    bench.grant(folders=(f"{tmp_path}/in", f"{tmp_path}/out:write", f"{tmp_path}/in/both:write"))
    assert (await bench.call("files.read", path=f"{tmp_path}/in/a"))["content"] == "a"
    await bench.call("files.copy", from_=f"{tmp_path}/in/a", to=f"{tmp_path}/out/b")
    await bench.call("files.write", path=f"{tmp_path}/in/both/c", text="c")
    error = await bench.refused("files.write", path=f"{tmp_path}/in/a", text="x")
    assert error.kind is ErrorKind.DENIED
    assert error.hint == f"grant `{tmp_path}/in:write` to write there"
    assert (await bench.refused("files.move", from_=f"{tmp_path}/in/a", to="a")).kind is ErrorKind.DENIED
    error = await bench.refused("files.read", path=f"{tmp_path}/inside/a")
    assert f"add `{tmp_path}/inside` to grants.folders" in str(error.hint)
    assert (await bench.refused("files.read", path=f"{tmp_path}/in/../secret")).kind is ErrorKind.DENIED


SEGMENTS = st.sampled_from(
    ["..", ".", "", "a", "link", "fifo", "file", "~", "...", "a\x00b", "file-link", "ü", "\\..", "C:"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.lists(SEGMENTS, max_size=5).map("/".join), st.binary(max_size=5))
def test_no_path_reads_or_writes_outside_its_root(tmp_path: Path, path: str, content: bytes) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    if not outside.exists():
        (root / "a").mkdir(parents=True)
        outside.mkdir()
        for folder in (root, root / "a"):
            (folder / "link").symlink_to(outside)
            (folder / "file-link").symlink_to(outside / "secret")
            (folder / "file").write_text("file")
            os.mkfifo(folder / "fifo")
        (outside / "secret").write_text("secret")
        (outside / "file").write_text("secret")
    try:
        place = Place(str(root), parts_of(path), path)
        with reading(place) as file:
            assert b"secret" not in file.read()
    except Refusal:
        pass
    try:
        with writing(Place(str(root), parts_of(path), path)) as file:
            file.write(content)
    except Refusal:
        pass
    assert {each.name: each.read_text() for each in outside.iterdir()} == {"secret": "secret", "file": "secret"}
    assert {each.name for each in tmp_path.iterdir()} == {"root", "outside"}


async def test_a_failed_write_leaves_the_old_file_and_says_the_disk_is_full(bench: Bench) -> None:
    bench.file("a", "old")
    with largest_file(1000):
        error = await bench.refused("files.write", path="a", text="x" * 10_000)
        full = await bench.refused("files.append", path="a", text="x" * 10_000)
    assert error.kind is full.kind is ErrorKind.STORAGE
    assert "the disk is full" in error.message
    assert [each.name for each in bench.step.workspace().iterdir()] == ["a"]
    assert bench.file("b").parent.joinpath("a").read_text().startswith("old")


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The kernel refuses to let files grow beyond this, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_files_over_the_limit_are_refused(make_bench: MakeBench) -> None:
    bench = make_bench(ToolLimits(file_bytes=10, copy_bytes=20, list_entries=1))
    bench.file("big", "x" * 21)
    bench.file("b")
    for error in (
        await bench.refused("files.read", path="big"),
        await bench.refused("files.write", path="a", text="x" * 11),
        await bench.refused("files.copy", from_="big", to="copy"),
        await bench.refused("files.list"),
        await bench.refused("files.keep", path="big"),
    ):
        assert error.kind is ErrorKind.LIMIT
    assert not (bench.step.workspace() / "copy").exists()


async def test_written_files_are_plain_files_of_ours(bench: Bench) -> None:
    await bench.call("files.write", path="a", text="x")
    mode = (bench.step.workspace() / "a").stat().st_mode
    assert stat.S_ISREG(mode)
    assert not mode & 0o111


async def test_a_workspace_file_is_kept_as_an_artifact(bench: Bench) -> None:
    path = bench.file("out/report.pdf", b"%PDF")
    output = await bench.call("files.keep", path="out/report.pdf")
    assert bench.step.kept == [(path, "report.pdf", "application/pdf")]
    assert (output["name"], output["size"]) == ("report.pdf", 4)
    (bench.step.workspace() / "link").symlink_to("/etc/passwd")
    for wrong in ("link", "none", "out", "../x", "/etc/passwd"):
        assert (await bench.refused("files.keep", path=wrong)).kind in (
            ErrorKind.INPUT,
            ErrorKind.NOT_FOUND,
            ErrorKind.DENIED,
        )
    assert len(bench.step.kept) == 1


async def test_a_dry_run_keeps_a_file_without_an_id(bench: Bench) -> None:
    bench.file("a", b"x")
    bench.step.dry = True
    output = await bench.call("files.keep", path="a")
    assert (output["artifact"], output["sha256"], output["size"]) == ("", "", 1)
