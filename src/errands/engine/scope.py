"""Names that expressions see: params, outputs of steps, loop variables. Inner blocks see outer names."""

from collections.abc import Mapping

from errands.core.ports import RunIdentity
from errands.core.values import Json, JsonObject
from errands.engine.records import Stored


class Scope:
    """One block's names, with the names of the block around it behind."""

    __slots__ = ("_names", "_outer", "untrusted")

    def __init__(self, names: dict[str, Json | Stored], outer: "Scope | None" = None) -> None:
        self._names = names
        self._outer = outer
        self.untrusted: bool = outer.untrusted if outer is not None else False
        """The block is reached under a condition that looked at data from outside."""

    def inner(self, **names: Json | Stored) -> "Scope":
        """A scope for a block within this one."""
        return Scope(dict(names), self)

    def set(self, name: str, value: Json | Stored) -> None:
        self._names[name] = value

    def get(self, name: str) -> Json | Stored:
        """The value of a name. Raises KeyError where no scope has it."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope._names:
                return scope._names[name]
            scope = scope._outer
        raise KeyError(name)

    def has(self, name: str) -> bool:
        scope: Scope | None = self
        while scope is not None:
            if name in scope._names:
                return True
            scope = scope._outer
        return False

    def own(self) -> Mapping[str, Json | Stored]:
        """The names of this block alone."""
        return self._names

    def take(self, inner: "Scope") -> None:
        """Make the names of an inner block visible here (after `if`, `switch`, `parallel`)."""
        self._names.update(inner._names)


def run_scope(run: RunIdentity, arguments: JsonObject, trigger: JsonObject) -> Scope:
    """The outermost scope of a run: its arguments, `run`, `trigger` and `payload`."""
    about: dict[str, Json] = {
        "id": run.run_id,
        "task": run.task,
        "project": run.project,
        "version": run.version,
        "started_at": run.started_at.isoformat(),
        "starter": run.starter,
    }
    return Scope({**arguments, "run": about, "trigger": trigger, "payload": trigger.get("payload")})
