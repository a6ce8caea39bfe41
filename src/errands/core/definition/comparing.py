"""What differs between two versions of a task, in the task's own words: steps, params, grants, triggers, limits."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from errands.core.definition.policies import Frozen, Grants, ToolGrant
from errands.core.definition.steps import Step, StepBase, inner_blocks
from errands.core.definition.task import TaskDefinition
from errands.core.definition.units import show_duration
from errands.core.values import Json

Area = Literal["task", "param", "grant", "budget", "limit", "step", "trigger", "test"]
Change = Literal["added", "removed", "changed", "moved"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One key of the file that reads otherwise. Absent keys are None."""

    field: str
    """Dotted, such as `with.url`."""
    before: Json
    after: Json


@dataclass(frozen=True, slots=True)
class Difference:
    """Something of the task that was added, removed, changed or moved."""

    area: Area
    change: Change
    name: str
    """Id of a step or trigger, name of a param or test, `tools: crm/*` for a grant; a step without an id has
    `kind#n`."""
    kind: str | None = None
    """Of a step: tool, agent, if, ...; of a trigger: schedule, webhook, ..."""
    place: str | None = None
    """Block in which a step stands: `steps`, `finally`, `ok.then`."""
    earlier_place: str | None = None
    """Block in which a step stood that has moved to another one."""
    fields: tuple[FieldChange, ...] = ()


def compare(before: TaskDefinition, after: TaskDefinition) -> tuple[Difference, ...]:
    """Every difference, in the order of the file: what the task says of itself, params, grants, steps, triggers."""
    return (
        *_task(before, after),
        *_named("param", _params(before), _params(after)),
        *_grants(before.grants, after.grants),
        *_amounts("budget", before.budget, after.budget),
        *_amounts("limit", before.limits, after.limits),
        *_steps(before, after),
        *_named("trigger", *({one.id: _plain(one) for one in version.triggers} for version in (before, after))),
        *_named("test", *({one.name: _plain(one) for one in version.tests} for version in (before, after))),
    )


def _task(before: TaskDefinition, after: TaskDefinition) -> Iterator[Difference]:
    said = ("task", "title", "description", "tags", "agent", "output", "has_output", "keep")
    old, new = _plain(before), _plain(after)
    for field in _fields({key: old.get(key) for key in said}, {key: new.get(key) for key in said}):
        if field.field != "has_output":
            yield Difference("task", _change_of(field), field.field, fields=(field,))


def _params(version: TaskDefinition) -> dict[str, dict[str, Json]]:
    found = {one.name: {**_plain(one), "required": one.required} for one in version.params}
    return {name: {key: value for key, value in said.items() if key != "has_default"} for name, said in found.items()}


def _named(
    area: Area, before: Mapping[str, dict[str, Json]], after: Mapping[str, dict[str, Json]]
) -> Iterator[Difference]:
    """Things that are known by a name. Their order says nothing."""
    for name in dict.fromkeys((*after, *before)):
        old, new = before.get(name), after.get(name)
        kind = _text((new or old or {}).get("kind"))
        if old is None or new is None:
            yield Difference(area, "added" if old is None else "removed", name, kind)
        elif fields := tuple(_fields(old, new)):
            yield Difference(area, "changed", name, kind, fields=fields)


def _grants(before: Grants, after: Grants) -> Iterator[Difference]:
    for sort in ("tools", "secrets", "hosts", "folders", "untrusted"):
        old, new = _granted(getattr(before, sort)), _granted(getattr(after, sort))
        for name in dict.fromkeys((*new, *old)):
            told = f"{sort}: {name}"
            if name not in old or name not in new:
                yield Difference("grant", "added" if name not in old else "removed", told)
            elif fields := tuple(_fields(old[name], new[name])):
                yield Difference("grant", "changed", told, fields=fields)


def _granted(listed: Iterable[str | ToolGrant]) -> dict[str, dict[str, Json]]:
    return {one.name if isinstance(one, ToolGrant) else one: _arguments(one) for one in listed}


def _arguments(granted: str | ToolGrant) -> dict[str, Json]:
    return _plain(granted) if isinstance(granted, ToolGrant) else {}


def _amounts(area: Area, before: Frozen | None, after: Frozen | None) -> Iterator[Difference]:
    old, new = ({} if one is None else _plain(one) for one in (before, after))
    for field in _fields(old, new):
        yield Difference(area, _change_of(field), field.field, fields=(field,))


def _change_of(field: FieldChange) -> Change:
    if field.before is None:
        return "added"
    return "removed" if field.after is None else "changed"


@dataclass(frozen=True, slots=True)
class _Placed:
    """A step where it stands, without the steps inside it."""

    step: Step
    block: tuple[str | None, str]
    """Key of the step around it and the name of the block."""
    index: int
    own: dict[str, Json]


_Pair = tuple[_Placed, _Placed]


def _steps(before: TaskDefinition, after: TaskDefinition) -> Iterator[Difference]:
    old, new = list(_placed(before)), list(_placed(after))
    pairs = _matched(old, new)
    keys = {one.step.key: other.step.key for one, other in pairs}
    moved = _moved(pairs, keys)
    partner = {other.step.key: one for one, other in pairs}
    for step in new:
        earlier = partner.get(step.step.key)
        if earlier is None:
            yield _told(step, "added")
            continue
        if step.step.key in moved:
            elsewhere = _around(earlier.block, keys) != step.block
            yield _told(step, "moved", earlier_place=_place(earlier) if elsewhere else None)
        if fields := tuple(_fields(earlier.own, step.own)):
            yield _told(step, "changed", fields=fields)
    for step in old:
        if step.step.key not in keys:
            yield _told(step, "removed")


