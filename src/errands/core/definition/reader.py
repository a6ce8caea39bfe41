"""Turns mappings of a file into models, and collects everything that does not fit on the way.

What does not fit is reported and left out, so that the rest of the file can still be checked.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from errands.core.definition.nodes import ListNode, MapNode, Node, Path, ScalarNode, plain, show_path
from errands.core.definition.positions import Place, Positions
from errands.core.definition.rules import RuleCode
from errands.core.definition.wording import Worded, unknown_key, word_errors, wrong_type
from errands.core.problems import Problem
from errands.core.values import Json

Model = TypeVar("Model", bound=BaseModel)
Raw = dict[str, object]
"""The input of a model: plain values, or models that were read before."""


@dataclass(slots=True)
class Reader:
    """Reads one file. `problems` grows while it does."""

    positions: Positions
    problems: list[Problem] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    """Ids of steps and names of params that stand in the file but could not be read."""

    def report(
        self, path: Path, message: str, hint: str | None = None, *, code: RuleCode, at_key: bool = False
    ) -> None:
        """Note a problem about the value (or the key) at a path."""
        place = self.positions.key(path) if at_key else self.positions.value(path)
        self._note(place, path, message, hint, code)

    def report_worded(self, found: Worded, base: Path, renamed: Mapping[str, Path]) -> None:
        """Note a finding of a model's validation, whose path begins at `base`."""
        head, rest = found.path[:1], found.path[1:]
        moved = renamed.get(str(head[0])) if head else None
        path = (*base, *(moved if moved is not None else head), *rest)
        if moved:
            found = replace(found, message=found.message.replace(f"`{head[0]}`", f"`{moved[-1]}`"))
        if found.code == "missing-key":
            hint = f"add `{path[-1]}:`" if moved else found.hint
            self._note(self._missing_place(path[:-1]), path, found.message, hint, found.code)
        else:
            self.report(path, found.message, found.hint, code=found.code, at_key=found.at_key)

    def build(
        self, model: type[Model], raw: Raw, path: Path, renamed: Mapping[str, Path] | None = None
    ) -> Model | None:
        """The model of a mapping; without the keys that do not fit; `None` if it cannot be without them.

        `renamed` tells where in the file (below `path`) a key of the model stands, if not under its own name.
        """
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            found = word_errors(error.errors(include_url=False), model, raw)
        for finding in found:
            self.report_worded(finding, path, renamed or {})
        wrong = {finding.path[0] for finding in found if finding.path}
        try:
            return model.model_validate({key: value for key, value in raw.items() if key not in wrong})
        except ValidationError:
            return None

    def mapping(self, node: Node | None, path: Path, what: str) -> MapNode | None:
        """The node as a mapping, or a problem. Nothing at all (`with:` and no more) counts as an empty one."""
        if isinstance(node, MapNode):
            return node
        if node is None or (isinstance(node, ScalarNode) and node.value is None):
            return None
        self._wrong(path, what, "a mapping", node)
        return None

    def listing(self, node: Node | None, path: Path, what: str) -> tuple[Node, ...]:
        """The items of a list, or a problem. Nothing at all counts as an empty list."""
        if isinstance(node, ListNode):
            return node.items
        if node is not None and not (isinstance(node, ScalarNode) and node.value is None):
            self._wrong(path, what, "a list", node)
        return ()

    def known_keys(self, node: MapNode, path: Path, known: Collection[str]) -> None:
        """Report every key that is not one of those."""
        for key in node.entries:
            if key not in known:
                self.report_worded(unknown_key((key,), known), path, {})

    def require(self, node: MapNode, path: Path, key: str, hint: str) -> bool:
        """Whether the key is there and holds something; a problem if not."""
        found = node.entries.get(key)
        if found is not None and not (isinstance(found[1], ScalarNode) and found[1].value is None):
            return True
        place = self._missing_place(path) if found is None else self.positions.key((*path, key))
        self._note(
            place, (*path, key), f"`{key}` is missing" if found is None else f"`{key}` is empty", hint, "missing-key"
        )
        return False

    def expression(self, node: Node, path: Path) -> str | None:
        """A bare expression. A number or truth value is one too: `when: true`."""
        if isinstance(node, ScalarNode):
            match node.value:
                case str():
                    return node.value
                case None:
                    self.report(
                        path, f"`{path[-1]}` is empty", "write a Python expression", code="missing-key", at_key=True
                    )
                    return None
                case bool():
                    return str(node.value)
                case _:
                    return node.text
        hint = "put the whole expression in quotes"
        self.report(path, f"`{path[-1]}` takes an expression, not {_named(node)}", hint, code="wrong-type")
        return None

    def _wrong(self, path: Path, what: str, expected: str, node: Node) -> None:
        given: Json = node.value if isinstance(node, ScalarNode) else [] if isinstance(node, ListNode) else {}
        self.report_worded(wrong_type(path, what, expected, given), (), {})

    def _missing_place(self, parent: Path) -> Place:
        """Where a key is missing: at the first key of the mapping that lacks it."""
        return self.positions.value(parent)

    def _note(self, place: Place, path: Path, message: str, hint: str | None, code: RuleCode) -> None:
        self.problems.append(Problem(place.line, place.column, show_path(path), message, hint, code))


def without_echoes(problems: Iterable[Problem]) -> list[Problem]:
    """Without "`description` is missing" where `descripton` stands right beside it and was reported."""
    listed = list(problems)
    meant = {(problem.path.rpartition(".")[0], problem.hint) for problem in listed if problem.code == "unknown-key"}
    return [
        problem
        for problem in listed
        if problem.code != "missing-key"
        or (problem.path.rpartition(".")[0], f'did you mean "{problem.path.rpartition(".")[2]}"?') not in meant
    ]


def values(node: MapNode, *without: str) -> Raw:
    """The plain values of a mapping's entries."""
    return {key: plain(value) for key, (_, value) in node.entries.items() if key not in without}


def value_at(node: MapNode, key: str) -> Node | None:
    """The value of a key, if it is there."""
    found = node.entries.get(key)
    return found[1] if found else None


def text_at(node: MapNode, key: str) -> str | None:
    """The value of a key, if it is a text."""
    found = value_at(node, key)
    return found.value if isinstance(found, ScalarNode) and isinstance(found.value, str) else None


def _named(node: Node) -> str:
    return "a list" if isinstance(node, ListNode) else "a mapping"
