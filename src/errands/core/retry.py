"""When a failed step is tried again."""

from datetime import timedelta

from errands.core.definition.policies import Retry
from errands.core.outcomes import RETRIED_BY_DEFAULT, StepError

_LONGEST_ASKED = timedelta(hours=24)


def retry_after(policy: Retry | None, attempt: int, error: StepError) -> timedelta | None:
    """How long to wait after the failure of attempt number `attempt` (1-based). `None`: do not try again.

    exponential: `initial * 2**(attempt-1)`; linear: `initial * attempt`; constant: `initial`; never more than `max`.
    Where the other side asked for a longer delay (Retry-After, seconds), that one is kept to, up to a day.
    """
    if policy is None or attempt >= policy.attempts:
        return None
    wanted = RETRIED_BY_DEFAULT if policy.on is None else policy.on
    if error.kind not in wanted:
        return None
    factor = {"exponential": 2.0 ** min(attempt - 1, 60), "linear": float(attempt), "constant": 1.0}[policy.backoff]
    seconds = min(policy.initial.total_seconds() * factor, policy.max.total_seconds())
    asked = min(error.retry_after or 0.0, _LONGEST_ASKED.total_seconds())
    return timedelta(seconds=max(seconds, asked))
