"""Every command line that the docs, examples and scripts show is one that the CLI and the Makefile know."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from typer.core import TyperGroup, TyperOption
from typer.main import get_command

from errands.cli.app import make_app
from errands.cli.wiring import Wiring

ROOT = Path(__file__).resolve().parents[2]
SHOWN_IN = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.yaml"), ROOT / "scripts/demo"]
)
PROMPT = re.compile(r"^\$ (.+?)(?:\s+#.*)?$", re.MULTILINE)
INLINE = re.compile(r"`((?:errands|make) [^`\n]+)`")
BARE = re.compile(r"^[ \t]*(?:# *)?(?:[A-Z][^.\n]*: )?(?:\.venv/bin/)?(errands [a-z].*?)(?:  .*)?$", re.MULTILINE)
TARGET = re.compile(r"^([a-z]+):.*## ", re.MULTILINE)


def shown() -> Iterator[str]:
    """`file: command` for every command line."""
    for file in SHOWN_IN:
        text = file.read_text()
        pattern = PROMPT if file.suffix == ".md" else BARE
        lines = [*pattern.findall(text), *INLINE.findall(text)]
        yield from (f"{file.relative_to(ROOT)}: {line}" for line in dict.fromkeys(lines))


def mistakes(line: str) -> list[str]:
    """What is wrong with a command line, or a list of them joined by `&&`; of one that goes on, the first line."""
    found = []
    for words in (shlex.split(part.removesuffix("\\")) for part in line.split("&&")):
        if words[0] == "errands":
            found += unknown_to_errands(words[1:])
        if words[0] == "make":
            targets = TARGET.findall((ROOT / "Makefile").read_text())
            found += [f"no target {word}" for word in words[1:2] if word not in targets]
    return found


def unknown_to_errands(words: list[str]) -> list[str]:
    command = get_command(make_app(cast(Wiring, None)))
    while isinstance(command, TyperGroup) and words and not words[0].startswith("-"):
        name = words.pop(0)
        if name == "COMMAND":
            return []
        if name not in command.commands:
            return [f"no command {name}"]
        command = command.commands[name]
    known = {name for option in command.params if isinstance(option, TyperOption) for name in option.opts}
    known |= {name for option in command.params if isinstance(option, TyperOption) for name in option.secondary_opts}
    given = [word.partition("=")[0] for word in words if re.fullmatch(r"--?[a-zA-Z].*", word)]
    return [f"no option {name}" for name in given if name not in known | {"--help", "--debug"}]


@pytest.mark.parametrize("line", list(shown()))
def test_every_command_line_shown_exists(line: str) -> None:
    assert mistakes(line.split(": ", 1)[1]) == []


def test_unknown_commands_options_and_targets_are_noticed() -> None:
    assert mistakes("errands fly away") == ["no command fly"]
    assert mistakes("errands secrets fly") == ["no command fly"]
    assert mistakes("errands run task.yaml --fast -p a=1") == ["no option --fast"]
    assert mistakes("cd here && make coffee") == ["no target coffee"]
    assert mistakes("errands --help") == []
