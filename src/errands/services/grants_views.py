"""What is shown of the rights that a task uses."""

from dataclasses import dataclass

from errands.core.values import JsonObject


@dataclass(frozen=True, slots=True)
class GrantsSuggested:
    """What a task could do with."""

    task: str
    version: int
    runs: int
    """So many runs of this version were looked at."""
    grants: JsonObject
    """As the task file would write it."""
    unused: tuple[str, ...]
    """Grants that no run needed, such as `hosts: api.example.com`."""
    narrowed: tuple[str, ...]
    """Globs of which less was needed, such as `tools: crm/* -> crm/find`."""
    not_reached: tuple[str, ...]
    """Steps that none of the runs reached; their tools stay granted, what else they need was not seen."""
