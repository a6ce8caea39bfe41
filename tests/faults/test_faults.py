"""The fault scripts as tests: short forms, or full ones where ERRANDS_FAULTS is `full`."""

import json
import os
import subprocess
import sys

import pytest

from tests.faults.scene import ROOT

FULL = os.environ.get("ERRANDS_FAULTS") == "full"


SCRIPTS = ["kill_workers", "freeze_worker", "database_gone", "two_workers", "scheduler_day", "fleet"]
# A change must not fail for what other requests would have found before it: these are tried by `make faults` alone,
# and in `make test` by the same requests each time (tests/faces/api/test_document.py).
SCRIPTS += ["strange_requests"] if FULL else []


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_promises_are_kept_when(script: str) -> None:
    command = [sys.executable, "-m", f"tests.faults.{script}", *([] if FULL else ["--short"])]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    summary = ended.stdout.strip().splitlines()[-1] if ended.stdout.strip() else ended.stderr[-2000:]
    print(summary)
    assert ended.returncode == 0, f"{summary}\n{ended.stderr[-2000:]}"
    assert json.loads(summary)["kept"] is True
