"""What is committed works on any machine: it names no package registry and no folder of one machine."""

import hashlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Digests, so that this file does not hold the words itself: hosts of package registries, and folders that are
# particular to the machines on which this project is written.
FORBIDDEN = frozenset(
    (
        "1670c18719f68d25",
        "1fd23ed42d74486a",
        "2c49e7bbc003a6ed",
        "310f2735a9630706",
        "3363b5e220b93d9a",
        "350b08efe3940612",
        "43eafe2297f753f3",
        "4c036ec94d3f86e9",
        "59a8a9673283b431",
        "5a61bea01fbb7993",
        "60715a00392bac5a",
        "8247bfd45f477772",
        "8d06a8200077e8ce",
        "d289010ab0114836",
        "fc1fed517882cb55",
    )
)
WORD = re.compile(r"[\w-]+(?:\.[\w-]+)+|(?<![\w.:~}/-])/[\w.-]+/[\w.-]+")
PERSONAL_PATH = re.compile(r"(?<![\w.:~}/-])/(?:home|Users|root)/[\w.-]+")


def digest(word: str) -> str:
    return hashlib.blake2b(word.lower().encode(), digest_size=8).hexdigest()


def tracked_files() -> Iterator[tuple[str, str]]:
    """Name and text of every text file that git knows."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            content = (ROOT / name).read_bytes()
            if b"\0" not in content:
                yield name, content.decode()


def words(text: str) -> set[str]:
    """Hosts (each with the domains above it) and absolute paths in a text."""
    found = set(WORD.findall(text))
    domains = {host.split(".", cut)[cut] for host in found if "/" not in host for cut in range(host.count("."))}
    return found | domains


def test_requirement_files_hold_names_and_hashes_only() -> None:
    line = re.compile(
        r"[a-z0-9][a-z0-9.-]*(\[[a-z0-9,-]+\])?==[^ ]+( ; [^\\/]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?"
    )
    files = sorted((ROOT / "requirements").glob("*.txt"))
    assert [file.name for file in files] == ["all.txt", "base.txt", "dev.txt", "docs.txt", "uv.txt", "wheel.txt"]
    for file in files:
        odd = [text for text in file.read_text().splitlines() if not line.fullmatch(text)]
        assert not odd, f"{file.name}: {odd[:3]}"


def test_no_tracked_file_names_a_registry_or_a_folder_of_one_machine() -> None:
    found = {(name, word) for name, text in tracked_files() for word in words(text) if digest(word) in FORBIDDEN}
    assert not found


def test_no_tracked_file_holds_the_path_of_this_checkout_or_of_somebody_s_home() -> None:
    found = {
        (name, path)
        for name, text in tracked_files()
        for path in (str(ROOT), *PERSONAL_PATH.findall(text))
        if path in text
    }
    assert not found


def test_no_lock_file_with_addresses_is_tracked() -> None:
    assert "uv.lock" not in dict(tracked_files())


def test_a_host_is_found_under_any_of_its_names() -> None:
    assert {"files.index.example", "index.example"} <= words("see https://files.index.example/simple/")
    assert "/srv/build" in words("cd /srv/build/main && make")
