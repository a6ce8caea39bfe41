"""Run every check of the house and say in one line each what it checked. Exits 1 if one of them fails.

usage: check.py [NAME ...]      with names, only the checks whose name contains one of them
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PYTHON = str(BIN / "python")
LONGEST = 80
"""Lines of a failed check's output that are shown."""


@dataclass(frozen=True)
class Check:
    """One command; its last line of output is its summary, the rest is shown when it fails."""

    name: str
    command: Sequence[str]
    says: str | None = None
    """Summary of a command whose own last line says too little."""


CHECKS = (
    Check("page", (PYTHON, "scripts/page.py", "check")),
    Check("types", (str(BIN / "mypy"), "src", "bench", "examples", "scripts", "tests")),
    Check("format", (str(BIN / "ruff"), "format", "--check", "--quiet"), "every Python file is formatted"),
    Check("lint", (str(BIN / "ruff"), "check", "--quiet"), "no rule of the linter is broken"),
    Check("rooms", (str(BIN / "lint-imports"), "--no-cache")),
    Check("sizes", (PYTHON, "scripts/check_sizes.py")),
    Check("rules", (PYTHON, "scripts/check_rules.py")),
    Check("links", (PYTHON, "scripts/check_links.py")),
    Check("pages", (PYTHON, "scripts/reference_pages.py", "--check")),
    Check("site", (PYTHON, "scripts/site.py", "check")),
    Check("pages of templates", (PYTHON, "scripts/template_pages.py", "--check")),
    Check("dependencies", (str(BIN / "deptry"), "src", "--no-ansi")),
)


def main(names: Sequence[str]) -> int:
    chosen = [check for check in CHECKS if not names or any(name in check.name for name in names)]
    started = time.monotonic()
    with ThreadPoolExecutor(max_workers=2) as pool:
        passed = list(pool.map(run, chosen))
    print(f"{sum(passed)} of {len(chosen)} checks passed in {time.monotonic() - started:.0f} s")
    return 0 if all(passed) else 1


def run(check: Check) -> bool:
    """Run one check and report on it; whether it passed."""
    started = time.monotonic()
    done = subprocess.run(
        [part for part in check.command if not _absent(part)],
        cwd=ROOT,
        env=os.environ | {"NO_COLOR": "1", "PYTHONPATH": f"{ROOT}/src:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    passed = done.returncode == 0
    report(check, passed, (done.stdout + done.stderr).strip(), time.monotonic() - started)
    return passed


def report(check: Check, passed: bool, output: str, seconds: float) -> None:
    """One line for a check that passed; everything it said for one that did not."""
    if passed:
        summary = check.says or (output.splitlines() or ["passed"])[-1]
        print(f"ok    {check.name:13} {summary} ({seconds:.1f} s)", flush=True)
    else:
        lines = output.splitlines()
        cut = [f"... and {len(lines) - LONGEST} lines more"] if len(lines) > LONGEST else []
        print("\n".join([f"FAIL  {check.name:13} {' '.join(check.command)}", *lines[:LONGEST], *cut]), flush=True)


def _absent(part: str) -> bool:
    """A folder named in a command that this tree does not have (yet)."""
    return part in ("bench", "tests") and not any((ROOT / part).rglob("*.py"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
