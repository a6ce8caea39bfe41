"""From a task file to a recorded run, with the real command, engine and database."""

import json
import signal

from errands.cli.exits import ExitCode
from tests.journeys.errands_command import Errands

COUNT = """
task: count
description: Doubles some numbers.
params:
  numbers: {type: array, items: {type: integer}, default: [1, 2, 3]}
  name: {type: string, default: x}
steps:
  - id: doubled
    for_each: numbers
    as: number
    do:
      - {id: one, python: number * 2}
  - if: sum(doubled) > 100
    then:
      - {id: large, finish: {status: failed, message: "{{ name }} is too large: {{ sum(doubled) }}"}}
  - {id: total, python: "print('adding up', doubled)\\nsum(doubled)"}
tests:
  - {name: doubles, arguments: {numbers: [4]}, expect: {output: 8}}
"""
ASK = """
task: ask
description: Asks, then greets.
grants: {tools: [log]}
steps:
  - id: ok
    approve:
      question: Greet?
      choices: ["yes", "no"]
      form: {type: object, properties: {text: {type: string, default: Hi}}}
  - {id: out, python: "ok['choice'] + ': ' + ok['form']['text']"}
finally:
  - {id: bye, tool: log, with: {message: bye}}
"""
EVENT = """
task: paid
description: Waits for a payment.
steps:
  - {id: payment, wait_for: {event: paid, key: A-1}}
output: "{{ payment['amount'] }}"
"""


def test_a_file_becomes_a_run_that_can_be_looked_at_from_every_side(errands: Errands) -> None:
    file = str(errands.write("count.yaml", COUNT))
    ran = errands("run", file, "-p", "numbers=[5, 6]")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == "22"
    assert "doubled[1].one  succeeded" in ran.out
    shown = errands("show", "last", "--json").document
    assert (shown["task"], shown["version"], shown["status"], shown["output"]) == ("count", 1, "succeeded", 22)
    assert [step["path"] for step in shown["steps"] if step["status"] == "succeeded"] == [
        "doubled",
        "doubled[0].one",
        "doubled[1].one",
        "if#1",
        "total",
    ]
    assert errands("runs", "--json").document["items"][0]["id"] == shown["id"]
    assert errands("show", shown["id"][-8:], "--step", "total", "--json").document["output"] == 22
    assert errands("show", "--output").out == "22\n"
    assert errands("logs").out.endswith("total: adding up [10, 12]\n")


def test_a_failed_run_ends_with_1_and_its_message(errands: Errands) -> None:
    errands.write("count.yaml", COUNT)
    assert errands("apply", "-f", ".").code == 0
    ran = errands("run", "count", "-p", "numbers=[99]", "-p", "name=[red]\x1b[2J", "--json")
    assert ran.code == 1
    assert ran.document["error"]["message"] == "[red]\x1b[2J is too large: 198"
    shown = errands("show")
    assert "[red]␛[2J is too large: 198" in shown.out
    assert "\x1b" not in shown.out


def test_a_large_output_is_kept_apart_and_given_in_full_on_request(errands: Errands) -> None:
    file = errands.write(
        "large.yaml", "task: large\ndescription: Much.\nsteps:\n  - {id: a, python: \"'ab' * 100_000\"}\n"
    )
    ran = errands("run", str(file))
    assert (ran.code, "errands show run_" in ran.out, len(ran.out) < 5_000) == (0, True, True), ran.out[-500:]
    assert errands("show", "--output").out == "ab" * 100_000 + "\n"
    assert "kept apart" in errands("show").out


def test_a_rehearsal_and_the_files_own_tests_keep_nothing(errands: Errands) -> None:
    file = str(errands.write("count.yaml", COUNT))
    rehearsed = errands("run", file, "--dry-run", "--json")
    assert (rehearsed.code, rehearsed.document["output"]) == (0, 12)
    assert errands("test", file).out.endswith("1 test passed\n")
    errands.write("count.yaml", COUNT.replace("output: 8", "output: 9"))
    failing = errands("test", file)
    assert failing.code == 1
    assert "expected 9" in failing.out
    assert "    total: adding up [8]\n" in failing.out
    assert errands("runs", "--json").document["items"] == []


def test_a_run_that_asks_is_left_waiting_and_goes_on_with_the_answer(errands: Errands) -> None:
    file = str(errands.write("ask.yaml", ASK))
    ran = errands("run", file)
    assert ran.code == 5
    [approval] = errands("approve", "--json").document
    assert approval["question"] == "Greet?"
    answered = errands("approve", approval["id"], "--choose", "yes", "--form", "text=Hello", "--follow", "--json")
    assert answered.code == 0, answered.err
    last = json.loads(answered.out.splitlines()[-1])
    assert (last["kind"], last["run"]["output"]) == ("ended", "yes: Hello")
    again = errands("approve", approval["id"], "--choose", "no")
    assert again.code == 2
    assert "Traceback" not in again.err


