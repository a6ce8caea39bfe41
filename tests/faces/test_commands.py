"""Commands from the shell's side: exit codes, what goes to stdout and what to stderr, JSON and nothing else."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from errands.cli.app import make_app
from errands.core.outcomes import RunStatus
from errands.core.params import ArgumentProblem, ArgumentsInvalid
from errands.core.problems import Problem
from errands.services.errors import FilesInvalid, NotFound, Unavailable
from errands.services.views import Applied, LogLine, RunChanged, RunEnded, RunSnapshot, RunStarted, SourceFile
from tests.faces.made_up import APPROVAL_ID, NOW, REPORT, RUN_ID, approval_wait, failed, run, step
from tests.faces.stage import Stage

ANSI = re.compile(r"\x1b")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = Stage(log=tmp_path / "errands.log")
    made.runs.script = (RunSnapshot(run(RunStatus.RUNNING)), RunEnded(run(RunStatus.SUCCEEDED, [step("orders")])))
    return made


def errands(stage: Stage, *arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(
        make_app(stage.wiring()), list(arguments), input=typed, env={"COLUMNS": "120", "ERRANDS_URL": "local"}
    )


def said(result: Result) -> str:
    """What went to stderr."""
    assert "Traceback" not in result.stderr
    return result.stderr


def test_a_run_shows_its_steps_and_output_and_ends_with_its_outcome(stage: Stage) -> None:
    result = errands(stage, "run", "report", "-p", "region=emea", "-p", "limit=5")
    assert result.exit_code == 0
    assert '{"sent": true}' in result.stdout
    assert stage.runs.given["arguments"] == {"region": "emea", "limit": 5}
    assert stage.opened_with == [True], "the process itself works on the run"
    assert not ANSI.search(result.stdout + result.stderr)


@pytest.mark.parametrize(
    ("status", "code"),
    [(RunStatus.FAILED, 1), (RunStatus.CANCELLED, 3), (RunStatus.TIMED_OUT, 4)],
)
def test_a_run_that_did_not_succeed_says_so_in_the_exit_code(stage: Stage, status: RunStatus, code: int) -> None:
    error = failed("orders", "connection [refused]", "Is the database up?").error
    stage.runs.script = (RunSnapshot(run(RunStatus.RUNNING)), RunEnded(run(status, error=error)))
    result = errands(stage, "run", "report")
    assert result.exit_code == code
    assert "connection [refused] in orders" in result.stdout
    assert "Is the database up?" in result.stdout


def test_a_run_that_waits_and_is_not_followed_ends_with_5_and_says_how_it_goes_on(stage: Stage) -> None:
    stage.runs.script = (RunSnapshot(run(RunStatus.RUNNING)), RunChanged(RunStatus.WAITING, (approval_wait(),)))
    result = errands(stage, "run", "report")
    assert result.exit_code == 5
    assert f"errands approve {APPROVAL_ID}" in result.stdout


def test_a_skipped_run_ends_with_6_and_its_reason(stage: Stage) -> None:
    stage.runs.started = RunStarted(RUN_ID, RunStatus.SKIPPED, "the task is paused: audit", existing=False)
    result = errands(stage, "run", "report")
    assert (result.exit_code, result.stdout) == (6, "Skipped: the task is paused: audit\n")


def test_without_waiting_the_run_is_only_queued_and_no_worker_starts(stage: Stage) -> None:
    result = errands(stage, "run", "report", "--no-wait", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["id"] == RUN_ID
    assert stage.opened_with == [False]


def test_a_repeated_idempotency_key_says_that_no_new_run_was_made(stage: Stage) -> None:
    stage.runs.started = RunStarted(RUN_ID, RunStatus.RUNNING, None, existing=True)
    result = errands(stage, "run", "report", "--idempotency-key", "k")
    assert result.exit_code == 0
    assert "no new run was made" in said(result)
    assert stage.runs.given["idempotency_key"] == "k"


def test_a_file_is_applied_and_that_version_is_run(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "report.yaml"
    file.write_text(REPORT)
    stage.tasks.applied = [Applied(str(file), "task", "report", "created", 8, False, "")]
    result = errands(stage, "run", str(file))
    assert result.exit_code == 0, result.output
    assert (stage.runs.given["task"], stage.runs.given["version"]) == ("report", 8)
    assert stage.tasks.published == [8], "the first version of a task is published"


def test_wrong_arguments_are_refused_before_the_file_is_stored(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "report.yaml"
    file.write_text("task: report\ndescription: Sums up.\nparams: {limit: {type: integer}}\nsteps: [{wait: 1m}]\n")
    result = errands(stage, "run", str(file), "-p", "wrong=1")
    assert result.exit_code == 2
    assert "wrong: " in said(result)
    assert "limit: " in said(result)
    assert stage.tasks.files == ()


def test_a_file_with_problems_shows_them_in_place_and_runs_nothing(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "report.yaml"
    file.write_text(REPORT)
    problem = Problem(
        7, 11, "steps[0].tool", "there is no tool `sql.qery`", "did you mean `sql.query`?", "unknown-tool"
    )
    stage.tasks.refusal = FilesInvalid({str(file): [problem]})
    result = errands(stage, "run", str(file))
    assert result.exit_code == 2
    assert f"{file}:7:11: error: there is no tool `sql.qery`" in said(result)
    assert "did you mean `sql.query`?" in said(result)
    assert stage.runs.given == {}


def test_wrong_arguments_are_listed_with_their_paths(stage: Stage) -> None:
    stage.runs.refusal = ArgumentsInvalid([ArgumentProblem("limit", "`limit` is 0, at least 1 is needed", "Give 1.")])
    result = errands(stage, "run", "report", "-p", "limit=0")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "limit: `limit` is 0, at least 1 is needed" in said(result)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "report", "-p", "region"), "'region' is not name=value"),
        (("run", "report", "--stub", "a=1"), "--stub answers only in a rehearsal"),
        (("run", "missing.yaml"), "Cannot read missing.yaml: no such file or directory"),
        (("run", "nowhere"), "There is no task 'nowhere'."),
        (("run", "report", "--args", "missing.json"), "Cannot read missing.json"),
        (("runs", "--since", "yesterday"), "'yesterday' is no moment"),
        (("runs", "--status", "nope"), "Invalid value for '--status': 'nope' is not one of 'queued'"),
        (("show", "run_nope"), "There is no run 'run_nope'."),
        (("rerun", RUN_ID, "--version", "newest", "--yes"), "'newest' is no version"),
        (("rerun", RUN_ID), "A rerun asks before it begins"),
        (("rerun", RUN_ID, "--from", "mail", "--failed"), "--from and --failed exclude each other"),
        (("approve", APPROVAL_ID), "needs a choice, and nobody is here to ask"),
        (("approve", APPROVAL_ID, "--choose", "send", "--form", "tone=warm"), "has no field 'tone'"),
        (("approve", "--choose", "send"), "Which approval is answered?"),
        (("event", "send", "paid", "--payload", "{"), "the payload is not JSON"),
        (("validate", "missing"), "Cannot read missing"),
        (("apply",), "Which files?"),
        (("nonsense",), "No such command"),
        (("run",), "Missing argument"),
        (("runs", "--status", "sleeping"), "'sleeping'"),
    ],
)
def test_wrong_input_ends_with_2_says_what_was_wrong_and_prints_no_result(
    stage: Stage, arguments: Sequence[str], says: str
) -> None:
    result = errands(stage, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in said(result)


def test_cancelling_names_who_and_why_and_refuses_a_run_that_has_ended(stage: Stage) -> None:
    stage.runs.view = run(RunStatus.RUNNING)
    result = errands(stage, "cancel", RUN_ID, "--reason", "wrong region", "--json")
    assert (result.exit_code, json.loads(result.stdout)["cancelled"]) == (0, True)
    assert stage.runs.given["reason"] == "wrong region"
    assert stage.runs.given["by"].startswith("user:")
    stage.runs.view = run(RunStatus.SUCCEEDED)
    result = errands(stage, "cancel", "last")
    assert result.exit_code == 2
    assert "had ended before: succeeded" in said(result)


def test_a_suggestion_comes_with_what_was_not_found(stage: Stage) -> None:
    stage.runs.refusal = NotFound("task", "reprot", ["report"])
    assert "Did you mean report?" in said(errands(stage, "run", "report"))


def test_an_operators_problem_ends_with_1(stage: Stage) -> None:
    stage.runs.refusal = Unavailable("The database is away.", "Start it.")
    result = errands(stage, "run", "report")
    assert result.exit_code == 1
    assert said(result).splitlines() == ["The database is away.", "Start it."]


def test_an_unexpected_error_is_one_line_and_its_traceback_is_in_the_log(stage: Stage) -> None:
    stage.runs.refusal = KeyError("spam")
    result = errands(stage, "run", "report")
    assert result.exit_code == 1
    assert "Unexpected error: KeyError: 'spam'" in said(result)
    assert str(stage.log) in said(result)
    assert "Traceback" in stage.log.read_text()


def test_debug_shows_the_traceback(stage: Stage) -> None:
    stage.runs.refusal = KeyError("spam")
    assert "Traceback" in errands(stage, "--debug", "run", "report").stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "report", "--json"),
        ("runs", "--json"),
        ("show", RUN_ID, "--json"),
        ("show", RUN_ID, "--step", "orders", "--json"),
        ("logs", RUN_ID, "--json"),
        ("approve", "--json"),
        ("approve", APPROVAL_ID, "--choose", "send", "--json"),
        ("rerun", RUN_ID, "--yes", "--no-wait", "--json"),
        ("publish", "report", "3", "--json"),
        ("version", "--json"),
        ("models", "pull", "--json"),
    ],
)
def test_json_is_one_document_and_nothing_else(stage: Stage, arguments: Sequence[str]) -> None:
    stage.runs.view = run(RunStatus.SUCCEEDED, [step("orders", output="\x1b[31m\x9b ü")])
    stage.runs.lines = [LogLine(1, NOW, "orders", "info", "\x1b[2J")]
    result = errands(stage, *arguments)
    assert result.exit_code == 0, result.output
    json.loads(result.stdout)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", result.stdout)


def test_a_followed_run_as_json_is_one_event_a_line(stage: Stage) -> None:
    result = errands(stage, "run", "report", "--follow", "--json")
    assert [json.loads(line)["kind"] for line in result.stdout.splitlines()] == ["snapshot", "ended"]


def test_validate_needs_no_services_and_ends_with_1_on_an_error(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "report.yaml"
    file.write_text(REPORT)
    stage.problems = [Problem(2, 1, "task", "no such thing", severity="warning")]
    assert errands(stage, "validate", str(file)).exit_code == 0
    stage.problems = [Problem(2, 1, "task", "no such thing")]
    result = errands(stage, "validate", str(tmp_path))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == f"{file}:2:1: error: no such thing [invalid]"
    assert result.stdout.splitlines()[1] == "    2 | task: report"
    assert stage.opened_with == []


def test_the_schema_of_each_kind_is_a_json_schema(stage: Stage) -> None:
    for kind in ("task", "agent", "model"):
        schema = json.loads(errands(stage, "schema", "--kind", kind).stdout)
        assert schema["$schema"].startswith("https://json-schema.org/")


def test_show_tells_inputs_outputs_errors_and_what_others_wrote_stays_harmless(stage: Stage) -> None:
    hostile = "[red]x[/red] \x1b[2J"
    stage.runs.view = run(
        RunStatus.FAILED,
        [step("orders", input={"sql": hostile}, output=hostile), failed("totals", hostile, hostile)],
        arguments={"region": hostile},
        error=failed("totals", hostile).error,
    )
    result = errands(stage, "show", RUN_ID)
    assert result.exit_code == 0
    assert not ANSI.search(result.stdout)
    assert "output   [red]x[/red] ␛[2J" in result.stdout
    assert "network: totals: [red]x[/red] ␛[2J" in result.stdout


def test_show_of_a_step_gives_its_values_in_full(stage: Stage) -> None:
    stage.runs.view = run(RunStatus.SUCCEEDED, [step("orders", output="\n".join(f"line {n}" for n in range(100)))])
    assert "line 99" not in errands(stage, "show", RUN_ID).stdout
    assert "line 99" in errands(stage, "show", RUN_ID, "--step", "orders").stdout


def test_a_step_that_is_not_there_is_answered_with_those_that_are(stage: Stage) -> None:
    stage.runs.view = run(RunStatus.SUCCEEDED, [step("orders"), step("totals")])
    result = errands(stage, "show", RUN_ID, "--step", "order")
    assert result.exit_code == 2
    assert "Its steps: orders, totals" in said(result)


def test_the_newest_run_is_last(stage: Stage) -> None:
    assert RUN_ID in errands(stage, "show", "last").stdout
    assert RUN_ID in errands(stage, "show").stdout


def test_a_rerun_tells_what_it_keeps_and_what_it_repeats(stage: Stage) -> None:
    result = errands(stage, "rerun", RUN_ID, "--from", "mail", "--version", "latest", "--yes")
    assert result.exit_code == 0
    assert "Kept, not done again: 2 steps (orders, totals)" in said(result)
    assert "Repeated outside, with new effect keys: 1 step (mail)" in said(result)
    assert (stage.runs.given["from_step"], stage.runs.given["version"]) == ("mail", 7)


def test_a_rerun_of_what_failed_names_no_step(stage: Stage) -> None:
    result = errands(stage, "rerun", RUN_ID, "--failed", "--yes")
    assert result.exit_code == 0
    assert stage.runs.given["from_step"] == "@failed"
    assert f"Rerun of {RUN_ID} of what failed with version" in said(result)


def test_a_rerun_takes_other_arguments_and_outputs(stage: Stage) -> None:
    given = ("-p", "region=apac", "--output", 'orders={"rows": []}')
    result = errands(stage, "rerun", RUN_ID, "--from", "mail", "--yes", *given)
    assert result.exit_code == 0
    assert stage.runs.given["arguments"] == {"region": "apac"}
    assert stage.runs.given["outputs"] == {"orders": {"rows": []}}
    refused = errands(stage, "rerun", RUN_ID, "--from", "mail", "--yes", "--output", "orders=[")
    assert refused.exit_code == 2
    assert "the output of 'orders'" in said(refused)


def test_an_answer_takes_the_forms_defaults_and_what_is_given_over_them(stage: Stage) -> None:
    result = errands(stage, "approve", APPROVAL_ID, "--choose", "send", "--as", "ana", "--note", "fine")
    assert result.exit_code == 0
    answer = {"person": "user:ana", "choice": "send", "form": {"text": "Dear all"}, "note": "fine"}
    assert stage.approvals.answers == [answer]
    errands(stage, "approve", APPROVAL_ID, "--choose", "send", "--form", "text=Hi=all", "--as", "role:owner")
    assert stage.approvals.answers[1]["form"] == {"text": "Hi=all"}
    assert stage.approvals.answers[1]["person"] == "role:owner"


def test_apply_shows_a_diff_for_each_file(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "report.yaml").write_text(REPORT)
    diff = "--- version 7\n+++ report.yaml\n@@ -1 +1 @@\n-title: [old]\n+title: new\n"
    stage.tasks.applied = [Applied("report.yaml", "task", "report", "changed", 8, True, diff)]
    result = errands(stage, "apply", "-f", str(tmp_path))
    assert result.exit_code == 0
    assert "report: task changed, version 8 published" in result.stdout
    assert "-title: [old]\n+title: new\n" in result.stdout
    assert [Path(file.name).name for file in stage.tasks.files] == ["report.yaml"]


def test_export_writes_files_and_never_over_others_or_outside_the_folder(stage: Stage, tmp_path: Path) -> None:
    stage.tasks.files = [SourceFile("tasks/report.yaml", REPORT)]
    assert errands(stage, "export", str(tmp_path)).exit_code == 0
    assert (tmp_path / "tasks/report.yaml").read_text() == REPORT
    (tmp_path / "tasks/report.yaml").write_text("mine")
    result = errands(stage, "export", str(tmp_path))
    assert (result.exit_code, (tmp_path / "tasks/report.yaml").read_text()) == (2, "mine")
    assert errands(stage, "export", str(tmp_path), "--force").exit_code == 0
    assert (tmp_path / "tasks/report.yaml").read_text() == REPORT
    stage.tasks.files = [SourceFile("../outside.yaml", "x")]
    assert errands(stage, "export", str(tmp_path / "inner")).exit_code == 2
    assert not (tmp_path / "outside.yaml").exists()


def test_a_name_of_300_characters_does_not_break_a_table(stage: Stage) -> None:
    stage.runs.view = run(RunStatus.SUCCEEDED, task="x" * 300)
    lines = errands(stage, "runs").stdout.splitlines()
    assert all(len(line) <= 120 for line in lines[:2])
    assert RUN_ID in lines[1]


def test_list_filters_reach_the_service(stage: Stage) -> None:
    errands(stage, "runs", "--task", "report", "--status", "timed_out", "--since", "2h", "--limit", "5", "-P", "sales")
    given: dict[str, Any] = stage.runs.given
    assert (given["project"], given["task"], given["status"], given["limit"]) == ("sales", "report", "timed_out", 5)
    assert given["since"].tzinfo is not None


def test_help_names_every_command_once_and_is_not_cut(stage: Stage) -> None:
    result = CliRunner().invoke(make_app(stage.wiring()), ["--help"], env={"COLUMNS": "80"})
    assert result.exit_code == 0
    assert "..." not in result.stdout.replace("[ARGS]...", "")


def test_a_schedule_that_is_none_is_refused_with_an_example_of_one(stage: Stage) -> None:
    for spec in ("garbage", ""):
        refused = errands(stage, "schedule", "preview", "--spec", spec)
        assert refused.exit_code == 2
        assert "Such as --spec 'daily:" in said(refused)
    refused = errands(stage, "schedule", "preview", "report")
    assert "'report' is named without a trigger" in said(refused)
    assert "errands schedule list --task report" in said(refused)


def test_the_version_is_told_as_other_programs_tell_theirs(stage: Stage) -> None:
    result = errands(stage, "--version")
    assert (result.exit_code, result.stdout.startswith("errands ")) == (0, True)
