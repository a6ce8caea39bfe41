"""References to secrets are for authors: a value from outside that reads `secret:NAME` must not become one."""

from collections.abc import Mapping, Sequence
from typing import TypeGuard

from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.values import Json

_PREFIX = "secret:"


def refuse_computed(template: Json, rendered: Json, params: frozenset[str]) -> None:
    """Raises StepFailed (denied) for a reference in `rendered` that stands neither in the template nor in a param.

    `{{ connection }}`, a param alone, may hold one: whoever starts the run may choose among the granted secrets.
    `params` is empty where the run's arguments come from outside.
    """
    if isinstance(template, Mapping) and isinstance(rendered, Mapping):
        for key, value in rendered.items():
            refuse_computed(template.get(key), value, params)
    elif _is_list(template) and _is_list(rendered) and len(template) == len(rendered):
        for one, other in zip(template, rendered, strict=True):
            refuse_computed(one, other, params)
    elif template != rendered and not _names_param(template, params):
        _refuse_all(rendered)


def _is_list(value: Json) -> TypeGuard[Sequence[Json]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _names_param(template: Json, params: frozenset[str]) -> bool:
    return (
        isinstance(template, str)
        and template.strip().startswith("{{")
        and template.strip().removeprefix("{{").removesuffix("}}").strip() in params
    )


def _refuse_all(value: Json) -> None:
    """Refuse every reference anywhere in a computed value."""
    if isinstance(value, str):
        if value.startswith(_PREFIX):
            raise StepFailed(
                ErrorKind.DENIED,
                f"an expression gave {value[:80]!r}, which reads like a reference to a secret",
                hint="write the reference itself in the task, or pass it as a param of its own",
            )
    elif isinstance(value, Mapping):
        for item in value.values():
            _refuse_all(item)
    elif isinstance(value, Sequence):
        for item in value:
            _refuse_all(item)