def test_an_event_wakes_the_run_that_waits_for_it(errands: Errands) -> None:
    file = str(errands.write("paid.yaml", EVENT))
    with errands.started("run", file, "--follow") as following:
        following.line_with("waiting for the event paid with the key A-1")
        sent = errands("event", "send", "paid", "--key", "A-1", "--payload", '{"amount": 12}', "--json")
        assert sent.document["woken"] == 1
        assert following.line_with("12")
        assert following.code() == 0


def test_ctrl_c_cancels_the_run_and_its_finally_steps_still_run(mounted: Errands) -> None:
    file = str(mounted.write("ask.yaml", ASK))
    with mounted.started("run", file, "--follow") as following:
        following.line_with("waiting for an answer")
        following.signal(signal.SIGINT)
        following.line_with("bye  succeeded")
        assert following.code() == ExitCode.CANCELLED
    shown = mounted("show", "--json").document
    assert (shown["status"], shown["reason"]) == ("cancelled", "Ctrl-C")


def test_a_worker_takes_queued_runs_says_so_and_stops_when_told(mounted: Errands) -> None:
    mounted.write("count.yaml", COUNT)
    mounted("apply", "-f", ".")
    with mounted.started("worker") as worker:
        worker.line_with("The worker is up")
        run = mounted("run", "count", "--no-wait", "--json").document["id"]
        worker.line_with(f"{run}  count  taken")
        worker.line_with(f"{run}  count  ")
        worker.signal(signal.SIGTERM)
        assert worker.code() == 0
        assert "Stopped." in worker.rest()
    assert mounted("show", run, "--json").document["status"] == "succeeded"


def test_a_rerun_keeps_what_came_before_the_step(errands: Errands) -> None:
    file = str(errands.write("count.yaml", COUNT))
    errands("run", file)
    again = errands("rerun", "last", "--from", "total", "--yes", "--json")
    assert again.code == 0, again.err
    assert "Kept, not done again" in again.err
    assert again.document["rerun_from"] == "total"
    assert again.document["output"] == 12


def test_only_what_failed_is_done_again(errands: Errands) -> None:
    file = str(
        errands.write(
            "halves.yaml",
            """
task: halves
description: Fails in one of its rounds for as long as a file is missing.
grants: {tools: [files.read, files.write], folders: ["FOLDER:write"]}
steps:
  - id: each
    for_each: "[1, 2]"
    on_item_error: continue
    do:
      - {id: noted, tool: files.write, when: item == 1, with: {path: "FOLDER/one.txt", text: one}}
      - {id: given, tool: files.read, with: {path: "FOLDER/{{ ['one', 'two'][item - 1] }}.txt"}}
      - {id: text, python: "given['content']"}
""".replace("FOLDER", str(errands.folder)),
        )
    )
    first = errands("run", file, "--json")
    assert first.code == 0, first.err
    assert first.document["output"] == ["one", None]
    errands.write("two.txt", "two")
    errands.write("one.txt", "changed, which nobody reads again")
    again = errands("rerun", "last", "--failed", "--yes", "--json")
    assert again.code == 0, again.err
    assert "Kept, not done again: 2 steps (each[0].given, each[0].noted)" in again.err
    assert again.document["output"] == ["one", "two"]


def test_a_paused_task_skips_runs_with_its_note(errands: Errands) -> None:
    errands.write("count.yaml", COUNT)
    errands("apply", "-f", ".")
    assert errands("pause", "count", "--note", "audit week").code == 0
    skipped = errands("run", "count")
    assert skipped.code == 6
    assert "audit week" in skipped.out
    assert errands("resume", "count").code == 0
    assert errands("run", "count").code == 0


def test_a_file_of_this_machine_is_sent_along_and_stands_in_the_runs_workspace(errands: Errands) -> None:
    errands.write(
        "read.yaml",
        "task: read\ndescription: Reads a letter.\ngrants: {tools: [files.read]}\n"
        "params:\n  letter: {type: string, format: file}\n"
        "steps:\n  - {id: read, tool: files.read, with: {path: '{{ letter }}'}}\noutput: \"{{ read['content'] }}\"\n",
    )
    errands.write("letter.txt", "Dear Ana")
    done = errands("run", "read.yaml", "-p", "letter=letter.txt", "--json")
    assert (done.code, done.document["output"]) == (0, "Dear Ana"), done.err
    assert done.document["arguments"] == {"letter": "inputs/letter.txt"}
    missing = errands("run", "read", "-p", "letter=nothing.txt")
    assert (missing.code, "nothing.txt is no file" in missing.err) == (2, True)
