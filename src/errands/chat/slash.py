"""Slash commands: what a person can do in a thread without any model."""

import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from errands.chat.desk import Desk, Told
from errands.chat.operations import OPERATIONS
from errands.chat.operations.drafting import drafted
from errands.chat.schedule_words import OPTIONS, schedule_from
from errands.chat.skeletons import SKELETONS, skeleton
from errands.core.definition.parsing import parse_document
from errands.core.definition.task import Param, TaskDefinition
from errands.core.params import arguments_schema
from errands.core.values import Json, JsonObject, from_text
from errands.services.errors import Invalid, NotFound

Do = Callable[[Desk, Sequence[str]], Awaitable[Told]]
_LONGEST_COMMAND = 10_000


@dataclass(frozen=True, slots=True)
class Command:
    """One slash command."""

    usage: str
    about: str
    do: Do


def is_command(text: str) -> bool:
    """Whether it is for us and not for a model: a slash command, or a task or agent file."""
    return text.startswith("/") or pasted_file(text) is not None


def pasted_file(text: str) -> str | None:
    """The source of a task or agent file that was pasted, alone or in a fence."""
    inner = text.strip()
    if inner.startswith("```") and inner.endswith("```"):
        inner = inner.removesuffix("```").partition("\n")[2]
    found = inner.startswith(("task:", "agent:"))
    return inner if found and "\n" in inner else None


async def answer_command(desk: Desk, text: str) -> Told:
    """Do what the command says. Raises ServiceError, ArgumentsInvalid."""
    source = pasted_file(text)
    if source is not None:
        return await OPERATIONS["draft"].perform(desk, {"source": source})
    if len(text) > _LONGEST_COMMAND:
        raise Invalid(f"A command of {len(text):,} characters is too long.", f"Use up to {_LONGEST_COMMAND:,}.")
    words = _words(text.strip().removeprefix("/"))
    name = words[0].casefold() if words else "help"
    command = COMMANDS.get(name)
    if command is None:
        raise NotFound("command", f"/{name[:60]}", hint="`/help` lists what there is.")
    return await command.do(desk, words[1:])


async def _help(desk: Desk, words: Sequence[str]) -> Told:
    lines = [f"- `{one.usage}`: {one.about}" for one in COMMANDS.values()]
    said = "\n".join([*lines, "", "Paste a task file (`task: ...`) to draft it."])
    return Told([one.usage for one in COMMANDS.values()], said)


async def _tasks(desk: Desk, words: Sequence[str]) -> Told:
    if words:
        return await OPERATIONS["get_task"].perform(desk, {"task": words[0]})
    return await OPERATIONS["list_tasks"].perform(desk, {})


async def _runs(desk: Desk, words: Sequence[str]) -> Told:
    return await OPERATIONS["list_runs"].perform(desk, {"task": words[0]} if words else {})


async def _run(desk: Desk, words: Sequence[str]) -> Told:
    task = _needed(words, "/run TASK key=value")
    given = await _arguments(desk, task, words[1:])
    # The person's own command is the click.
    person = replace(desk, untrusted=False)
    return await OPERATIONS["start_run"].perform(person, {"task": task, "arguments": given})


async def _try(desk: Desk, words: Sequence[str]) -> Told:
    if not words or "=" in words[0]:
        given: JsonObject = {key: _value(text, {}) for key, text in _pairs(words)}
        return await OPERATIONS["dry_run"].perform(desk, {"arguments": given})
    draft = await drafted(desk, words[0])
    definition = parse_document(draft.source).definition if draft is not None else None
    params = definition.params if isinstance(definition, TaskDefinition) else None
    given = await _arguments(desk, words[0], words[1:], params)
    return await OPERATIONS["dry_run"].perform(desk, {"task": words[0], "arguments": given})


async def _schedule(desk: Desk, words: Sequence[str]) -> Told:
    task = _needed(words, "/schedule TASK daily 09:00")
    words = words[1:]
    given = [] if words[:1] and words[0].startswith("{") else [word for word in words if _is_argument(word)]
    wanted: JsonObject = {
        "task": task,
        "schedule": schedule_from([word for word in words if word not in given]),
        "arguments": await _arguments(desk, task, given),
    }
    return await OPERATIONS["set_trigger"].perform(desk, wanted)


async def _approve(desk: Desk, words: Sequence[str]) -> Told:
    if not words:
        waiting = (await desk.services.approvals.inbox(desk.caller, desk.project, mine=True)).items
        if len(waiting) != 1:
            return await OPERATIONS["list_approvals"].perform(desk, {})
        words = [waiting[0].id]
    return await OPERATIONS["answer_approval"].perform(desk, {"approval": words[0]})


async def _explain(desk: Desk, words: Sequence[str]) -> Told:
    run = words[0] if words else await _latest(desk)
    return await OPERATIONS["explain_run"].perform(desk, {"run": run})


async def _cancel(desk: Desk, words: Sequence[str]) -> Told:
    return await OPERATIONS["cancel_run"].perform(desk, {"run": _needed(words, "/cancel RUN")})


