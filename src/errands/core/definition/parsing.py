"""From the text of a file to a task, an agent or a model: the file's shape becomes the models' shape.

Nothing here asks what exists around the definition; that is `checks.py`.
"""

import re
from dataclasses import dataclass
from typing import Final

from errands.core.definition.agents import AgentDefinition, ModelDefinition
from errands.core.definition.document import Document, read_document
from errands.core.definition.nodes import MapNode
from errands.core.definition.positions import Positions
from errands.core.definition.reader import Raw, Reader, text_at, value_at, values, without_echoes
from errands.core.definition.reading_steps import StepReader
from errands.core.definition.reading_task import read_params, read_tests, read_triggers
from errands.core.definition.task import TaskDefinition
from errands.core.definition.wording import did_you_mean, field_names
from errands.core.problems import DefinitionInvalid, Problem, in_file_order

TASK_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")
NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")
"""Names of agents, models and triggers."""
TASK_KEYS: Final = tuple(name for name in field_names(TaskDefinition) if name != "has_output")


@dataclass(frozen=True, slots=True)
class ParsedTask:
    """What a task file says."""

    definition: TaskDefinition | None
    """`None` if anything is wrong with the file."""
    problems: list[Problem]
    positions: Positions
    draft: TaskDefinition | None = None
    """What could be read of a file with problems, so that the rest of it can be checked too."""
    lost: frozenset[str] = frozenset()
    """Ids and params that stand in the file but are not in the draft."""


@dataclass(frozen=True, slots=True)
class ParsedAgent:
    """What an agent file says."""

    definition: AgentDefinition | None
    problems: list[Problem]
    positions: Positions


@dataclass(frozen=True, slots=True)
class ParsedModel:
    """What a model file says."""

    definition: ModelDefinition | None
    problems: list[Problem]
    positions: Positions


Parsed = ParsedTask | ParsedAgent | ParsedModel


def parse_document(source: str) -> Parsed:
    """A task (`task:`), agent (`agent:` without `task:`) or model (`model:` with neither) file.

    Never raises. A file that is none of these, or no YAML at all, gives a ParsedTask that holds only problems.
    """
    document = read_document(source)
    keys = document.root.entries if document.root else {}
    if document.root is None or "task" in keys:
        return _task(document)
    if "agent" in keys:
        return _agent(document, document.root)
    if "model" in keys:
        return _model(document, document.root)
    return ParsedTask(None, in_file_order([*document.problems, _nameless(document.root)]), document.positions)


def parse_task(source: str) -> ParsedTask:
    """A task file. Never raises: what is wrong with it is in `problems`, all of it, in the order of the file."""
    return _task(read_document(source))


def load_task(source: str) -> TaskDefinition:
    """The task of a file that is known to be good, such as a stored version. Raises DefinitionInvalid."""
    parsed = parse_task(source)
    if parsed.definition is None:
        raise DefinitionInvalid(parsed.problems)
    return parsed.definition


def _task(document: Document) -> ParsedTask:
    reader = Reader(document.positions, document.problems)
    if document.root is None:
        return ParsedTask(None, in_file_order(without_echoes(reader.problems)), document.positions)
    draft = _read_task(reader, document.root)
    definition = None if reader.problems else draft
    return ParsedTask(
        definition, in_file_order(without_echoes(reader.problems)), document.positions, draft, frozenset(reader.lost)
    )


