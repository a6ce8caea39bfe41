"""Blocks that are neither YAML nor shell: settings, units of systemd, JSON, Python. What no test checks is `text`.

A package of tools (TOML, and Python that imports `errands.extending`) is built and used by
tests/journeys/test_tools_of_packages.py.
"""

import ast
import inspect
import json
from configparser import ConfigParser
from pathlib import Path

import pytest

import errands
from errands.settings import Settings
from tests.docs.blocks import Block, blocks
from tests.docs.test_command_lines import refused

CHECKED = {"yaml", "sh", "console", "env", "ini", "json", "python", "toml"}
UNCHECKED = {"text"}
SYSTEMD = {
    "Unit": {"Description", "Wants", "After", "Requires"},
    "Service": {
        *(
            "User",
            "Group",
            "Environment",
            "EnvironmentFile",
            "ExecStart",
            "Restart",
            "RestartSec",
            "TimeoutStopSec",
            "KillMode",
        ),
        *("NoNewPrivileges", "ProtectSystem", "ProtectHome", "ReadWritePaths", "PrivateTmp"),
    },
    "Install": {"WantedBy"},
}


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_every_block_says_how_it_is_checked_or_that_it_is_not(block: Block) -> None:
    assert block.language in CHECKED | UNCHECKED, f"{block}: write ```text for what no test can check"


@pytest.mark.parametrize("block", blocks("env"), ids=str)
def test_every_setting_shown_exists_and_takes_its_value(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {doc.variable for doc in Settings.describe()}
    for line in block.text.splitlines():
        name, _, value = line.partition("=")
        assert name in known
        monkeypatch.setenv(name, value)
    Settings.load(home=tmp_path)


@pytest.mark.parametrize("block", blocks("ini"), ids=str)
def test_every_unit_of_systemd_has_known_keys_and_starts_a_command_that_exists(block: Block) -> None:
    unit = ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # as the library documents it
    unit.read_string(block.text)
    for section in unit.sections():
        assert set(unit[section]) <= SYSTEMD[section]
    program, *arguments = unit["Service"]["ExecStart"].split()
    assert program.endswith("/errands")
    assert refused(arguments) == []


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_every_document_of_json_can_be_read(block: Block) -> None:
    assert json.loads(block.text)


@pytest.mark.parametrize("block", [one for one in blocks("python") if "errands.extending" not in one.text], ids=str)
def test_every_program_calls_the_client_as_it_is(block: Block) -> None:
    tree = ast.parse(block.text)
    calls = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "errands":
            assert all(hasattr(errands, alias.name) for alias in node.names)
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="errands"), attr=name), args=args, keywords=keywords):
                signature = inspect.signature(getattr(errands.Client, name))
                signature.bind(None, *args, **{str(keyword.arg): keyword.value for keyword in keywords})
                calls += 1
    assert calls
