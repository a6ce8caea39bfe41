"""Reads the parts of a task file beside its steps: params, triggers, tests."""

from collections.abc import Mapping
from typing import Final, TypeVar, cast

from errands.core.definition.nodes import MapNode, Node, Path, ScalarNode, plain
from errands.core.definition.reader import Raw, Reader, value_at, values
from errands.core.definition.task import (
    Expectation,
    ExpressionSource,
    LastRunSource,
    Param,
    TaskTest,
    ToolSource,
)
from errands.core.definition.triggers import (
    EmailTrigger,
    EventTrigger,
    ScheduleTrigger,
    Trigger,
    TriggerBase,
    WebhookTrigger,
)
from errands.core.definition.wording import field_names, one_of

TRIGGER_CLASSES: Final[Mapping[str, type[TriggerBase]]] = {
    "schedule": ScheduleTrigger,
    "webhook": WebhookTrigger,
    "email": EmailTrigger,
    "event": EventTrigger,
}
TRIGGER_KEYS: Final = ("id", "arguments", "enabled", "note")
TEST_KEYS: Final = tuple(field_names(TaskTest))
EXPECT_KEYS: Final = ("status", "output", "steps", "error")
SOURCE_KEYS: Final = {
    "last_run": ("last_run", "else"),
    "tool": ("tool", "with", "value"),
    "expression": ("expression",),
}
PARAM_EXTRAS: Final = ("default", "options", "from")

Read = TypeVar("Read")


def read_params(reader: Reader, node: Node | None) -> tuple[Param, ...]:
    """`params:`, a mapping of names to JSON Schemas with `default`, `options` and `from` beside their keywords."""
    params = reader.mapping(node, ("params",), "params")
    found = []
    for name, (_, value) in (params.entries if params else {}).items():
        param = _param(reader, name, value)
        if param is None:
            reader.lost.add(name)
        else:
            found.append(param)
    return tuple(found)


def _param(reader: Reader, name: str, node: Node) -> Param | None:
    path: Path = ("params", name)
    if not isinstance(node, MapNode):
        type_name = node.value if isinstance(node, ScalarNode) and isinstance(node.value, str) else "string"
        hint = f"write `{name}: {{type: {type_name}}}`"
        reader.report(path, f"the param `{name}` must be a mapping", hint, code="wrong-type")
        return None
    if isinstance(plain(value_at(node, "required") or ScalarNode(None, "", 0, 0, None)), bool):
        hint = "remove it: a param without `default` or `from` is required, any other is not"
        reader.report((*path, "required"), "`required` is no key of a param", hint, code="unknown-key", at_key=True)
        return None
    raw: Raw = {"name": name, "schema": values(node, *PARAM_EXTRAS)}
    if "default" in node.entries:
        raw |= {"has_default": True, "default": plain(node.entries["default"][1])}
    if "default" in node.entries and "from" in node.entries:
        hint = "keep one of the two; `from: {last_run: ..., else: ...}` has a default of its own"
        reader.report((*path, "from"), "a param has `default` or `from`, not both", hint, code="two-kinds", at_key=True)
        return None
    source = _source(reader, value_at(node, "from"), (*path, "from"), ("last_run", "tool", "expression"))
    options = _source(reader, value_at(node, "options"), (*path, "options"), ("tool",))
    if ("from" in node.entries and source is None) or ("options" in node.entries and options is None):
        return None
    return reader.build(Param, {**raw, "source": source, "options": options}, path)


def _source(
    reader: Reader, node: Node | None, path: Path, kinds: tuple[str, ...]
) -> ToolSource | LastRunSource | ExpressionSource | None:
    """Where a value or its choices are drawn from."""
    below = reader.mapping(node, path, str(path[-1]))
    if below is None:
        if node is not None and isinstance(node, ScalarNode) and node.value is None:
            reader.report(
                path, f"`{path[-1]}` is empty", f"add {one_of(kinds)} below it", code="missing-key", at_key=True
            )
        return None
    kind = next((key for key in kinds if key in below.entries), None)
    if kind is None:
        hint = f"add one of {one_of(kinds)}" if len(kinds) > 1 else f"add `{kinds[0]}:`"
        reader.report(path, f"`{path[-1]}` does not say where the value comes from", hint, code="no-kind")
        return None
    reader.known_keys(below, path, SOURCE_KEYS[kind])
    raw: Raw = values(below)
    if kind == "tool":
        raw = {key: raw[key] for key in ("tool", "with") if raw.get(key) is not None}
        value = value_at(below, "value")
        if value is not None:
            raw["value"] = reader.expression(value, (*path, "value"))
        return reader.build(ToolSource, raw, path)
    expression = reader.expression(below.entries[kind][1], (*path, kind))
    if expression is None:
        return None
    if kind == "last_run":
        return reader.build(LastRunSource, {"expression": expression, "else": raw.get("else")}, path)
    return reader.build(ExpressionSource, {"expression": expression}, path)


