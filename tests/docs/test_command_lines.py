"""Every command that the docs, examples and scripts show is one that the CLI, the Makefile or the shell knows.

What stands in a block is parsed by the real command line, arguments and values included, and not executed. What stands
in a sentence may be a part of a command: its names and options are looked up.
"""

import re
import shlex
import shutil
import subprocess
from collections.abc import Collection, Iterator
from typing import cast

import pytest
from typer._click.exceptions import UsageError
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from errands.cli.app import make_app
from errands.cli.wiring import Wiring
from tests.docs.blocks import DOCUMENTS, ROOT, Block, blocks
from tests.docs.shell import commands, functions, typed

APP = get_command(make_app(cast(Wiring, None)))  # parsed, never called
TARGETS = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
OTHERS = {
    *("cat", "cd", "cp", "echo", "export", "mkdir", "printf", "rm", "sleep", "test", "["),
    *(
        "createdb",
        "createuser",
        "curl",
        "docker",
        "git",
        "grep",
        "journalctl",
        "openssl",
        "pip",
        "pytest",
        "python",
        "python3",
        "sed",
        "sort",
    ),
    *("systemctl", "tail", "tar", "useradd", "wmill"),
}
"""Programs of others that the docs use."""
SHELL = blocks("sh", "console")
INLINE = re.compile(r"`((?:errands|make) [^`\n]+)`")
BARE = re.compile(r"^[ \t]*(?:# *)?(?:[A-Z][^.\n]*: )?(?:\.venv/bin/)?(errands [a-z].*?)(?:  .*)?$", re.MULTILINE)
IN_FILES = sorted([*(ROOT / "examples").rglob("*.yaml"), ROOT / "scripts/demo"])


def script_of(block: Block) -> str:
    return typed(block.text) if block.language == "console" else block.text


def mistakes(script: str, own: Collection[str] = ()) -> list[str]:
    """What is wrong with the commands of a script; `own` are functions that stand elsewhere on the page."""
    return [found for words in commands(script) for found in _mistakes_of(words, {*own, *functions(script)})]


def _mistakes_of(words: list[str], own: Collection[str]) -> Iterator[str]:
    program, arguments = words[0].rpartition("/")[2], words[1:]
    if program == "errands":
        yield from refused(arguments)
    elif program == "make":
        yield from (f"no target {word}" for word in arguments[:1] if word not in TARGETS)
    elif program not in OTHERS and program not in own:
        yield f"no program {program}"


def refused(arguments: list[str]) -> list[str]:
    """Why the command line would not take these; nothing is done."""
    command, rest = _down_to(list(arguments))
    if isinstance(command, str):
        return [command]
    if isinstance(command, TyperGroup) and not command.invoke_without_command and "--help" not in rest:
        return ["a command is missing"]
    if "--help" in rest:
        return []
    try:
        command.make_context("errands", rest).close()
    except UsageError as error:
        said = error.format_message()
        return [] if said.endswith("does not exist.") else [said]  # the files of an example are not here
    return []


def _down_to(words: list[str]) -> tuple[TyperGroup | TyperCommand | str, list[str]]:
    """The command that the words name, and the rest of them; or what is wrong with the name."""
    command = APP
    while isinstance(command, TyperGroup):
        own, words = _options_of(command, words)
        if not words or words[0].startswith("-"):
            return command, [*own, *words]
        if words[0] not in command.commands:
            return f"no command {words[0]}", words
        command = command.commands[words.pop(0)]
    assert isinstance(command, TyperCommand)
    return command, words


def _options_of(group: TyperGroup, words: list[str]) -> tuple[list[str], list[str]]:
    """The options of the group itself, which stand before the command's name."""
    flags = {
        name: bool(option.is_flag) for option in group.params if isinstance(option, TyperOption) for name in option.opts
    }
    own: list[str] = []
    while words and words[0].partition("=")[0] in flags:
        own.append(words[0])
        valued = not flags[words[0].partition("=")[0]] and "=" not in words[0]
        own += words[1:2] if valued else []
        words = words[2:] if valued else words[1:]
    return own, words


def unknown(line: str) -> list[str]:
    """Names and options of a part of a command that there are not."""
    words = shlex.split(line.removesuffix("\\"))
    if words[0] == "make":
        return [f"no target {word}" for word in words[1:2] if word not in TARGETS]
    if words[1:2] == ["COMMAND"]:
        return []
    command, rest = _down_to(words[1:])
    if isinstance(command, str):
        return [command]
    options = [option for option in command.params if isinstance(option, TyperOption)]
    known = {name for option in options for name in (*option.opts, *option.secondary_opts)} | {"--help", "--debug"}
    given = [word.partition("=")[0] for word in rest if re.fullmatch(r"--?[a-zA-Z].*", word)]
    return [f"no option {name}" for name in given if name not in known]


def inline() -> Iterator[str]:
    """`file: command` for every command in a sentence, a comment or a script."""
    for file in DOCUMENTS:
        yield from (f"{file.relative_to(ROOT)}: {line}" for line in dict.fromkeys(INLINE.findall(file.read_text())))
    for file in IN_FILES:
        yield from (f"{file.relative_to(ROOT)}: {line}" for line in dict.fromkeys(BARE.findall(file.read_text())))


def test_the_docs_show_commands() -> None:
    assert len(SHELL) >= 50
    assert sum(len(list(commands(script_of(block)))) for block in SHELL) >= 150


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_every_command_in_a_block_would_be_taken(block: Block) -> None:
    own = functions("".join(one.text for one in SHELL if one.file == block.file))
    assert mistakes(script_of(block), own) == []


@pytest.mark.parametrize("block", [block for block in SHELL if block.language == "console"], ids=str)
def test_every_record_of_a_console_shows_what_was_typed(block: Block) -> None:
    assert typed(block.text)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_can_read_every_script() -> None:
    for block in SHELL:
        read = subprocess.run(["bash", "-n"], input=script_of(block), text=True, capture_output=True, check=False)
        assert read.stderr == "", f"{block}: {read.stderr}"


@pytest.mark.parametrize("line", list(inline()))
def test_every_command_in_a_sentence_exists(line: str) -> None:
    assert unknown(line.split(": ", 1)[1]) == []


def test_unknown_commands_options_values_and_targets_are_noticed() -> None:
    assert mistakes("errands fly away") == ["no command fly"]
    assert mistakes("errands secrets fly") == ["no command fly"]
    assert mistakes("cd here && make coffee") == ["no target coffee"]
    assert mistakes("brew coffee | sort") == ["no program brew"]
    assert "No such option" in mistakes("errands run task.yaml --fast -p a=1")[0]
    assert "Missing argument" in mistakes("errands publish")[0]
    assert "limit" in mistakes('echo "$(errands runs --limit many)"')[0]
    assert mistakes("errands --server local runs --limit 3 > runs.txt") == []
    assert mistakes("errands --help") == []
    assert unknown("errands run task.yaml --fast") == ["no option --fast"]
    assert unknown("make coffee") == ["no target coffee"]
