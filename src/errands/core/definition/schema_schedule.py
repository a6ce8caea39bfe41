"""The JSON Schema of a `schedule:`, for completion in editors. `core.schedules` has the last word on its meaning."""

from typing import Final

from errands.core.definition.schema_parts import DURATION, Part

_DAY: Final[Part] = {"enum": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}
_DAYS: Final[Part] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_TIME: Final[Part] = {"type": "string", "examples": ["09:00"]}
_TIMES: Final[Part] = {
    "anyOf": [_TIME, {"type": "array", "items": _TIME}],
    "description": "Times of day, such as 09:00.",
}
_COUNT: Final[Part] = {"type": "integer", "minimum": 1}


def _mapping(properties: Part, description: str = "") -> Part:
    part: Part = {"type": "object", "properties": properties, "additionalProperties": False}
    return part | ({"description": description} if description else {})


_FORMS: Final[Part] = {
    "hourly": {
        "anyOf": [_mapping({"at": {}}), {"type": "string"}, {"type": "array"}],
        "description": "Every hour at given minutes: {at: ':15'}.",
    },
    "daily": {
        "anyOf": [_TIME, {"type": "array", "items": _TIME}, _mapping({"at": _TIMES})],
        "description": "Every day at these times.",
    },
    "weekly": _mapping(
        {"on": {"anyOf": [_DAYS, _DAY]}, "at": _TIMES}, "On days of the week: {on: [mon, thu], at: '09:00'}."
    ),
    "monthly": _mapping(
        {
            "on": {
                "anyOf": [{"type": ["integer", "string"]}, {"type": "array", "items": {"type": ["integer", "string"]}}]
            },
            "at": _TIMES,
        },
        "On days of the month: 1-31, last, '2nd tue', 'last weekday'.",
    ),
    "every": DURATION | {"description": "A fixed interval, such as 15m or 2w."},
    "phase": DURATION | {"description": "Moves an interval by this much."},
    "cron": {"type": "string", "description": "Five fields, or six with seconds first; also @daily and the like."},
    "rrule": {"type": "string", "description": "A recurrence rule of RFC 5545, daily or coarser."},
    "at": {"type": "string", "description": "Once, at this moment: 2026-12-01T09:00."},
}

_WINDOW: Final[Part] = _mapping(
    {
        "between": {"type": "array", "items": _TIME, "minItems": 2, "maxItems": 2},
        "on": _DAYS,
        "otherwise": {"enum": ["skip", "defer"], "default": "skip"},
    },
    "Only within these hours and days; the end itself is outside.",
)
_EXCEPT: Final[Part] = {
    "type": "array",
    "description": "Closed periods: public holidays, dates, or a named calendar.",
    "items": _mapping(
        {
            "holidays": {"type": "string", "description": "Country, or country and region: DE-BY."},
            "dates": {"type": "array", "items": {"type": "string"}},
            "calendar": {"type": "string"},
        }
    ),
}

SCHEDULE: Final[Part] = _mapping(
    {
        **_FORMS,
        "any": {"type": "array", "items": _mapping(_FORMS), "description": "Several forms, one trigger."},
        "timezone": {"type": "string", "description": "IANA name such as Europe/Berlin, or user."},
        "starting": {"type": "string", "description": "Nothing fires before this moment."},
        "until": {"type": "string", "description": "Nothing fires after this moment."},
        "max_runs": _COUNT | {"description": "Then it fires no more."},
        "window": _WINDOW,
        "except": _EXCEPT,
        "jitter": DURATION | {"description": "A stable offset of up to this much."},
        "overlap": {
            "enum": ["skip", "queue_one", "queue_all", "cancel_running", "allow"],
            "default": "skip",
            "description": "What a start does while a run is active. Absent: what the task's limits say, else skip.",
        },
        "max_concurrent": _COUNT
        | {"description": "Runs at the same time, with `overlap: allow`. Absent: what the task's limits say."},
        "missed": {
            "description": "Planned times that passed while nothing could start: none, last or all.",
            "anyOf": [{"enum": ["none", "last", "all"]}, {"type": "object"}],
        },
        "dst": _mapping(
            {"gap": {"enum": ["shift", "skip"]}, "fold": {"enum": ["first", "second", "both"]}},
            "When clocks change: a time that does not exist is shifted or skipped, one that comes twice is taken "
            "first, second or both times.",
        ),
    },
    "When runs are planned. One of hourly, daily, weekly, monthly, every, cron, rrule, at or any.",
)
