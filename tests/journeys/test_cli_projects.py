"""From an empty folder to a project and back to files, with the real command."""

from pathlib import Path

from tests.journeys.errands_command import Errands, made


def test_the_first_folder_is_valid_tested_applied_and_exported_word_for_word(errands: Errands) -> None:
    assert errands("init", "first").code == 0
    checked = errands("validate", "first")
    assert (checked.code, checked.out) == (0, "3 files without a problem\n"), checked.out
    rehearsal = errands("apply", "-f", "first", "--dry-run")
    assert "hello: task would be created" in rehearsal.out
    assert errands("tasks", "--json").document == []
    assert errands("apply", "-f", "first", "-m", "first try").code == 0
    tested = errands("test", "hello")
    assert tested.code == 0, tested.out + tested.err
    assert errands("versions", "hello", "--json").document[0]["message"] == "first try"
    assert errands("export", "copy").code == 0
    for name in ("tasks/hello.yaml", "agents/helper.yaml", "models/small.yaml"):
        assert (errands.folder / "copy" / name).read_text() == (errands.folder / "first" / name).read_text()


def test_init_leaves_files_alone_that_are_there_already(errands: Errands) -> None:
    errands.write("tasks/hello.yaml", "mine")
    made_folder = errands("init", "--json").document
    assert made_folder["kept"] == ["tasks/hello.yaml"]
    assert (errands.folder / "tasks/hello.yaml").read_text() == "mine"


def test_a_change_is_shown_as_a_diff_and_becomes_a_version(errands: Errands) -> None:
    errands("init")
    errands("apply", "-f", ".")
    changed = (errands.folder / "tasks/hello.yaml").read_text().replace("A first errand", "A second errand")
    errands.write("tasks/hello.yaml", changed)
    applied = errands("apply", "-f", ".", "--no-publish")
    assert "-title: A first errand\n+title: A second errand\n" in applied.out
    assert [view["published"] for view in errands("versions", "hello", "--json").document] == [False, True]
    assert errands("publish", "hello", "2").code == 0
    assert errands("tasks", "--json").document[0]["published"] == 2


def test_a_broken_file_changes_nothing_and_is_explained(errands: Errands) -> None:
    errands("init")
    errands.write("tasks/broken.yaml", "task: broken\ndescription: x\nsteps:\n  - {id: a, pyton: 1 + 1}\n")
    checked = errands("validate", "tasks")
    assert checked.code == 1
    assert "tasks/broken.yaml:4:" in checked.out
    assert "python" in checked.out, "the hint names the key that was meant"
    applied = errands("apply", "-f", ".")
    assert (applied.code, applied.out) == (2, "")
    assert "tasks/broken.yaml:4:" in applied.err
    assert errands("tasks", "--json").document == []


def test_a_secret_is_read_from_stdin_listed_without_its_value_and_forgotten(errands: Errands) -> None:
    stored = errands("secrets", "set", "API_KEY", typed="s3cr3t-value\n")
    listed = errands("secrets", "list", "--json")
    assert [view["name"] for view in listed.document] == ["API_KEY"]
    assert "s3cr3t-value" not in stored.out + stored.err + listed.out
    assert errands("secrets", "rotate-key").code == 0
    assert errands("secrets", "delete", "API_KEY").code == 0
    assert errands("secrets", "delete", "API_KEY").code == 2
    assert errands("secrets", "set", "EMPTY", typed="").code == 2


def test_the_doctor_looks_at_everything_and_answers_as_json(errands: Errands) -> None:
    checks = errands("doctor", "--json").document
    assert {"database", "disk"} <= {check["name"] for check in checks}


def test_a_database_that_is_away_is_said_in_a_sentence(tmp_path: Path) -> None:
    away = made(tmp_path, "postgresql://nobody:hidden-password@127.0.0.1:1/none")
    ended = away("runs")
    assert (ended.code, ended.out) == (1, "")
    assert "hidden-password" not in ended.err
    assert "Traceback" not in ended.err


def test_a_project_is_deleted_and_brought_back(errands: Errands) -> None:
    errands("init")
    errands("apply", "-f", ".", "-P", "trial")
    assert "errands project restore trial" in errands("project", "delete", "trial", "--note", "a trial").out
    assert "trial" not in errands("project", "list", "--json").document
    assert "trial" in errands("project", "list", "--deleted", "--json").document
    refused = errands("apply", "-f", ".", "-P", "trial")
    assert (refused.code, "errands project restore trial" in refused.err) == (2, True)
    assert errands("project", "restore", "trial", "--json").document["remove_at"] is None
    assert errands("run", "hello", "-P", "trial").code == 0
