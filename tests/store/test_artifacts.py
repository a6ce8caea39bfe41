"""Artifacts come back as they were put, under names that lead nowhere else."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from errands.store.artifacts import ArtifactStore


@pytest.fixture(params=["folder", "file url", "memory url"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    """The same rules hold for every kind of place."""
    place = {
        "folder": str(tmp_path / "kept"),
        "file url": f"file://{tmp_path}/kept",
        "memory url": f"memory://{tmp_path}",
    }
    return ArtifactStore(place[request.param])


async def test_what_was_put_comes_back(store: ArtifactStore) -> None:
    data = os.urandom(100_000)
    ref = await store.put(data, suffix=".json")
    assert ref.endswith(".json")
    assert await store.get(ref) == data
    assert await store.size(ref) == len(data)


async def test_a_file_comes_back_with_its_size_and_checksum(store: ArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(b"x" * 3_000_000)
    ref, size, sha256 = await store.put_file(tmp_path / "report.pdf")
    assert (size, sha256) == (3_000_000, hashlib.sha256(b"x" * 3_000_000).hexdigest())
    assert await store.get(ref) == b"x" * 3_000_000


async def test_equal_contents_have_names_of_their_own(store: ArtifactStore) -> None:
    first, second = await store.put(b"same"), await store.put(b"same")
    await store.delete([first])
    assert await store.get(second) == b"same"


async def test_what_was_deleted_is_gone_and_may_be_deleted_again(store: ArtifactStore) -> None:
    ref = await store.put(b"gone")
    await store.delete([ref])
    await store.delete([ref])
    with pytest.raises(FileNotFoundError):
        await store.get(ref)


@pytest.mark.parametrize("ref", ["../secret.key", "/etc/passwd", "abc/../../x", "", "abc/", "ABC/" + "0" * 32])
async def test_a_name_that_it_did_not_make_up_leads_nowhere(store: ArtifactStore, ref: str) -> None:
    with pytest.raises(FileNotFoundError):
        await store.get(ref)
    with pytest.raises(FileNotFoundError):
        await store.delete([ref])


async def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        await ArtifactStore(str(tmp_path)).put(b"data")
    assert [files for _, _, files in os.walk(tmp_path) if files] == []


async def test_a_place_that_cannot_be_used_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Not a directory"):
        await ArtifactStore(str(tmp_path / "file")).put(b"data")
    with pytest.raises(OSError, match="nosuchprotocol"):
        await ArtifactStore("nosuchprotocol://bucket").put(b"data")
