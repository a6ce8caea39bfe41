"""Problems of a file are shown at their place, as a compiler does."""

from errands.cli.diagnostics import problem_lines, summary
from errands.core.problems import Problem

SOURCE = 'task: t\nsteps:\n  - id: a\n    python: orders["rowz"]\n'
PROBLEM = Problem(4, 13, "steps[0].python", 'unknown key "rowz"', 'did you mean "rows"?', "unknown-key")


def shown(problem: Problem, source: str = SOURCE, width: int = 80) -> list[str]:
    return [line.plain for line in problem_lines("tasks/t.yaml", source, problem, width=width)]


def test_a_problem_shows_place_message_line_caret_and_hint() -> None:
    assert shown(PROBLEM) == [
        'tasks/t.yaml:4:13: error: unknown key "rowz" [unknown-key]',
        '    4 |     python: orders["rowz"]',
        "      |             ^",
        '      = did you mean "rows"?',
    ]


def test_a_problem_of_the_whole_file_quotes_no_line() -> None:
    assert shown(Problem(0, 0, "", "the file is empty")) == ["tasks/t.yaml: error: the file is empty [invalid]"]


def test_the_caret_stands_under_its_character_after_tabs_and_wide_letters() -> None:
    for before in ("\t", "日本: ", "\x1b[31m"):
        quoted, caret = shown(Problem(1, len(before) + 1, "", "x"), f"{before}HERE")[1:3]
        from rich.cells import cell_len

        assert cell_len(quoted[: quoted.index("HERE")]) == caret.index("^")


def test_a_long_line_is_cut_around_the_caret() -> None:
    long = "a" * 500 + "HERE" + "b" * 500
    quoted, caret = shown(Problem(1, 501, "", "x"), long, width=60)[1:3]
    assert len(quoted) <= 60
    assert quoted[caret.index("^") :].startswith("HERE")


def test_a_line_beyond_the_end_of_the_file_is_not_quoted() -> None:
    assert len(shown(Problem(99, 1, "", "cut off"))) == 1


def test_the_summary_counts_errors_and_warnings() -> None:
    warning = Problem(1, 1, "", "w", severity="warning")
    assert summary([PROBLEM, PROBLEM, warning], 3) == "2 errors and 1 warning in 3 files"
    assert summary([warning], 1) == "1 warning in 1 file"
    assert summary([], 2) == "2 files without a problem"
