"""`archive.*`: what was packed comes back, and hostile archives leave nothing behind."""

import asyncio
import io
import itertools
import os
import stat
import tarfile
import zipfile

import pytest

from errands.core.outcomes import ErrorKind
from errands.tools.limits import ToolLimits
from tests.tools.bench import Bench, MakeBench, left_behind


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz"])
async def test_what_was_packed_comes_back(bench: Bench, name: str) -> None:
    bench.file("in/a.txt", "alpha")
    bench.file("in/sub/ü.bin", bytes(range(256)) * 10)
    bench.file("single", "")
    made = await bench.call("archive.create", sources=["in", "single"], path=name)
    assert [each["path"] for each in made["files"]] == ["in/a.txt", "in/sub/ü.bin", "single"]
    verified = await bench.call("archive.verify", path=name, sha256=made["sha256"])
    assert (verified["ok"], verified["problems"]) == (True, [])
    taken = await bench.call("archive.extract", path=name, to="out/here")
    assert taken["files"] == made["files"]
    out = bench.step.workspace() / "out/here"
    assert (out / "in/a.txt").read_text() == "alpha"
    assert (out / "in/sub/ü.bin").read_bytes() == bytes(range(256)) * 10
    assert sorted(each.name for each in out.parent.iterdir()) == ["here"]


def packed(**members: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def link_in_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return out.getvalue()


def in_tar(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, target
        tar.addfile(info)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        packed(**{"../evil": "x"}),
        packed(**{"good": "x", "a/../../evil": "x"}),
        packed(**{"/etc/evil": "x"}),
        packed(**{"..\\evil": "x"}),
        packed(**{"C:\\evil": "x"}),
        link_in_zip(),
        in_tar("../evil"),
        in_tar("/etc/evil"),
        in_tar("link", tarfile.SYMTYPE, "/etc/passwd"),
        in_tar("hard", tarfile.LNKTYPE, "/etc/passwd"),
        in_tar("device", tarfile.CHRTYPE),
        in_tar("fifo", tarfile.FIFOTYPE),
    ],
    ids=itertools.count(),
)
async def test_an_archive_that_reaches_outside_is_refused_and_leaves_nothing(bench: Bench, content: bytes) -> None:
    bench.file("evil.zip", content)
    error = await bench.refused("archive.extract", path="evil.zip", to="out")
    assert error.kind is ErrorKind.DENIED
    assert [each.name for each in bench.step.workspace().iterdir()] == ["evil.zip"]
    assert [each.name for each in bench.step.workspace().parent.iterdir()] == ["workspace"]


async def test_bombs_are_stopped_by_ratio_total_and_number(make_bench: MakeBench) -> None:
    bench = make_bench(ToolLimits(archive_ratio=10, archive_bytes=3 * 2**20, archive_members=5))
    bench.file("ratio.zip", packed(zeros="0" * 2_000_000))
    bench.file("many.zip", packed(**{f"f{n}": "x" for n in range(6)}))
    bench.file("total.zip", packed(noise=os.urandom(4 * 2**20).hex()))
    for name in ("ratio.zip", "many.zip", "total.zip"):
        assert (await bench.refused("archive.extract", path=name, to="out")).kind is ErrorKind.LIMIT, name
        assert (await bench.refused("archive.verify", path=name)).kind is ErrorKind.LIMIT, name
    assert not (bench.step.workspace() / "out").exists()


async def test_a_changed_archive_does_not_verify_and_is_not_unpacked(bench: Bench) -> None:
    bench.file("a.txt", "alpha")
    await bench.call("archive.create", sources=["a.txt"], path="a.zip")
    with zipfile.ZipFile(bench.step.workspace() / "a.zip") as archive:
        manifest = archive.read("SHA256SUMS").decode()
    bench.file("changed.zip", packed(**{"a.txt": "omega", "more": "x", "SHA256SUMS": manifest}))
    verified = await bench.call("archive.verify", path="changed.zip", sha256="0" * 64)
    assert verified["ok"] is False
    problems = verified["problems"]
    assert isinstance(problems, list)
    assert "0000" in str(problems[0])
    assert problems[1:] == ["more is not in the manifest", "a.txt has been changed"]
    assert "manifest" in (await bench.refused("archive.extract", path="changed.zip", to="out")).message
    bench.file("plain.zip", packed(x="x"))
    assert (await bench.call("archive.verify", path="plain.zip"))["problems"] == [
        "there is no SHA256SUMS in the archive"
    ]


async def test_damaged_and_other_files_are_no_archives(bench: Bench) -> None:
    bench.file("text.zip", "just text")
    bench.file("cut.zip", packed(a="x" * 1000)[:-30])
    bench.file("cut.tar.gz", in_tar("a")[:-10])
    for name in ("text.zip", "cut.zip", "cut.tar.gz"):
        assert (await bench.refused("archive.extract", path=name, to="out")).kind is ErrorKind.INPUT, name


async def test_links_are_not_packed(bench: Bench) -> None:
    bench.file("in/a")
    (bench.step.workspace() / "in/link").symlink_to("/etc/passwd")
    assert (await bench.refused("archive.create", sources=["in"], path="a.zip")).kind is ErrorKind.DENIED
    assert not (bench.step.workspace() / "a.zip").exists()


async def test_nothing_is_unpacked_over_what_is_there(bench: Bench) -> None:
    bench.file("a.zip", packed(a="x"))
    bench.file("out/mine")
    assert (await bench.refused("archive.extract", path="a.zip", to="out")).kind is ErrorKind.INPUT
    assert (
        await bench.refused("archive.create", sources=["out"], path="a.zip", overwrite=False)
    ).kind is ErrorKind.INPUT
    assert (await bench.refused("archive.create", sources=["none"], path="b.zip")).kind is ErrorKind.NOT_FOUND
    assert (await bench.refused("archive.create", sources=["out"], path="b.rar")).kind is ErrorKind.INPUT


async def test_a_stopped_extraction_leaves_no_child_and_no_files(make_bench: MakeBench) -> None:
    bench = make_bench(ToolLimits(archive_seconds=0.02))
    bench.file("a.zip", packed(a="x"))
    assert (await bench.refused("archive.extract", path="a.zip", to="out")).kind is ErrorKind.TIMEOUT
    call = asyncio.ensure_future(bench.call("archive.extract", path="a.zip", to="out"))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert left_behind() == set()
    assert [each.name for each in bench.step.workspace().iterdir()] == ["a.zip"]
