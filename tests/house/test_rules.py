"""The checks of the house notice what they are there to notice."""

from pathlib import Path

import pytest

from scripts import check_links, check_rules, check_sizes


def write(tree: Path, name: str, text: str) -> None:
    file = tree / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def body(lines: int) -> str:
    """A function of that many lines."""
    return "def long() -> None:\n" + "    print()\n" * (lines - 1)


def test_a_file_of_500_lines_is_too_long(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "src/errands/big.py", "x = 1\n" * 500)
    assert check_sizes.main(tmp_path) == 1
    assert "src/errands/big.py:1 big.py 500 499" in capsys.readouterr().out


def test_a_function_of_60_lines_is_too_long(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "src/errands/deep.py", "x = 1\n\n\n" + body(60))
    assert check_sizes.main(tmp_path) == 1
    assert "src/errands/deep.py:4 long 60 59" in capsys.readouterr().out


def test_a_file_and_a_function_just_under_the_limits_pass(tmp_path: Path) -> None:
    write(tmp_path, "src/errands/fits.py", "x = 1\n" * 440 + body(59))
    write(tmp_path, "web/src/page.tsx", "x\n" * 499)
    assert check_sizes.main(tmp_path) == 0


def test_a_page_of_500_lines_is_too_long(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "web/src/page.tsx", "x\n" * 500)
    assert check_sizes.main(tmp_path) == 1
    assert "web/src/page.tsx:1 page.tsx 500 499" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("src/errands/tools/utils.py", "", "says nothing"),
        ("src/errands/helpers/text.py", "", "says nothing"),
        ("src/errands/core/loose.py", "from typing import Any\n\nx: Any = 1\n", "core/loose.py:3 Any in core"),
        ("src/errands/store/loose.py", "import typing\n\nx: typing.Any = 1\n", "store/loose.py:3 Any in store"),
        ("src/errands/engine/loose.py", "def f(x: list[Any]) -> None: ...\n", "engine/loose.py:1 Any in engine"),
        ("src/errands/services/loose.py", "x: dict[str, Any]\n", "services/loose.py:1 Any in services"),
        ("src/errands/core/late.py", "x = datetime.now(UTC)\n", "core reads the clock"),
        ("src/errands/core/late.py", "import os\nx = os.environ['HOME']\n", "core reads the environment"),
        ("src/errands/engine/idle.py", "await asyncio.wait_for(x, 1)\n", "may swallow a cancel"),
        ("tests/core/test_slow.py", "import time\n\ntime.sleep(0.1)\n", "test_slow.py:3 time.sleep(0.1)"),
        ("tests/core/test_slow.py", "async def test() -> None:\n    await asyncio.sleep(1)\n", "asyncio.sleep(1)"),
        ("tests/core/test_slow.py", "async def test() -> None:\n    await asyncio.sleep(delay=1)\n", "asyncio.sleep"),
    ],
)
def test_a_breach_of_the_rules_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, said: str
) -> None:
    write(tmp_path, name, text)
    assert check_rules.main(tmp_path) == 1
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("src/errands/tools/loose.py", "from typing import Any\n\nx: Any = 1\n"),
        ("src/errands/engine/clock.py", "x = datetime.now(UTC)\n"),
        ("tests/core/test_yields.py", "async def test() -> None:\n    await asyncio.sleep(0)\n"),
    ],
)
def test_what_the_rules_allow_passes(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, name, text)
    assert check_rules.main(tmp_path) == 0


def test_a_link_to_a_missing_file_or_heading_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "README.md", "# Top\n\n[gone](docs/gone.md), [no part](docs/here.md#nowhere)\n")
    write(tmp_path, "docs/here.md", "# Here we are: `run`!\n")
    assert check_links.main(tmp_path) == 1
    said = capsys.readouterr().out
    assert "README.md:3 docs/gone.md no such file" in said
    assert "README.md:3 docs/here.md#nowhere no such heading" in said


def test_links_to_headings_to_files_and_to_other_sites_pass(tmp_path: Path) -> None:
    write(
        tmp_path, "README.md", "# Top\n\n[part](docs/here.md#here-we-are-run) [up](#top) [out](https://example.com)\n"
    )
    write(tmp_path, "docs/here.md", "# Here we are: `run`!\n\n```md\n[not a link](gone.md)\n```\n")
    assert check_links.main(tmp_path) == 0
