"""How things end: the states of runs and steps, errors, and what was used on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from errands.core.values import Json


class RunStatus(StrEnum):
    """The states of a run. The last six are final; a final run never changes again."""

    QUEUED = "queued"
    """Entered at launch, by a wake-up and by the keeper; left when a worker takes the run or it is cancelled.
    May last as long as the workers are busy or the task's `max_concurrent` is reached."""
    RUNNING = "running"
    """Entered when a worker takes the run; left when it ends, suspends or is handed over."""
    WAITING = "waiting"
    """Entered when nothing in the run can move (a wait, an approval, an event, a sub-task, a long retry delay).
    Holds no worker; left by a wake-up. May last for months."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    """The task's `limits.timeout` of running time was used up."""
    CANCELLED = "cancelled"
    """By a person, by `overlap: cancel_running`, or with its parent run."""
    SKIPPED = "skipped"
    """Admission refused it (overlap, pause); it never ran. The reason is recorded."""

    @property
    def final(self) -> bool:
        """Whether a run in this state has ended."""
        return self not in (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.WAITING)


class StepStatus(StrEnum):
    """The states of a step as the journal records them; `running` and `waiting` are only ever seen live."""

    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    """`when:` was not true. (What stands in a branch that was not taken has no record of its own.)"""
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"


class ErrorKind(StrEnum):
    """Why a step failed. `retry.on` names these; the first six are retried when `retry` names none."""

    NETWORK = "network"
    """No connection, or one that broke."""
    TIMEOUT = "timeout"
    """It took longer than it may, or nobody answered in time."""
    RATE_LIMITED = "rate_limited"
    """The other side asks to wait (429)."""
    UNAVAILABLE = "unavailable"
    """The other side said it cannot now: a 5xx, a database that is down."""
    MODEL = "model"
    """A model answered with something unusable: cut off, invalid JSON, the wrong shape."""
    CRASH = "crash"
    """A child process died."""
    INPUT = "input"
    """Arguments do not fit the schema, or name something that cannot be."""
    NOT_FOUND = "not_found"
    """What was named is not there."""
    DENIED = "denied"
    """Outside what the task was granted, or refused by the other side (401, 403)."""
    BUDGET = "budget"
    """A budget is used up, and `on_exceeded: fail` says not to ask."""
    LIMIT = "limit"
    """Too big, too many, too long: an output over its limit, a loop over its cap, sandbox memory."""
    EXPRESSION = "expression"
    """An expression or transform raised."""
    SECRET = "secret"
    """A secret is missing or cannot be decrypted."""
    STORAGE = "storage"
    """Disk full, artifact store away."""
    TOOL = "tool"
    """A tool failed in a way of its own; the message says which."""
    REFUSED = "refused"
    """A person or `on_crash: ask` said no."""
    CANCELLED = "cancelled"
    """The run was cancelled while the step was at work."""
    INTERNAL = "internal"
    """A defect of Errands; the log has the traceback under the run's id."""


RETRIED_BY_DEFAULT = frozenset(
    (
        ErrorKind.NETWORK,
        ErrorKind.TIMEOUT,
        ErrorKind.RATE_LIMITED,
        ErrorKind.UNAVAILABLE,
        ErrorKind.MODEL,
        ErrorKind.CRASH,
    )
)


@dataclass(frozen=True, slots=True)
class StepError:
    """What went wrong in a step, in words a user can act on."""

    kind: ErrorKind
    message: str
    """What happened, with the offending value and the limit. Never holds a secret: it is redacted before it is kept."""
    hint: str | None = None
    """The next move."""
    step: str | None = None
    """Path of the step in which it happened."""
    retry_after: float | None = None
    """Seconds that the other side asked us to wait (Retry-After)."""
    detail: Json = None
    """More for a reader of the record, for example the status and body of an HTTP answer."""

    def as_json(self) -> Mapping[str, Json]:
        """The error as expressions see it under the name `error`."""
        return {
            "kind": self.kind.value,
            "message": self.message,
            "hint": self.hint,
            "step": self.step,
            "retry_after": self.retry_after,
            "detail": self.detail,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Json]) -> "StepError":
        """The inverse of `as_json`."""
        hint, step, after = value.get("hint"), value.get("step"), value.get("retry_after")
        return cls(
            kind=ErrorKind(str(value["kind"])),
            message=str(value["message"]),
            hint=None if hint is None else str(hint),
            step=None if step is None else str(step),
            retry_after=float(after) if isinstance(after, int | float) else None,
            detail=value.get("detail"),
        )


class StepFailed(Exception):
    """Raised by a tool, an agent or an expression: this step cannot give an output. Carries a `StepError`."""

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        hint: str | None = None,
        retry_after: float | None = None,
        detail: Json = None,
    ) -> None:
        super().__init__(message)
        self.error = StepError(kind, message, hint=hint, retry_after=retry_after, detail=detail)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a step or run has used. Adds up with `+`."""

    input_tokens: int = 0
    output_tokens: int = 0
    usd: Decimal = Decimal(0)
    requests: int = 0
    """Model requests."""
    tool_calls: int = 0
    """Tool calls made by agents."""

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.usd + other.usd,
            self.requests + other.requests,
            self.tool_calls + other.tool_calls,
        )

    def __bool__(self) -> bool:
        return bool(self.tokens or self.usd or self.requests or self.tool_calls)

    def as_json(self) -> Mapping[str, Json]:
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "usd": f"{self.usd.normalize():f}",
            "requests": self.requests,
            "tool_calls": self.tool_calls,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Json]) -> "Usage":
        """The inverse of `as_json`; missing keys count as zero."""

        def whole(key: str) -> int:
            found = value.get(key)
            return found if isinstance(found, int) else 0

        return cls(
            whole("input_tokens"),
            whole("output_tokens"),
            Decimal(str(value.get("usd", "0"))),
            whole("requests"),
            whole("tool_calls"),
        )


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of a leaf step: its output and what it used."""

    output: Json
    usage: Usage = field(default_factory=Usage)
    untrusted: bool = False
    """The output holds data from outside (a fetched page, a document, a mail)."""
    files: bool = False
    """It has come to the files of the run: what is in them now may carry the same mark."""