def read_triggers(reader: Reader, node: Node | None) -> tuple[Trigger, ...]:
    """`triggers:`, a list; the key that a trigger carries tells its kind."""
    found = []
    for index, item in enumerate(reader.listing(node, ("triggers",), "triggers")):
        found.append(_trigger(reader, item, ("triggers", index)))
    return _all_or_none(found)


def _trigger(reader: Reader, node: Node, path: Path) -> Trigger | None:
    if not isinstance(node, MapNode):
        reader.report(path, "a trigger must be a mapping", "write `- {id: name, schedule: {...}}`", code="wrong-type")
        return None
    kinds = [key for key in TRIGGER_CLASSES if key in node.entries]
    reader.known_keys(node, path, (*TRIGGER_KEYS, *(kinds or TRIGGER_CLASSES)))
    if len(kinds) != 1:
        count = "no key tells" if not kinds else f"{one_of([f'`{kind}`' for kind in kinds])}: only one key may tell"
        hint = f"give each trigger one of {one_of(TRIGGER_CLASSES)}"
        reader.report(path, f"{count} what starts a run", hint, code="no-kind" if not kinds else "two-kinds")
        return None
    kind = kinds[0]
    usable = reader.require(node, path, "id", "add `id:`, a name for this trigger")
    given = reader.mapping(value_at(node, kind), (*path, kind), kind)
    if given is None:
        if isinstance(value_at(node, kind), ScalarNode) and plain(node.entries[kind][1]) is None:
            hint = "say below it what starts a run"
            reader.report((*path, kind), f"`{kind}` is empty", hint, code="missing-key", at_key=True)
        return None
    raw: Raw = {key: value for key, value in values(node).items() if key in (kind, *TRIGGER_KEYS) and value is not None}
    return cast(Trigger | None, reader.build(TRIGGER_CLASSES[kind], raw, path)) if usable else None


def _all_or_none(found: list[Read | None]) -> tuple[Read, ...]:
    """Without one of them the others would be checked at wrong places; the broken one is reported already."""
    read = tuple(one for one in found if one is not None)
    return read if len(read) == len(found) else ()


def read_tests(reader: Reader, node: Node | None) -> tuple[TaskTest, ...]:
    """`tests:`, a list of dry runs."""
    found = []
    for index, item in enumerate(reader.listing(node, ("tests",), "tests")):
        path: Path = ("tests", index)
        if not isinstance(item, MapNode):
            hint = "write `- {name: ..., arguments: {...}, expect: {...}}`"
            reader.report(path, "a test must be a mapping", hint, code="wrong-type")
            return ()
        found.append(_test(reader, item, path))
    return _all_or_none(found)


def _test(reader: Reader, node: MapNode, path: Path) -> TaskTest | None:
    reader.known_keys(node, path, TEST_KEYS)
    raw: Raw = {key: value for key, value in values(node, "expect").items() if key in TEST_KEYS and value is not None}
    expect = reader.mapping(value_at(node, "expect"), (*path, "expect"), "expect")
    if expect is not None:
        reader.known_keys(expect, (*path, "expect"), EXPECT_KEYS)
        wanted: Raw = {key: value for key, value in values(expect).items() if key in EXPECT_KEYS}
        wanted = {key: value for key, value in wanted.items() if value is not None or key == "output"}
        wanted["has_output"] = "output" in expect.entries
        raw["expect"] = reader.build(Expectation, wanted, (*path, "expect")) or Expectation()
    return reader.build(TaskTest, raw, path)