def _told(
    one: _Placed, change: Change, *, earlier_place: str | None = None, fields: tuple[FieldChange, ...] = ()
) -> Difference:
    return Difference("step", change, one.step.key, one.step.kind, _place(one), earlier_place, fields)


def _place(one: _Placed) -> str:
    parent, block = one.block
    return block if parent is None else f"{parent}.{block}"


def _placed(version: TaskDefinition) -> Iterator[_Placed]:
    for name, block in (("steps", version.steps), ("on_error", version.on_error), ("finally", version.finally_)):
        yield from _block(None, name, block)


def _block(parent: str | None, name: str, block: Sequence[Step]) -> Iterator[_Placed]:
    for index, step in enumerate(block):
        yield _Placed(step, (parent, name), index, _own(step))
        for inner, steps in inner_blocks(step):
            yield from _block(step.key, inner, steps)


def _own(step: StepBase) -> dict[str, Json]:
    """What the step itself says. Of the blocks inside only the names remain."""
    said = _plain(step)
    del said["key"]
    for block in ("then", "else", "default", "do"):
        said.pop(block, None)
    for blocks in ("cases", "parallel"):
        if isinstance(inner := said.get(blocks), Mapping):
            said[blocks] = list(inner)
    if isinstance(said.get("repeat"), list):
        del said["repeat"]
    if isinstance(said["on_error"], list):
        said["on_error"] = "steps"
    return said


def _matched(old: Sequence[_Placed], new: Sequence[_Placed]) -> list[_Pair]:
    """Which step is which: by id, then by what it says, then by kind within the same block."""
    left, right = list(old), list(new)
    pairs: list[_Pair] = []
    for same in (_same_id, _same_words, _same_words_renamed, _same_kind_and_place):
        for one in list(left):
            other = next((step for step in right if same(one, step)), None)
            if other is not None:
                pairs.append((one, other))
                left.remove(one)
                right.remove(other)
    return pairs


def _same_id(one: _Placed, other: _Placed) -> bool:
    return one.step.id is not None and one.step.id == other.step.id


def _same_words(one: _Placed, other: _Placed) -> bool:
    return one.step.id is None and other.step.id is None and one.own == other.own


def _same_words_renamed(one: _Placed, other: _Placed) -> bool:
    return {**one.own, "id": None} == {**other.own, "id": None}


def _same_kind_and_place(one: _Placed, other: _Placed) -> bool:
    unnamed = one.step.id is None and other.step.id is None
    return unnamed and one.step.kind == other.step.kind and one.block == other.block


def _around(block: tuple[str | None, str], keys: Mapping[str, str]) -> tuple[str | None, str]:
    """A block of the earlier version under the key that the step around it has now."""
    parent, name = block
    return (None if parent is None else keys.get(parent, parent)), name


def _moved(pairs: Sequence[_Pair], keys: Mapping[str, str]) -> set[str]:
    """Steps in another block, and those that must be taken out for the rest of their block to keep its order."""
    moved: set[str] = set()
    blocks: dict[tuple[str | None, str], list[_Pair]] = {}
    for one, other in pairs:
        if _around(one.block, keys) == other.block:
            blocks.setdefault(other.block, []).append((one, other))
        else:
            moved.add(other.step.key)
    for stayed in blocks.values():
        ordered = sorted(stayed, key=lambda pair: pair[1].index)
        kept = _longest_rising([one.index for one, _ in ordered])
        moved |= {other.step.key for place, (_, other) in enumerate(ordered) if place not in kept}
    return moved


def _longest_rising(numbers: Sequence[int]) -> set[int]:
    """Places of one longest rising subsequence (patience sorting)."""
    tails: list[int] = []
    at: list[int] = []
    before: list[int | None] = []
    for place, number in enumerate(numbers):
        pile = bisect_left(tails, number)
        before.append(at[pile - 1] if pile else None)
        tails[pile : pile + 1] = [number]
        at[pile : pile + 1] = [place]
    kept: set[int] = set()
    place_now: int | None = at[-1] if at else None
    while place_now is not None:
        kept.add(place_now)
        place_now = before[place_now]
    return kept


def _fields(before: Mapping[str, Json], after: Mapping[str, Json], prefix: str = "") -> Iterator[FieldChange]:
    """Keys that differ, those of objects one by one."""
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _fields(old, new, f"{prefix}{key}.")
        else:
            yield FieldChange(f"{prefix}{key}", old, new)


def _plain(part: Frozen) -> dict[str, Json]:
    """What a part of a definition says, by the keys of the file; what it does not say is left out."""
    return {key: _value(value) for key, value in part.model_dump(by_alias=True, exclude_none=True).items()}


def _value(said: object) -> Json:
    """Durations as people write them, everything else as JSON."""
    match said:
        case None | bool() | int() | float():
            return said
        case StrEnum():
            return said.value
        case str():
            return said
        case timedelta():
            return show_duration(said)
        case Decimal():
            return float(said)
        case Mapping():
            return {str(key): _value(value) for key, value in said.items()}
        case list() | tuple():
            return [_value(value) for value in said]
        case _:
            raise TypeError(f"a definition holds no {type(said).__name__}")


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
