"""Schedules as people type them after `/schedule`: `daily 09:00`, `every 15m`, `weekly mon,thu 09:00`."""

from collections.abc import Sequence

from errands.core.definition.document import read_document
from errands.core.definition.nodes import plain
from errands.core.values import Json, JsonObject
from errands.services.errors import Invalid

_USAGE = (
    "Write `daily 09:00`, `hourly :15`, `every 15m`, `weekly mon,thu 09:00`, `monthly 1,last 18:00`, "
    '`at 2026-12-01T09:00`, `cron 0 8 * * MON-FRI`, or `{daily: "09:00"}`; add `timezone=Europe/Berlin`.'
)

OPTIONS = frozenset(("timezone", "starting", "until", "jitter", "note", "overlap", "missed"))
"""What a schedule can be given as `key=value`."""


def schedule_from(words: Sequence[str]) -> JsonObject:
    """The schedule as a task's file would have it. What it means is checked by whoever uses it. Raises Invalid."""
    if not words:
        raise Invalid("The schedule is missing.", _USAGE)
    if words[0].startswith("{"):
        return _written(" ".join(words))
    named = dict(_split(word) for word in words if "=" in word)
    plain_words = [word for word in words if "=" not in word]
    if not plain_words:
        raise Invalid("The schedule is missing.", _USAGE)
    form, rest = plain_words[0].casefold(), plain_words[1:]
    return {**_form(form, rest), **named}


def _form(form: str, rest: Sequence[str]) -> dict[str, Json]:
    match form, rest:
        case "daily", [at]:
            return {"daily": at}
        case "hourly", [at]:
            return {"hourly": {"at": at}}
        case "hourly", []:
            return {"hourly": {"at": ":00"}}
        case "every" | "at", [value]:
            return {form: value}
        case "weekly", [days, at]:
            return {"weekly": {"on": days.casefold().split(","), "at": at}}
        case "monthly", [days, at]:
            return {"monthly": {"on": [int(day) if day.isdigit() else day for day in days.split(",")], "at": at}}
        case "cron" | "rrule", [_, *_]:
            return {form: " ".join(rest)}
        case _:
            raise Invalid(f"{' '.join((form, *rest))[:80]!r} is no schedule.", _USAGE)


def _written(text: str) -> JsonObject:
    """A mapping in YAML, as in a task's file."""
    document = read_document(f"schedule: {text}\n")
    found = plain(document.root) if document.root is not None and not document.problems else None
    schedule = found.get("schedule") if isinstance(found, dict) else None
    if not isinstance(schedule, dict):
        raise Invalid(f"{text[:80]!r} is no schedule.", _USAGE)
    return schedule


def _split(word: str) -> tuple[str, str]:
    key, _, value = word.partition("=")
    return key, value
