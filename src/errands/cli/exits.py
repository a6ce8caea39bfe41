"""What the process tells the shell at its end: one number for each way a command can end."""

from enum import IntEnum
from typing import assert_never

from errands.core.outcomes import RunStatus


class ExitCode(IntEnum):
    """The exit codes of every command."""

    SUCCEEDED = 0
    """The command did what it was asked; a run that was waited for succeeded, one that was not was started."""
    FAILED = 1
    """The run failed, a test failed, a file has problems, or Errands itself could not work."""
    INVALID = 2
    """The command, its options or its input are wrong, or name something that is not there."""
    CANCELLED = 3
    """The run was cancelled."""
    TIMED_OUT = 4
    """The run was over its time limit."""
    WAITING = 5
    """The run waits for an answer, an event or a moment, and nobody follows it; it goes on by itself."""
    SKIPPED = 6
    """Admission refused the run (overlap, pause); it never ran."""
    INTERRUPTED = 130
    """Left by Ctrl-C; a run that was held here stays recoverable."""


def exit_code_of(status: RunStatus) -> ExitCode:
    """The exit code of a command that ends while its run is in this state."""
    match status:
        case RunStatus.SUCCEEDED | RunStatus.QUEUED | RunStatus.RUNNING:
            return ExitCode.SUCCEEDED
        case RunStatus.FAILED:
            return ExitCode.FAILED
        case RunStatus.TIMED_OUT:
            return ExitCode.TIMED_OUT
        case RunStatus.CANCELLED:
            return ExitCode.CANCELLED
        case RunStatus.WAITING:
            return ExitCode.WAITING
        case RunStatus.SKIPPED:
            return ExitCode.SKIPPED
        case _:
            assert_never(status)
