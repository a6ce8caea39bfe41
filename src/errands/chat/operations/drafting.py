"""Drafts: a task or agent file is checked, compared with what is stored, and shown on a card with its diff."""

from collections.abc import Mapping

from pydantic import Field, JsonValue

from errands.chat.desk import Card, Desk, Told
from errands.chat.operations.firings import firings_of
from errands.chat.operations.operation import Arguments, operation
from errands.core.definition.parsing import parse_document
from errands.core.definition.task import TaskDefinition
from errands.core.problems import Problem
from errands.core.values import Json, to_text
from errands.services.applying import kind_and_name
from errands.services.chat_views import CardView
from errands.services.errors import Invalid, NotFound
from errands.services.rehearsal_views import DryRunView
from errands.services.views import SourceFile

_LONGEST_SOURCE = 2**20
_MOST_LOGGED = 50
"""Lines of a rehearsal's log that a conversation holds."""
_LONGEST_LINE = 500


class Draft(Arguments):
    source: str = Field(max_length=_LONGEST_SOURCE)
    """The whole YAML file of the task (`task: ...`) or agent (`agent: ...`), new or changed."""
    message: str | None = None
    """What was changed and why; kept with the version."""


class Rehearsal(Arguments):
    task: str | None = None
    """Name of a draft of this conversation that is not published yet, or else of a stored task. Without it and
    without a source: the draft shown last in this conversation."""
    source: str | None = None
    """A file that need not be stored."""
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    stubs: dict[str, JsonValue] = Field(default_factory=dict)
    """Output by step id, in place of what would touch the world; what has none is made up from its schema."""


@operation
async def draft(desk: Desk, arguments: Draft) -> Told:
    """Check a new or changed task or agent and show it with its diff on a card. Nothing is stored until the person
    clicks Save or Publish."""
    problems = await desk.services.tasks.validate(desk.caller, desk.project, arguments.source)
    errors = [one for one in problems if one.severity == "error"]
    if errors:
        listed = "\n".join(_problem(one) for one in errors)
        found: Json = [_finding(one) for one in errors]
        return Told({"invalid": found}, f"{len(errors)} problems; nothing was stored.\n{listed}")
    card = await _card(desk, arguments.source, arguments.message)
    diff = str(card.data["diff"])
    shown = f"```diff\n{diff}\n```" if diff else "It is what is stored already."
    words = f"Draft of the {card.shows} **{card.data['name']}** ({card.data['change']}). Save or publish it by a click."
    facts: Json = {"draft": card.data["name"], "change": card.data["change"], "warnings": card.data["problems"]}
    return Told(facts, f"{words}\n\n{shown}", (card,))


@operation
async def dry_run(desk: Desk, arguments: Rehearsal) -> Told:
    """Rehearse a task or a draft: nothing leaves the machine and nothing is kept."""
    chosen: SourceFile | str
    if arguments.source is not None:
        chosen = SourceFile("draft.yaml", arguments.source)
    elif arguments.task is not None:
        chosen = await drafted(desk, arguments.task) or arguments.task
    else:
        chosen = await last_draft(desk)
    came = await desk.services.runs.dry_run(
        desk.caller, desk.project, chosen, arguments.arguments, stubs=arguments.stubs
    )
    facts = rehearsed(came)
    steps = "\n".join(f"- `{step.path}` {step.status.value}" for step in came.steps)
    error = f"\n\n{came.error.message}" if came.error is not None else ""
    output = f"\n\nOutput: `{to_text(came.output)}`" if came.output is not None else ""
    lines = "".join(f"\n    {line}" for line in _logged(came))
    logged = f"\n\nIt logged:\n{lines}" if lines else ""
    what = "dry run" if isinstance(chosen, str) else "dry run of the draft"
    said = f"The {what} has **{came.status.value}**; nothing left the machine.\n{steps}{error}{output}{logged}"
    return Told(facts, said, (Card("rehearsal", facts),))


async def last_draft(desk: Desk) -> SourceFile:
    """The task that was drafted last in the thread. Raises NotFound."""
    cards = await _task_cards(desk)
    if not cards:
        raise NotFound("draft", desk.thread, hint="Name a task, or draft one first.")
    return _source(cards[0])


async def drafted(desk: Desk, task: str) -> SourceFile | None:
    """The newest draft of a task in the thread. None: there is none, or it was published or dismissed."""
    card = next((one for one in await _task_cards(desk) if one.data["name"] == task), None)
    if card is None or card.state == "dismissed" or card.action == "publish":
        return None
    return _source(card)


async def _task_cards(desk: Desk) -> list[CardView]:
    """The thread's drafts of tasks, newest first."""
    cards = await desk.services.answers.cards(desk.caller, desk.thread)
    return [one for one in reversed(cards) if one.kind == "task"]


def _source(card: CardView) -> SourceFile:
    return SourceFile(f"tasks/{card.data['name']}.yaml", str(card.data["source"]))


async def draft_card(desk: Desk, source: str, message: str | None) -> Card:
    """The card of a file that has no error. Raises Denied, FilesInvalid, Invalid."""
    return await _card(desk, source, message)


async def _card(desk: Desk, source: str, message: str | None) -> Card:
    definition = parse_document(source).definition
    assert definition is not None
    kind, name = kind_and_name(definition)
    if kind == "model":
        raise Invalid("Models hold addresses and keys; they are not drafted here.", "Use the page, or errands apply.")
    files = [SourceFile(f"{kind}s/{name}.yaml", source)]
    (applied,) = await desk.services.tasks.apply(desk.caller, desk.project, files, publish=False, dry_run=True)
    data: dict[str, Json] = {
        "name": name,
        "source": source,
        "change": applied.change,
        "diff": applied.diff,
        "problems": [_finding(one) for one in applied.problems],
        "message": message,
    }
    if isinstance(definition, TaskDefinition):
        data["base"] = await _base(desk, name)
        data["triggers"] = await firings_of(desk, definition)
    return Card("task" if kind == "task" else "agent", data)


async def _base(desk: Desk, name: str) -> str | None:
    """The digest of the version that the draft changes. None: the task is new."""
    try:
        return (await desk.services.tasks.versions(desk.caller, desk.project, name, limit=1)).items[0].digest
    except NotFound:
        return None


def _finding(problem: Problem) -> Mapping[str, Json]:
    return {
        "line": problem.line,
        "path": problem.path,
        "message": problem.message,
        "hint": problem.hint,
        "severity": problem.severity,
    }


def _problem(problem: Problem) -> str:
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"- line {problem.line}, `{problem.path}`: {problem.message}{hint}"


def rehearsed(came: DryRunView) -> dict[str, Json]:
    """What came of a rehearsal, as facts."""
    return {
        "status": came.status.value,
        "output": came.output,
        "error": None if came.error is None else came.error.as_json(),
        "steps": [
            {"step": one.path, "kind": one.kind, "status": one.status.value, "output": one.output} for one in came.steps
        ],
        "logs": [*_logged(came)],
    }


def _logged(came: DryRunView) -> list[str]:
    lines = (f"{one.path}: {' '.join(one.message.split())}" for one in came.logs[:_MOST_LOGGED])
    return [line[:_LONGEST_LINE] for line in lines]
