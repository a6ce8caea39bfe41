"""Names that expressions see: params, outputs of steps, loop variables. Inner blocks see outer names."""

from collections.abc import Iterable, Mapping

from errands.core.ports import RunIdentity
from errands.core.values import Json, JsonObject
from errands.engine.records import Stored

MARKED_ARGUMENTS = "untrusted_arguments"
"""In a run's `trigger`: the arguments that were computed from data from outside."""
MARKED_CONDITION = "untrusted_condition"
"""In a run's `trigger`: it was started under a condition that looked at such data."""


def with_marks(trigger: JsonObject, names: Iterable[str]) -> JsonObject:
    """A run's trigger that says which further arguments carry the mark of data from outside."""
    marked: list[Json] = [*names]
    if not marked:
        return trigger
    known = trigger.get(MARKED_ARGUMENTS)
    if trigger.get("untrusted") is True and not isinstance(known, list):
        return trigger  # All arguments do already.
    before = known if isinstance(known, list) else []
    return {**trigger, "untrusted": True, MARKED_ARGUMENTS: [*before, *(name for name in marked if name not in before)]}


class Scope:
    """One block's names, with the names of the block around it behind, and the marks of data from outside."""

    __slots__ = ("_marked", "_names", "_outer", "condition", "untrusted")

    def __init__(self, names: dict[str, Json | Stored], outer: "Scope | None" = None) -> None:
        self._names = names
        self._outer = outer
        self._marked: set[str] = set()
        self.condition: bool = outer.condition if outer is not None else False
        """The block is reached under a condition that looked at data from outside."""
        self.untrusted: bool = self.condition
        """What is computed here carries the mark: by the condition, or by what the step itself looks at."""

    def inner(self, **names: Json | Stored) -> "Scope":
        """A scope for a block within this one."""
        return Scope(dict(names), self)

    def under_mark(self, *, condition: bool) -> "Scope":
        """The same names, where whatever is computed carries the mark; as `condition` blocks within do so too."""
        if self.untrusted and (self.condition or not condition):
            return self
        same = Scope(self._names, self._outer)
        same._marked = self._marked
        same.condition = self.condition or condition
        same.untrusted = True
        return same

    def set(self, name: str, value: Json | Stored, *, untrusted: bool = False) -> None:
        """Give a name its value, and take or drop the mark that it had."""
        self._names[name] = value
        if untrusted:
            self._marked.add(name)
        else:
            self._marked.discard(name)

    def mark(self, names: Iterable[str]) -> None:
        """Names that carry the mark from now on, with or without a value."""
        self._marked.update(names)

    def marked(self, name: str) -> bool:
        """Whether the nearest scope that knows the name holds data from outside under it."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope._marked:
                return True
            if name in scope._names:
                return False
            scope = scope._outer
        return False

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
        self._marked.difference_update(inner._names)
        self._marked.update(inner._marked)


def run_scope(run: RunIdentity, arguments: JsonObject, trigger: JsonObject, *, untrusted: bool = False) -> Scope:
    """The outermost scope of a run: its arguments, `run`, `trigger` and `payload`.

    A run that was started by something from outside carries the mark on `trigger` and `payload`, and on the arguments
    that were computed from them: all, unless its trigger names them.
    """
    about: dict[str, Json] = {
        "id": run.run_id,
        "task": run.task,
        "project": run.project,
        "version": run.version,
        "started_at": run.started_at.isoformat(),
        "starter": run.starter,
    }
    scope = Scope({**arguments, "run": about, "trigger": trigger, "payload": trigger.get("payload")})
    if untrusted:
        named = trigger.get(MARKED_ARGUMENTS)
        scope.mark(["trigger", "payload", *(map(str, named) if isinstance(named, list) else arguments)])
        if trigger.get(MARKED_CONDITION) is True:
            return scope.under_mark(condition=True)
    return scope