def _read_task(reader: Reader, root: MapNode) -> TaskDefinition | None:
    reader.known_keys(root, (), TASK_KEYS)
    _check_name(reader, root, "task", TASK_NAME, "lower-case letters, digits and `-`, a letter first")
    usable = reader.require(root, (), "task", "add `task: name`")
    described = reader.require(root, (), "description", "say in a sentence what the task does")
    plain_keys = set(TASK_KEYS) - {"params", "steps", "on_error", "finally", "triggers", "tests"}
    raw: Raw = {key: value for key, value in values(root).items() if key in plain_keys and _said(key, value)}
    raw |= {} if described else {"description": ""}
    raw |= {} if usable else {"task": "unnamed"}
    raw["has_output"] = "output" in root.entries
    steps = StepReader(reader)
    for block in [key for key in root.entries if key in ("steps", "on_error", "finally")]:
        raw[block] = steps.block(value_at(root, block), (block,))
    raw["params"] = read_params(reader, value_at(root, "params"))
    raw["triggers"] = read_triggers(reader, value_at(root, "triggers"))
    raw["tests"] = read_tests(reader, value_at(root, "tests"))
    if reader.require(root, (), "steps", "add `steps:` and at least one step") and not raw["steps"]:
        reader_silent = any(problem.path.startswith("steps") for problem in reader.problems)
        if not reader_silent:
            reader.report(("steps",), "`steps` has no step", "add at least one", code="missing-key", at_key=True)
    return reader.build(TaskDefinition, {"steps": (), **raw}, ())


def _said(key: str, value: object) -> bool:
    return value is not None or key == "output"


def _agent(document: Document, root: MapNode) -> ParsedAgent:
    reader = Reader(document.positions, document.problems)
    _check_name(reader, root, "agent", NAME, "lower-case letters, digits, `-` and `_`, a letter first")
    raw = {key: value for key, value in values(root).items() if value is not None}
    definition = reader.build(AgentDefinition, raw, ())
    return ParsedAgent(
        None if reader.problems else definition, in_file_order(without_echoes(reader.problems)), document.positions
    )


def _model(document: Document, root: MapNode) -> ParsedModel:
    reader = Reader(document.positions, document.problems)
    _check_name(reader, root, "model", NAME, "lower-case letters, digits, `-` and `_`, a letter first")
    raw = {key: value for key, value in values(root).items() if value is not None}
    definition = reader.build(ModelDefinition, raw, ())
    if definition is not None:
        _check_model(reader, root, definition)
    return ParsedModel(
        None if reader.problems else definition, in_file_order(without_echoes(reader.problems)), document.positions
    )


def _check_model(reader: Reader, root: MapNode, model: ModelDefinition) -> None:
    """What a provider cannot do without."""
    if model.provider != "embedded":
        reader.require(root, (), "name", f"add `name:`, what {model.provider} calls the model")
    if model.provider == "openai-compatible":
        reader.require(root, (), "base_url", "add `base_url:`, such as https://llm.example/v1")
    if model.api_key is not None and not model.api_key.startswith("secret:"):
        hint = "store it with `errands secrets set NAME` and write `api_key: secret:NAME`"
        reader.report(
            ("api_key",), "`api_key` must be a secret's reference, not the key itself", hint, code="bad-value"
        )
    if model.model in model.fallback:
        reader.report(("fallback",), f"`{model.model}` cannot fall back on itself", "remove it", code="bad-value")


def _check_name(reader: Reader, root: MapNode, key: str, pattern: re.Pattern[str], allowed: str) -> None:
    name = text_at(root, key)
    if name is not None and not (pattern.fullmatch(name) and len(name) <= 100):
        mended = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789")[:100]
        hint = f"write {mended}" if mended else None
        reader.report(
            (key,), f'`{key}` is named "{name[:60]}"; a name has {allowed}, at most 100', hint, code="bad-name"
        )


def _nameless(root: MapNode) -> Problem:
    """A file that does not say what it is."""
    for key, (node, _) in root.entries.items():
        near = did_you_mean(key, ("task", "agent", "model"))
        if near:
            place = node.text
            return Problem(1, 1, place, f"unknown key `{key}`, and no `task`, `agent` or `model`", near, "unknown-key")
    message = "the file does not say what it is: `task`, `agent` or `model` is missing"
    return Problem(1, 1, "", message, "begin it with `task: name`, `agent: name` or `model: name`", "missing-key")
