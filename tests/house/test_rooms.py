"""The import contracts hold, and each of them breaks when a room reaches where it must not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FORBIDDEN = (
    ("core", "errands.store"),
    ("core", "errands.engine"),
    ("core", "errands.tools"),
    ("core", "errands.agents"),
    ("core", "errands.services"),
    ("core", "errands.cli"),
    ("core", "sqlalchemy"),
    ("core", "httpx"),
    ("core", "subprocess"),
    ("store", "errands.engine"),
    ("store", "errands.services"),
    ("engine", "errands.agents"),
    ("engine", "errands.tools"),
    ("engine", "errands.services"),
    ("engine", "errands.cli"),
    ("engine", "pydantic_ai"),
    ("agents", "errands.store"),
    ("agents", "errands.engine"),
    ("agents", "errands.tools"),
    ("tools", "errands.store"),
    ("tools", "errands.engine"),
    ("tools", "errands.services"),
    ("services", "errands.tools"),
    ("services", "errands.agents"),
    ("services", "errands.cli"),
    ("services", "typer"),
    ("services", "fastapi"),
    ("chat", "errands.store"),
    ("chat", "errands.engine"),
    ("chat", "errands.tools"),
    ("chat", "errands.api"),
    ("chat", "fastapi"),
    ("api", "errands.chat"),
    ("cli", "errands.store"),
    ("cli", "errands.engine"),
    ("cli", "errands.tools"),
)


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree / "src"), "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_rooms_import_only_what_the_table_allows(tree: Path) -> None:
    done = lint_imports(tree)
    assert done.returncode == 0, done.stdout


def test_every_import_that_the_table_forbids_is_reported(tree: Path) -> None:
    for number, (room, target) in enumerate(FORBIDDEN):
        (tree / "src/errands" / room / f"breach{number}.py").write_text(f"import {target}\n")

    done = lint_imports(tree)

    assert done.returncode == 1
    missed = [
        f"{room} -> {target}"
        for number, (room, target) in enumerate(FORBIDDEN)
        if f"errands.{room}.breach{number} -> {target}" not in done.stdout
    ]
    assert not missed, done.stdout


def test_no_room_imports_bootstrap(tree: Path) -> None:
    (tree / "src/errands/bootstrap.py").write_text("")
    (tree / "src/errands/services/breach.py").write_text("import errands.bootstrap\n")
    done = lint_imports(tree)
    assert done.returncode == 1
    assert "errands.services.breach -> errands.bootstrap" in done.stdout


def test_a_new_room_must_find_its_place_in_the_table(tree: Path) -> None:
    (tree / "src/errands/attic").mkdir()
    (tree / "src/errands/attic/__init__.py").write_text("")
    done = lint_imports(tree)
    assert done.returncode == 1
    assert "attic" in done.stdout
