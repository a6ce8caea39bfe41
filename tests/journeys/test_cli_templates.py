"""Templates on the command line: from the list to a published task."""

from tests.journeys.errands_command import Errands


def test_a_template_is_listed_shown_tried_and_adopted(errands: Errands) -> None:
    assert "report-generation" in errands("templates", "list").out
    shown = errands("templates", "show", "report-generation").out
    assert "recipients: Mail addresses that get the report" in shown
    tried = errands("templates", "try", "report-generation", "--save", "made")
    assert tried.code == 0, tried.err
    assert "Weekly sales: Tea carries the week" in (errands.folder / "made/report-2026-03-02.html").read_text()
    assert errands("tasks", "--json").document == []

    errands.write("answers.yaml", "recipients: [ana@example.com]\nday: thu\n")
    use = ("templates", "use", "report-generation", "--answers", "answers.yaml")
    seen = errands(*use, "--dry-run")
    assert "weekly-report: task would be created" in seen.out
    assert errands("tasks", "--json").document == []
    drafted = errands(*use, "-a", "title=Tea sales")
    assert "errands secrets set REPORT_DB" in drafted.err
    assert "errands publish weekly-report 1" in drafted.out
    assert errands(*use, "--publish").code == 2
    for secret in ("REPORT_DB", "SMTP"):
        errands("secrets", "set", secret, typed="x\n")
    published = errands(*use, "-a", "title=Tea sales", "--publish")
    assert published.code == 0, published.err
    assert errands("tasks", "--json").document[0]["published"] == 1
    assert errands("test", "weekly-report").code == 0


def test_wrong_answers_are_told_and_change_nothing(errands: Errands) -> None:
    ended = errands("templates", "use", "report-generation", "-a", "day=friday")
    assert ended.code == 2
    assert "day" in ended.err
    assert "`recipients` is missing" in ended.err
    assert "Did you mean report-generation?" in errands("templates", "show", "report-generatio").err
