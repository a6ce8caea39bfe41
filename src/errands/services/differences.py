"""How what came differs from what was expected, said so that a person sees it at once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard

from errands.core.values import Json, to_text

_SHOWN = 200
_MOST = 20


def differences(expected: Json, came: Json, name: str) -> list[str]:
    """One sentence for each place where two values differ, such as `output.rows[2].price: expected 5, came 6`.

    Whole and decimal numbers of equal value are equal; the order of keys does not count. At most 20, then a count.
    """
    found = list(_compare(expected, came, name))
    if len(found) > _MOST:
        return [*found[:_MOST], f"and {len(found) - _MOST} more differences"]
    return found


def _compare(expected: Json, came: Json, path: str) -> Iterator[str]:
    if isinstance(expected, Mapping) and isinstance(came, Mapping):
        yield from _compare_objects(expected, came, path)
    elif _is_list(expected) and _is_list(came):
        yield from _compare_lists(expected, came, path)
    elif isinstance(expected, bool) or isinstance(came, bool):
        if expected is not came:
            yield _told(expected, came, path)
    elif expected != came:
        yield _told(expected, came, path)


def _compare_objects(expected: Mapping[str, Json], came: Mapping[str, Json], path: str) -> Iterator[str]:
    for key, value in expected.items():
        if key in came:
            yield from _compare(value, came[key], f"{path}.{key}")
        else:
            yield f"{path}.{key}: expected {_shown(value)}, but there is no such key"
    for key, value in came.items():
        if key not in expected:
            yield f"{path}.{key}: not expected, came {_shown(value)}"


def _compare_lists(expected: Sequence[Json], came: Sequence[Json], path: str) -> Iterator[str]:
    for number, (one, other) in enumerate(zip(expected, came, strict=False)):
        yield from _compare(one, other, f"{path}[{number}]")
    for number in range(len(came), len(expected)):
        yield f"{path}[{number}]: expected {_shown(expected[number])}, but the list ends before"
    for number in range(len(expected), len(came)):
        yield f"{path}[{number}]: not expected, came {_shown(came[number])}"


def _is_list(value: Json) -> TypeGuard[Sequence[Json]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _told(expected: Json, came: Json, path: str) -> str:
    return f"{path}: expected {_shown(expected)}, came {_shown(came)}"


def _shown(value: Json) -> str:
    text = to_text(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"
