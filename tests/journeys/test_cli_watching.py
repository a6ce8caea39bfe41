"""A project's runs watched from the terminal, and the last question answered."""

import json
import signal

from tests.journeys.conftest import RunningServer
from tests.journeys.errands_command import Errands

_ASK = """
task: ask
description: Asks.
steps: [{id: ok, approve: {question: "Go on, {{ run['id'] }}?", choices: [go, stop]}}]
"""


def test_runs_are_watched_as_they_start_wait_and_end(errands: Errands) -> None:
    errands.write("ask.yaml", _ASK)
    errands("apply", "ask.yaml")
    before = errands("run", "ask", "--json").document["id"]
    with errands.started("runs", "--follow", "--task", "ask", "--limit", "1") as watching:
        assert "waiting" in watching.line_with(before)
        run = errands("run", "ask", "--json").document["id"]
        watching.line_with(f"waiting  {run}  ask v1  on demand by user:")
        assert errands("approve", "last", "--choose", "go", "--follow").code == 0
        watching.line_with(f"succeeded  {run}")
        watching.signal(signal.SIGINT)
        assert watching.code() == 130
    assert errands("show", before, "--json").document["status"] == "waiting"


def test_a_program_is_told_each_change_as_a_line_of_json(server: RunningServer, errands: Errands) -> None:
    errands.write("ask.yaml", _ASK)
    errands("apply", "ask.yaml")
    with errands.started("runs", "--follow", "--json", "--status", "waiting") as watching:
        run = errands("run", "ask", "--json").document["id"]
        told = json.loads(watching.line_with(run))
    assert (told["id"], told["status"]) == (run, "waiting")


def test_what_does_not_go_together_is_refused(errands: Errands) -> None:
    refused = errands("runs", "--follow", "--since", "2h")
    assert refused.code == 2
    assert "Leave out --since" in refused.err
    assert "Nothing waits for you" in errands("approve", "last", "--choose", "go").err
