"""The later life of tasks, and everything backed up and brought back, with the real command."""

from tests.journeys.errands_command import Errands

_TASK = 'task: report\ndescription: Reports.\nsteps:\n  - {id: one, python: "1"}\n'


def test_versions_are_compared_and_rolled_back(errands: Errands) -> None:
    errands.write("report.yaml", _TASK)
    assert errands("apply", "report.yaml").code == 0
    errands.write("report.yaml", _TASK.replace('"1"', '"2"') + "  - {wait: 1m}\nlimits: {timeout: 5m}\n")
    assert errands("apply", "report.yaml").code == 0
    told = errands("diff", "report", "1", "2").out
    assert told.splitlines() == [
        "report: version 1 to 2",
        "Limits",
        "  + timeout: 5m",
        "Steps",
        "  ~ one (transform) changed",
        "      python: 1 -> 2",
        "  + wait#1 (wait) added in steps",
    ]
    assert [one["change"] for one in errands("diff", "report", "1", "--json").document["differences"]] == [
        "added",
        "changed",
        "added",
    ]
    assert "say the same" in errands("diff", "report", "2", "2").out
    assert errands("publish", "report", "1", "-m", "two was wrong").code == 0
    assert errands("tasks", "--json").document[0]["published"] == 1


def test_a_task_is_put_away_brought_back_and_deleted(errands: Errands) -> None:
    errands.write("report.yaml", _TASK)
    errands("apply", "report.yaml")
    assert errands("archive", "report", "--note", "done with").code == 0
    assert errands("tasks", "--json").document == []
    assert "archived" in errands("tasks", "--archived").out
    refused = errands("run", "report")
    assert refused.code == 2
    assert "errands unarchive report" in refused.err
    assert errands("unarchive", "report").code == 0
    deleted = errands("delete", "report")
    assert "errands unarchive report" in deleted.out
    assert errands("tasks", "--archived", "--json").document[0]["remove_at"]
    assert errands("unarchive", "report").code == 0
    assert errands("run", "report", "--json").document["status"] == "succeeded"
    errands("pause", "report")
    assert "No planned time was held back" in errands("resume", "report", "--dry-run").out
    assert errands("tasks", "--json").document[0]["paused_at"]
    assert errands("resume", "report", "--note", "go on").code == 0


def test_an_ended_run_is_deleted_for_good(errands: Errands) -> None:
    errands.write("report.yaml", _TASK)
    errands("apply", "report.yaml")
    run = errands("run", "report", "--json").document["id"]
    assert "Nothing was deleted" in errands("delete-run", run).err
    assert errands("delete-run", run, "--yes", "--note", "a trial", "--json").document == {"run": run, "deleted": True}
    assert errands("show", run).code == 2
    assert errands("delete-run", run, "--yes").code == 2


def test_a_backup_is_written_once(errands: Errands) -> None:
    errands.write("report.yaml", _TASK)
    errands("apply", "report.yaml")
    made = errands("backup", "all.tar", "--json")
    assert made.document["size"] == (errands.folder / "all.tar").stat().st_size
    again = errands("backup", "all.tar")
    assert (again.code, "is there already" in again.err) == (2, True)
    assert made.document["size"] == (errands.folder / "all.tar").stat().st_size


def test_a_backup_is_restored_over_nothing_unless_told(mounted: Errands) -> None:
    mounted.write("report.yaml", _TASK)
    mounted("apply", "report.yaml")
    mounted("backup", "all.tar", "--with-key")
    mounted("delete", "report")
    refused = mounted("restore", "all.tar")
    assert (refused.code != 0, "--replace" in refused.err) == (True, True)
    assert mounted("restore", "all.tar", "--replace").code == 0
    assert mounted("tasks", "--json").document[0]["remove_at"] is None
    afar = mounted("--server", "https://errands.example", "restore", "all.tar")
    assert (afar.code, "not restored from afar" in afar.err) == (2, True)


def test_the_audit_log_is_read_exported_and_checked(mounted: Errands) -> None:
    mounted.write("report.yaml", _TASK)
    mounted("apply", "report.yaml")
    assert "task.publish" in mounted("audit", "list", "--noun", "task").out
    assert [one["verb"] for one in mounted("audit", "list", "--name", "report", "--json").document["items"]] == [
        "task.publish",
        "task.edit",
    ]
    checked = mounted("audit", "verify", "--json")
    assert (checked.code, checked.document["intact"]) == (0, True)
    assert mounted("audit", "verify", "--head", checked.document["head"]).code == 0
    assert mounted("audit", "export", "log.jsonl").code == 0
    assert mounted("audit", "verify", "log.jsonl").code == 0
    log = mounted.folder / "log.jsonl"
    log.write_text(log.read_text().replace("task.publish", "task.pause", 1))
    forged = mounted("audit", "verify", "log.jsonl")
    assert (forged.code, "is not as it was signed" in forged.out) == (1, True)
    assert mounted("audit", "export", "log.jsonl").code == 2, "a file that is there is left alone"


def test_a_project_goes_out_to_a_folder_and_comes_in_again(mounted: Errands) -> None:
    mounted.write("report.yaml", _TASK)
    mounted("apply", "report.yaml")
    assert mounted("project", "export", "out").code == 0
    assert (mounted.folder / "out/tasks/report.yaml").read_text() == _TASK
    changed = _TASK.replace("Reports.", "Reports more.")
    (mounted.folder / "out/tasks/report.yaml").write_text(changed)
    seen = mounted("project", "import", "out", "--dry-run")
    assert "+description: Reports more." in seen.out
    assert mounted("tasks", "--json").document[0]["latest"] == 1
    assert mounted("project", "import", "out", "-m", "more").code == 0
    again = mounted("project", "import", "out", "--json").document
    assert [one["change"] for one in again["applied"]] == ["unchanged"]
    assert mounted("tasks", "--json").document[0]["latest"] == 2
