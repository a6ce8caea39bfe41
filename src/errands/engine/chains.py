"""Chains of runs that start one another. Each run's `trigger` carries how long its own is, so that loops are caught."""

from collections.abc import Sequence

from errands.core.values import Json, JsonObject

_MOST_SHOWN = 10


def following(trigger: JsonObject, task: str) -> JsonObject:
    """What the trigger of a run says that is started by a run of `task`, whose own trigger is given: `depth`, how many
    runs have started one another before it, and `chain`, the tasks of the last of them.
    """
    depth, chain = trigger.get("depth"), trigger.get("chain")
    before: list[Json] = list(chain) if isinstance(chain, Sequence) and not isinstance(chain, str) else []
    return {"depth": depth + 1 if isinstance(depth, int) else 1, "chain": [*before, task][-_MOST_SHOWN:]}


def loop(trigger: JsonObject, task: str, most: int) -> str | None:
    """Why a run of `task` with this trigger is not started: its chain is longer than `most`. `None`: it may be."""
    depth, chain = trigger.get("depth"), trigger.get("chain")
    if not isinstance(depth, int) or depth <= most:
        return None
    shown = " -> ".join([*(str(one) for one in chain), task]) if isinstance(chain, list) else task
    return f"{depth} runs in a row have started one another, more than {most}: this is a loop ({shown})"