async def _pause(desk: Desk, words: Sequence[str]) -> Told:
    given: JsonObject = {"task": _needed(words, "/pause TASK"), "act": "pause", "note": " ".join(words[1:]) or None}
    return await OPERATIONS["change_task_state"].perform(desk, given)


async def _resume(desk: Desk, words: Sequence[str]) -> Told:
    given: JsonObject = {"task": _needed(words, "/resume TASK"), "act": "resume"}
    return await OPERATIONS["change_task_state"].perform(desk, given)


async def _new(desk: Desk, words: Sequence[str]) -> Told:
    if not words:
        kinds = "\n".join(f"- `{name}`: {about}" for name, (about, _) in SKELETONS.items())
        return Told(list(SKELETONS), f"`/new KIND NAME what it does` drafts a task. Kinds:\n{kinds}")
    kind, rest = (words[0], words[1:]) if words[0] in SKELETONS else ("plain", words)
    name = _needed(rest, f"/new {kind} NAME what it does")
    return await OPERATIONS["draft"].perform(desk, {"source": skeleton(kind, name, " ".join(rest[1:]))})


async def _templates(desk: Desk, words: Sequence[str]) -> Told:
    if not words:
        return await OPERATIONS["list_templates"].perform(desk, {})
    name, act, given = words[0], words[1] if len(words) > 1 else "show", words[2:]
    if act == "use":
        view = await desk.services.templates.get(desk.caller, name)
        shapes = view.asks.get("properties")
        known = shapes if isinstance(shapes, Mapping) else {}
        answers: JsonObject = {key: _value(text, known.get(key)) for key, text in _pairs(given)}
        return await OPERATIONS["use_template"].perform(desk, {"template": name, "answers": answers})
    if act in ("show", "try"):
        return await OPERATIONS[f"{act}_template"].perform(desk, {"template": name})
    raise Invalid(f"A template cannot be told to {act[:40]!r}.", "Write /templates NAME show, try or use.")


async def _save(desk: Desk, words: Sequence[str]) -> Told:
    given: JsonObject = {"name": _needed(words, "/save NAME"), "description": " ".join(words[1:])}
    return await OPERATIONS["save_conversation"].perform(desk, given)


COMMANDS: Mapping[str, Command] = {
    "help": Command("/help", "this list", _help),
    "tasks": Command("/tasks [TASK]", "the tasks, or one with its source", _tasks),
    "templates": Command(
        "/templates [NAME [try | use key=value]]", "tasks that nearly do a job: shown, tried, drafted", _templates
    ),
    "new": Command("/new [KIND] NAME what it does", "draft a task", _new),
    "try": Command(
        "/try [TASK] key=value", "rehearse the last draft, or a draft or task by name; nothing leaves the machine", _try
    ),
    "run": Command("/run TASK key=value", "start a run; asks for what is missing", _run),
    "runs": Command("/runs [TASK]", "the latest runs", _runs),
    "explain": Command("/explain [RUN]", "what a run did, and why", _explain),
    "cancel": Command("/cancel RUN", "end a run", _cancel),
    "schedule": Command(
        "/schedule TASK daily 09:00 [timezone=Europe/Berlin] [key=value]", "when it runs, with a preview", _schedule
    ),
    "approve": Command("/approve [APPROVAL or RUN]", "answer a question", _approve),
    "pause": Command("/pause TASK [why]", "refuse new runs", _pause),
    "resume": Command("/resume TASK", "admit runs again", _resume),
    "save": Command("/save NAME [what it does]", "draft a task from the tool calls of this conversation", _save),
}


async def _latest(desk: Desk) -> str:
    page = await desk.services.runs.list(desk.caller, desk.project, limit=1)
    if not page.items:
        raise NotFound("run", "the latest", hint="`/run TASK` starts one.")
    return page.items[0].id


async def _arguments(desk: Desk, task: str, words: Sequence[str], params: Sequence[Param] | None = None) -> JsonObject:
    """`key=value` words as the task's params want them: texts as they are, everything else as JSON.

    `params`: those of a draft, in place of the stored task's.
    """
    if not words:
        return {}
    if params is None:
        params = (await desk.services.tasks.definition(desk.caller, desk.project, task)).params
    schema = arguments_schema(params).get("properties")
    shapes = schema if isinstance(schema, Mapping) else {}
    return {key: _value(text, shapes.get(key)) for key, text in _pairs(words)}


def _is_argument(word: str) -> bool:
    """Of the runs, not an option of the schedule itself."""
    return "=" in word and word.partition("=")[0] not in OPTIONS


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    found = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise Invalid(f"{word[:80]!r} is no argument.", "Write key=value; put quotes around blanks.")
        found.append((key, value))
    return found


def _value(text: str, shape: Json) -> Json:
    if isinstance(shape, Mapping) and shape.get("type") == "string":
        return text
    try:
        return from_text(text)
    except ValueError:
        return text


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise Invalid(f"The command cannot be read: {error}.", "Close every quote.") from None


def _needed(words: Sequence[str], usage: str) -> str:
    if not words:
        raise Invalid("Something is missing after the command.", f"Write {usage}.")
    return words[0]
