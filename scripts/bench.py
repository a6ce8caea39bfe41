"""Run the bench scripts one after the other and judge their figures. Exits 1 if a figure misses its target.

Every script in bench/ that has a `main` prints one JSON line per figure:
`{"name", "value", "unit", "limit", "ratio", "target", "met"}`. What else it prints is passed through.

usage: bench.py [NAME ...]      with names, only the scripts whose name contains one of them
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def main(names: Sequence[str]) -> int:
    scripts = [script for script in bench_scripts() if not names or any(name in script.stem for name in names)]
    if not scripts:
        print(f"no script in {ROOT / 'bench'} is named like {' or '.join(names) or 'a bench'}")
        return 1
    failed: list[str] = []
    figures: list[dict[str, Any]] = []
    for script in scripts:
        print(f"\n== {script.relative_to(ROOT)}", flush=True)
        found, code, skipped = measure(script)
        figures += found
        if code or not (found or skipped):
            failed.append(f"{script.name}: {f'exit code {code}' if code else 'no figure'}")
    summarise(figures, failed)
    return 1 if failed or not all(figure["met"] for figure in figures) else 0


def bench_scripts() -> list[Path]:
    """Scripts that can be run; modules that they share have no `main`."""
    return [file for file in sorted((ROOT / "bench").glob("*.py")) if '__name__ == "__main__"' in file.read_text()]


def measure(script: Path) -> tuple[list[dict[str, Any]], int, bool]:
    """Run one script, echo it, and collect its figures; and whether it says that it is skipped here."""
    figures: list[dict[str, Any]] = []
    skipped = False
    with subprocess.Popen([sys.executable, str(script)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            skipped = skipped or line.startswith("skipped: ")
            if line.startswith('{"name"'):
                figures.append(json.loads(line))
    return figures, process.returncode, skipped


def summarise(figures: Sequence[dict[str, Any]], failed: Sequence[str]) -> None:
    """One line per figure, misses marked."""
    print("\n== figures")
    for figure in figures:
        mark = "met " if figure["met"] else "MISS"
        print(f"{mark}  {figure['name']}: {figure['value']} {figure['unit']}, target {figure['target']}")
    for failure in failed:
        print(f"FAIL  {failure}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
