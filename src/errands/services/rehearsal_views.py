"""What came of rehearsals: dry runs, and the tests of a task file."""

from dataclasses import dataclass

from errands.core.outcomes import RunStatus, StepError
from errands.core.values import Json
from errands.services.views import Level, StepView


@dataclass(frozen=True, slots=True)
class MadeFileView:
    """A file that a dry run has made and not kept."""

    name: str
    media_type: str
    size: int
    base64: str | None
    """Its content. None: it has more than 1 MiB."""


@dataclass(frozen=True, slots=True)
class LoggedView:
    """A line that a real run would have in its log."""

    path: str
    level: Level
    message: str


@dataclass(frozen=True, slots=True)
class DryRunView:
    """What came of a rehearsal: nothing left the machine and nothing was kept."""

    status: RunStatus
    output: Json
    error: StepError | None
    steps: tuple[StepView, ...]
    files: tuple[MadeFileView, ...] = ()
    """What a real run would have kept as artifacts."""
    logs: tuple[LoggedView, ...] = ()
    """What a real run would have logged, in order: what transforms print included."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """What came of one test of a task file."""

    name: str
    passed: bool
    differences: tuple[str, ...]
    """What was expected and what came, one finding each."""
    run: DryRunView | None
    """None where the test could not begin; the difference says why."""

    __test__ = False  # not a test of ours, whatever its name
