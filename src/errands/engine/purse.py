"""A run's budgets: every call reserves with all of them, and one that is crossed asks people what to do."""

import asyncio
from collections.abc import Mapping

from errands.core.outcomes import ErrorKind, RunStatus, StepError
from errands.core.values import Json, JsonObject, from_text
from errands.engine.budgets import Crossing, DayMeter, Meter
from errands.engine.flow import Ending
from errands.engine.lanes import Lane, Turn
from errands.engine.ledger import AnswerHold
from errands.engine.session import Session

RAISE, FINISH, CANCEL = "raise", "finish", "cancel"


def take_up(meter: Meter, session: Session) -> None:
    """Take in what people have answered about a budget before the run went on, and what they are asked still."""
    for path, record in session.history.items():
        subject = record.input
        if record.kind != "wait" or not isinstance(subject, Mapping) or subject.get("kind") != "budget":
            continue
        if subject.get("budget") != meter.key:
            continue
        _note_day(meter, path, subject.get("day"))
        state = session.waits.get(path)
        choice = _answer(state.result).get("choice") if state is not None and state.done else None
        if state is None or not state.done or choice in (FINISH, CANCEL):
            meter.question = path  # The next call that crosses it waits there, or learns there how the run ends.
        else:
            _raise(meter, path, state.result)


async def settle_crossing(session: Session, crossing: Crossing, path: str, lane: Lane, turn: Turn) -> None:
    """Ask what is to become of a crossed budget, and do it. Returns where the call may be tried again.

    Calls of other branches that cross the same budget meanwhile wait for the same answer. Raises StepFailed (budget)
    where the budget does not ask, or in `finally`, where a run cannot be finished any more.
    """
    meter = crossing.meter
    if not meter.asks:
        raise crossing.failure()
    async with session.asking:
        at = meter.question or _free(session, path)
        await session.open_wait(at, _question(crossing))
        meter.question = at
        _note_day(meter, at, _subject(crossing).get("day"))
    came = await session.hold(at, _question(crossing), lane, turn)
    if meter.question == at:
        meter.question = None
    answer = _answer(came)
    match answer.get("choice"):
        case "raise":
            _raise(meter, at, came)
        case "finish" | "cancel" if session.find("@end") is not None:
            raise crossing.failure()
        case "finish":
            await _finish(session, crossing, answer.get("person"))
        case "cancel":
            await asyncio.get_running_loop().create_future()  # Whoever answered has asked for the cancel as well.
        case _:
            pass  # A new day has begun, and with it a new budget.


async def _finish(session: Session, crossing: Crossing, person: Json) -> None:
    """End the run here as succeeded; the supervisor cuts off what is in flight, this call included."""
    who = crossing.meter.name
    session.finish(
        Ending(RunStatus.SUCCEEDED),
        StepError(ErrorKind.BUDGET, f"cut off: the budget of {who} was used up, and {person} chose to finish"),
    )
    await asyncio.get_running_loop().create_future()


def _free(session: Session, path: str) -> str:
    number = 1
    while session.find(f"{path}/budget[{number}]") is not None:
        number += 1
    return f"{path}/budget[{number}]"


def _subject(crossing: Crossing) -> JsonObject:
    meter = crossing.meter
    parts: list[Json] = [
        {"unit": part.unit, "allowed": str(part.allowed), "used": str(part.used), "wanted": str(part.wanted)}
        for part in crossing.parts
    ]
    day = meter.today().isoformat() if isinstance(meter, DayMeter) else None
    return {"kind": "budget", "budget": meter.key, "of": meter.name, "parts": parts, "day": day}


def _question(crossing: Crossing) -> AnswerHold:
    fields: dict[str, Json] = {}
    for part in crossing.parts:
        least = max(part.used + part.wanted - part.allowed, part.allowed)
        kind, value = ("number", float(least)) if part.unit == "usd" else ("integer", int(least))
        title = f"How many {part.unit.replace('_', ' ')} more"
        fields[part.unit] = {"type": kind, "exclusiveMinimum": 0, "default": value, "title": title}
    form: JsonObject = {"type": "object", "properties": fields, "additionalProperties": False}
    question = (
        f"The budget is used up: {crossing.said}.\n\n"
        "**raise** allows more, and the run goes on at this call. **finish** ends it here as succeeded, with what is "
        "there. **cancel** cancels it."
    )
    choices = (RAISE, FINISH, CANCEL)
    return AnswerHold(question, form, choices, None, crossing.meter.due_at(), _subject(crossing))


def _answer(came: Json) -> JsonObject:
    value = from_text(came) if isinstance(came, str) else came
    return value if isinstance(value, Mapping) else {}


def _raise(meter: Meter, question: str, came: Json) -> None:
    answer = _answer(came)
    more = answer.get("form")
    if answer.get("choice") == RAISE and isinstance(more, Mapping):
        meter.raise_by(question, more)


def _note_day(meter: Meter, question: str, day: Json) -> None:
    if isinstance(meter, DayMeter):
        meter.asked_on(question, day)
