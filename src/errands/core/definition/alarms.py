"""What of a task raises an alarm: `alarms:` in its file, over the defaults of its project."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from errands.core.definition.policies import Frozen
from errands.core.definition.units import Duration
from errands.core.values import Json, JsonObject


class AlarmKind(StrEnum):
    """What an alarm tells of."""

    FAILED = "failed"
    """A run has failed or timed out."""
    LATE = "late"
    """What was planned did not start in time."""
    SILENT = "silent"
    """No run has succeeded for too long."""
    LONG = "long"
    """A run takes longer than it should."""
    BUDGET = "budget"
    """A run has used up its budget and waits."""
    OVERDUE = "overdue"
    """A question of a run waits for too long."""
    PAUSED = "paused"
    """The task's triggers were switched off, for too many runs in a row have failed."""


AlarmState = Literal["open", "acknowledged", "closed"]
"""Open: its cause lasts. Acknowledged: somebody has seen it. Closed: it is over."""
RECOVERED = "recovered"
"""What a channel is told when what had failed or was silent succeeds again."""
APPROVAL = "approval"
"""Questions to people, reminders of them, and others who are asked too."""
EVENTS: tuple[str, ...] = (APPROVAL, *AlarmKind, RECOVERED)
"""Everything that a channel can be told."""

Never = Literal["never"]
Bound = Annotated[Duration, Field(gt=timedelta(0))]


class LongRun(Frozen):
    """How long a run may take; waiting does not count. What is reached first counts."""

    after: Bound | Never | None = None
    """Running time."""
    times_p95: Annotated[float, Field(gt=1, le=1000)] | None = None
    """So many times as long as 95 of the last 100 succeeded runs took. Needs ten of them."""


class AlarmRules(Frozen):
    """When people are told that something is wrong. What is not said here the project's defaults say."""

    failed: Literal["episode", "each", "never"] | None = None
    """A run fails or times out: `episode` tells it once until a run succeeds again, `each` for every such run."""
    recovered: bool | None = None
    """Whether the success that ends it is told too. `None`: yes."""
    late: Bound | Never | None = None
    """Nothing has started this long after its planned time."""
    silent: Bound | Never | None = None
    """No run has succeeded for this long."""
    long: LongRun | None = None
    """A run takes long. `{after: never}` takes back what the project's defaults say."""
    budget: bool | None = None
    """A run has used up its budget and waits for somebody. `None`: as `failed`, unless that is `never`."""
    overdue: Bound | Never | None = None
    """A question of a run has waited this long for its answer."""
    pause_after_failures: Annotated[int, Field(ge=0, le=1000)] | None = None
    """So many failures in a row switch the task's triggers off, with a note, and raise an alarm. 0: never."""
    channels: tuple[str, ...] | None = None
    """Names of the project's channels that are told. `None`: each that takes alarms of the kind."""


def stored(rules: AlarmRules) -> JsonObject:
    """The rules as they are kept and merged: durations in seconds, only what is said."""
    said: dict[str, Json] = {}
    for name in AlarmRules.model_fields:
        value = getattr(rules, name)
        match value:
            case None:
                pass
            case timedelta():
                said[name] = value.total_seconds()
            case LongRun():
                after = value.after.total_seconds() if isinstance(value.after, timedelta) else value.after
                said[name] = {"after": after, "times_p95": value.times_p95}
            case tuple():
                said[name] = list(value)
            case _:
                said[name] = value
    return said


def read_stored(kept: JsonObject) -> AlarmRules:
    """The inverse of `stored`."""
    raw: dict[str, object] = dict(kept)
    for name in ("late", "silent", "overdue"):
        if isinstance(raw.get(name), int | float):
            raw[name] = timedelta(seconds=float(str(raw[name])))
    long = raw.get("long")
    if isinstance(long, Mapping) and isinstance(long.get("after"), int | float):
        raw["long"] = {**long, "after": timedelta(seconds=float(str(long["after"])))}
    return AlarmRules.model_validate(raw)


def merged(own: AlarmRules, defaults: AlarmRules) -> AlarmRules:
    """What the task says, and for the rest what the project says."""
    return AlarmRules.model_validate(
        {
            name: getattr(own, name) if getattr(own, name) is not None else getattr(defaults, name)
            for name in AlarmRules.model_fields
        }
    )


def watches(rules: AlarmRules) -> bool:
    """Whether the rules look at anything at all."""
    looked_for = (rules.failed, rules.late, rules.silent, rules.overdue)
    return (
        any(one not in (None, "never") for one in looked_for)
        or long_seconds(rules) is not None
        or long_factor(rules) is not None
        or bool(rules.budget)
        or bool(rules.pause_after_failures)
    )


def seconds(bound: timedelta | Never | None) -> float | None:
    """A bound in seconds; None: nothing is looked for."""
    return bound.total_seconds() if isinstance(bound, timedelta) else None


def long_seconds(rules: AlarmRules) -> float | None:
    """The running time at which a run is long, in seconds."""
    return None if rules.long is None else seconds(rules.long.after)


def long_factor(rules: AlarmRules) -> float | None:
    """How many times the usual a run may take."""
    return None if rules.long is None or rules.long.after == "never" else rules.long.times_p95


def tells_budget(rules: AlarmRules) -> bool:
    """Whether a run that has used up its budget raises an alarm."""
    return rules.budget if rules.budget is not None else rules.failed not in (None, "never")
