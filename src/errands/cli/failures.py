"""Says on stderr what went wrong: what happened, the offending value, what to do next. Tracebacks are for the log."""

import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from errands.cli.exits import ExitCode
from errands.cli.given import BadInput
from errands.cli.neutral import one_line
from errands.cli.screen import Screen
from errands.core.params import ArgumentProblem, ArgumentsInvalid
from errands.core.problems import Problem
from errands.services.errors import FilesInvalid, ServiceError, Unavailable


def report(error: BaseException, screen: Screen, *, log_file: Callable[[], Path], debug: bool) -> ExitCode:
    """Explain the error that ended a command; gives the command's exit code."""
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    match error:
        case BadInput():
            _say(screen, error.message, error.hint)
            return ExitCode.INVALID
        case ArgumentsInvalid():
            _arguments(screen, error.problems)
            return ExitCode.INVALID
        case FilesInvalid():
            for name, problems in error.problems.items():
                _file(screen, name, problems)
            _say(screen, error.message, error.hint)
            return ExitCode.INVALID
        case ServiceError():
            _say(screen, error.message, error.hint)
            return ExitCode.FAILED if isinstance(error, Unavailable) else ExitCode.INVALID
        case _:
            return _unexpected(error, screen, log_file)


def _say(screen: Screen, message: str, hint: str | None) -> None:
    screen.remark(one_line(message), "problem.error")
    if hint:
        screen.remark(one_line(hint), "problem.hint")


def _arguments(screen: Screen, problems: Sequence[ArgumentProblem]) -> None:
    screen.remark("No run was made; its arguments are wrong:", "problem.error")
    for problem in problems:
        screen.remark(f"  {one_line(problem.path)}: {one_line(problem.message)}", "")
        if problem.hint:
            screen.remark(f"    {one_line(problem.hint)}", "problem.hint")


def _file(screen: Screen, name: str, problems: Sequence[Problem]) -> None:
    """Problems with their source lines, where the file can still be read."""
    from errands.cli.diagnostics import problem_lines

    try:
        source = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        source = ""
    for problem in problems:
        for line in problem_lines(name, source, problem, width=screen.err.width):
            screen.err.print(line, soft_wrap=True)


def _unexpected(error: BaseException, screen: Screen, log_file: Callable[[], Path]) -> ExitCode:
    screen.remark(f"Unexpected error: {type(error).__name__}: {one_line(str(error), 300)}", "problem.error")
    kept = _keep_traceback(error, log_file)
    where = f"The traceback is in {kept}; " if kept else ""
    screen.remark(f"{where}errands --debug shows it here.", "problem.hint")
    return ExitCode.FAILED


def _keep_traceback(error: BaseException, log_file: Callable[[], Path]) -> Path | None:
    """Append the traceback to the log; `None` where that cannot be written."""
    try:
        path = log_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC).isoformat()} {' '.join(sys.argv[1:2])}\n")
            log.write("".join(traceback.format_exception(error)))
    except OSError:
        return None
    return path
