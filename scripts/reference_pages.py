"""Write the pages of docs/reference/ that are made from the code.

What stands between the markers `<!-- generated -->` and `<!-- /generated -->` of a page is made here; the rest is
written by hand.

usage: reference_pages.py           write the pages
       reference_pages.py --check   only say which page is out of date, and exit 1 if one is
"""

import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that `scripts` is found, however this is run

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from errands.api.app import make_app as make_api_app
from errands.api.chatting import ChatHere
from errands.api.frame import Parts
from errands.api.metrics import METRICS
from errands.api.problem_kinds import PROBLEM_KINDS
from errands.cli.app import make_app
from errands.cli.exits import ExitCode
from errands.cli.wiring import Wiring
from errands.core.catalog import ToolSpec
from errands.core.definition.alarms import APPROVAL, RECOVERED, AlarmKind
from errands.core.definition.rules import RULES
from errands.core.outcomes import RETRIED_BY_DEFAULT, ErrorKind
from errands.core.ports import Effect
from errands.core.rights import OWN_RIGHTS, PROJECT_RIGHTS, SCOPES, SERVER_RIGHTS, ProjectRole, ServerRole, Verb
from errands.core.schedules.firing import SkipReason
from errands.core.task_templates import read_template
from errands.core.values import Json
from errands.services import Services
from errands.services.activity_views import ActivityBegun, ActivityEvent
from errands.services.views import RunEvent
from errands.settings import Settings
from errands.tools.builtin import builtin_catalog
from errands.tools.hosts import HostPolicy
from errands.tools.limits import ToolLimits
from scripts.reference_keys import keys_page
from scripts.reference_parts import code, default, documented, part, table, text, type_name

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
TEMPLATES = FOLDER.parent.parent / "templates"
GENERATED = re.compile(r"(?<=<!-- generated -->\n).*(?=<!-- /generated -->\n)", re.DOTALL)


Document = Mapping[str, Any]
"""An OpenAPI document, or a part of one."""


def main(arguments: list[str]) -> int:
    stale = [name for name, make in PAGES.items() if refresh(FOLDER / name, make(), write="--check" not in arguments)]
    for name in stale:
        print(f"docs/reference/{name} {'is out of date: run `make pages`' if '--check' in arguments else 'written'}")
    print(f"{len(PAGES)} pages made from the code: {', '.join(PAGES)}")
    return 1 if stale and "--check" in arguments else 0


def refresh(page: Path, generated: str, *, write: bool) -> bool:
    """Put the generated part into the page; whether that changed it."""
    old = page.read_text(encoding="utf-8")
    new, found = GENERATED.subn(lambda _: f"\n{generated.strip()}\n\n", old)
    if not found:
        raise SystemExit(f"{page} has no <!-- generated --> part")
    if write and new != old:
        page.write_text(new, encoding="utf-8")
    return new != old


def settings_page() -> str:
    """One row for each setting, in the order of the class."""
    rows = ((f"`{doc.variable}`", doc.kind, code(doc.default), doc.description) for doc in Settings.describe())
    return table(("Variable", "Kind", "Default", "Meaning"), rows)


def tools_page() -> str:
    """One section for each built-in tool."""
    specs = builtin_catalog(HostPolicy(), ToolLimits()).specs()
    return "\n\n".join(tool_section(specs[name]) for name in sorted(specs))


def tool_section(spec: ToolSpec) -> str:
    """Heading, description, what it does to the outside, arguments, output, errors."""
    parts = [f"## {spec.name}", spec.description, f"{EFFECTS[spec.effect]}."]
    if spec.returns_outside_data:
        parts[-1] += " Its output counts as data from outside."
    inputs, outputs = fields(spec.input_schema), fields(spec.output_schema)
    parts.append(table(("Argument", "Type", "Default", "Meaning"), inputs))
    parts.append(table(("Output", "Type", "Meaning"), ((name, kind, meaning) for name, kind, _, meaning in outputs)))
    if spec.errors:
        parts.append(f"Errors besides `input` and `denied`: {', '.join(f'`{kind.value}`' for kind in spec.errors)}.")
    return "\n\n".join(parts)


EFFECTS = {
    Effect.NONE: "Touches nothing outside the run",
    Effect.READS: "Reads the outside",
    Effect.CHANGES: "May change the outside",
}


def fields(schema: Json) -> list[tuple[str, str, str, str]]:
    """Name, type, default and description of each property of an object's schema."""
    properties, required = part(schema, "properties"), part(schema, "required")
    assert isinstance(properties, Mapping)
    needed = required if isinstance(required, list) else []
    return [
        (
            f"`{name}`",
            type_name(inner),
            "required" if name in needed else default(inner),
            text(part(inner, "description")),
        )
        for name, inner in properties.items()
    ]


def cli_page() -> str:
    """The commands by chapter, each with its arguments and options."""
    app = get_command(make_app(cast(Wiring, None)))  # described, never called
    assert isinstance(app, TyperGroup)
    chapters: dict[str, list[str]] = {}
    for name, command in app.commands.items():
        sections = [command_section(f"errands {name} {sub}".strip(), each) for sub, each in commands_of(command)]
        chapters.setdefault(str(getattr(command, "rich_help_panel", "")), []).extend(sections)
    return "\n\n".join("\n\n".join([f"## {chapter}", *sections]) for chapter, sections in chapters.items())


def commands_of(command: object) -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    """The command, or those of a group; and the group itself, where it does something without any of them."""
    if isinstance(command, TyperGroup):
        if command.invoke_without_command:
            yield "", command
        yield from ((name, inner) for name, inner in command.commands.items() if isinstance(inner, TyperCommand))
    elif isinstance(command, TyperCommand):
        yield "", command


def command_section(name: str, command: TyperCommand | TyperGroup) -> str:
    """Heading, usage, help, and a table of what can be given."""
    arguments = [param for param in command.params if isinstance(param, TyperArgument)]
    usage = " ".join([name, "[OPTIONS]", *(shown_argument(argument) for argument in arguments)])
    rows = [(code(shown_argument(argument)), argument.help or "") for argument in arguments]
    rows += [(shown_option(param), param.help or "") for param in command.params if isinstance(param, TyperOption)]
    parts = [f"### {name}", f"```text\n{usage}\n```", "\n\n".join(paragraphs(command.help or ""))]
    return "\n\n".join([*parts, table(("Given", "Meaning"), rows)] if rows else parts)


def shown_argument(argument: TyperArgument) -> str:
    metavar = argument.metavar or (argument.name or "").upper()
    return metavar if argument.required or metavar.startswith("[") else f"[{metavar}]"


def shown_option(option: TyperOption) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    if option.is_flag or option.secondary_opts:
        return names
    choices = [str(choice) for choice in get_args(option.type_descriptor.annotation) if isinstance(choice, str)]
    return f"{names} {option.metavar or '|'.join(choices) or 'VALUE'}"


def paragraphs(help_text: str) -> list[str]:
    return [" ".join(paragraph.split()) for paragraph in help_text.split("\n\n") if paragraph.strip()]


def api_page() -> str:
    """One section for each noun of the API, one table row for each operation."""
    parts = Parts(cast(Services, None), lambda error: None, "0", lambda callback: None, cast(ChatHere, None))
    document = make_api_app(parts).openapi()
    sections = []
    for tag in document["tags"]:
        found = [one for one in operations(document) if tag["name"] in one[2]["tags"]]
        rows = "\n".join(operation_row(document, *one) for one in found)
        head = "| Request | What it does | Query | Body | Answer |\n| --- | --- | --- | --- | --- |"
        sections.append(f"## {tag['name'].capitalize()}\n\n{tag['description']}\n\n{head}\n{rows}")
    return "\n\n".join(sections)


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, methods in document["paths"].items():
        for method, declared in methods.items():
            yield method.upper(), path, declared


def operation_row(document: Document, method: str, path: str, declared: Document) -> str:
    query = [one["name"] for one in declared.get("parameters", ()) if one["in"] == "query"]
    answers = [
        f"{status} {answer_shape(answer)}".strip()
        for status, answer in declared["responses"].items()
        if status[0] in "23"
    ]
    cells = (
        f"`{method} {path}`",
        declared["summary"],
        ", ".join(f"`{name}`" for name in query),
        body_fields(document, declared),
        "; ".join(answers),
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def body_fields(document: Document, declared: Document) -> str:
    """The body's fields; those that must be given are marked with a star."""
    content = declared.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return ""
    schema = content.get("schema", {})
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "properties" not in schema:
        return "anything"
    required = schema.get("required", ())
    return ", ".join(f"`{key}`{'*' if key in required else ''}" for key in schema.get("properties", ()))


def answer_shape(answer: Document) -> str:
    """The name of the answer's schema."""
    content = answer.get("content", {})
    if "application/json" not in content:
        return ", ".join(content)
    schema = content["application/json"].get("schema", {})
    if "items" in schema:
        return f"list of {schema_name(schema['items'])}"
    return schema_name(schema)


def schema_name(schema: Document) -> str:
    return str(schema["$ref"].rpartition("/")[2]) if "$ref" in schema else str(schema.get("type", "JSON"))


def errors_page() -> str:
    """Exit codes, kinds of problem documents, rules of files, kinds of failures, reasons of skipped starts."""
    exits = [(f"`{code.value}`", code.name.lower().replace("_", " "), doc) for code, doc in documented(ExitCode)]
    kinds = [(f"`{kind}`", str(one.status.value), one.means, one.do) for kind, one in PROBLEM_KINDS.items()]
    rules = [(f"`{code}`", rule.means, rule.do) for code, rule in sorted(RULES.items())]
    failures = [
        (f"`{kind.value}`", doc, "yes" if kind in RETRIED_BY_DEFAULT else "") for kind, doc in documented(ErrorKind)
    ]
    skips = [(f"`{reason.value}`", doc) for reason, doc in documented(SkipReason)]
    return "\n\n".join(
        [
            "## Exit codes of commands\n\nEvery command ends with one of these; what happened is on stderr.",
            table(("Code", "Name", "Meaning"), exits),
            "## Refusals of the API\n\nA problem document (RFC 9457) whose `type` is `urn:errands:problem:` and one of "
            "these. It has `detail`, mostly a `hint`, and the `request_id` under which the server's log tells of it.",
            table(("Kind", "Status", "Meaning", "What to do"), kinds),
            "## Findings in a file\n\n`errands validate` and `apply`, the editors and `problems` of `files-invalid` "
            "name the rule as `code`, beside line, column, message and hint.",
            table(("Rule", "Meaning", "What to do"), rules),
            "## Failures of a step\n\nThe `kind` of a failed step: in its record, in `error` of `on_error` steps, in "
            "`retry: {on: [...]}`.",
            table(("Kind", "Meaning", "Retried where `retry` names none"), failures),
            "## Planned starts that the schedule itself lets pass\n\nMore reasons, such as a paused task, are "
            "[told with the ledger](../explanation/scheduling.md#what-becomes-of-a-planned-time).",
            table(("Reason", "Meaning"), skips),
        ]
    )


def templates_page() -> str:
    """One row for each template."""
    found = [
        read_template((folder / "template.yaml").read_text(encoding="utf-8"))
        for folder in sorted(TEMPLATES.iterdir())
        if (folder / "template.yaml").exists()
    ]
    rows = [
        (
            f"[{one.title}](../../templates/{one.template}/README.md)",
            f"`{one.template}`",
            one.summary,
            one.schedule or "",
        )
        for one in found
    ]
    return table(("Template", "Name", "What it does", "Proposed schedule"), rows)


def metrics_page() -> str:
    rows = [
        (
            code(one.name + (f"{{{','.join(one.labels)}}}" if one.labels else "")),
            one.kind,
            "all servers" if one.everywhere else "this process",
            one.means,
        )
        for one in METRICS
    ]
    return table(("Metric", "Kind", "Counts for", "Meaning"), rows)


def permissions_page() -> str:
    """Which role and which scope of a token hold each right."""
    meaning = dict(documented(Verb))
    in_project = [verb for role in ProjectRole for verb in Verb if verb in PROJECT_RIGHTS[role]]
    on_server = [verb for role in ServerRole for verb in Verb if verb in SERVER_RIGHTS[role]]
    scopes = {verb: ", ".join(f"`{scope.value}`" for scope in SCOPES if verb in SCOPES[scope]) for verb in Verb}
    project = [
        (f"`{verb.value}`", *_marks(ProjectRole, PROJECT_RIGHTS, verb), scopes[verb], meaning[verb])
        for verb in in_project
    ]
    server = [
        (f"`{verb.value}`", *_marks(ServerRole, SERVER_RIGHTS, verb), scopes[verb], meaning[verb]) for verb in on_server
    ]
    own = [(f"`{verb.value}`", scopes[verb], meaning[verb]) for verb in Verb if verb in OWN_RIGHTS]
    return "\n\n".join(
        [
            "## In a project\n\nAn administrator of the server is an owner of every project.",
            table(("Right", *(role.value.capitalize() for role in ProjectRole), "Scope", "What it lets do"), project),
            "## On the server",
            table(("Right", *(role.value.capitalize() for role in ServerRole), "Scope", "What it lets do"), server),
            "## Of one's own\n\nEverybody, for the own account; an administrator for those of others. No token has the "
            "rights that have no scope here.",
            table(("Right", "Scope", "What it lets do"), own),
        ]
    )


Role = TypeVar("Role", ProjectRole, ServerRole)


def _marks(roles: type[Role], rights: Mapping[Role, frozenset[Verb]], verb: Verb) -> list[str]:
    """A mark for each role, least first: a role holds what those before it hold."""
    held = [any(verb in rights[earlier] for earlier in list(roles)[: place + 1]) for place, _ in enumerate(roles)]
    return ["yes" if one else "" for one in held]


def events_page() -> str:
    """What streams tell, and what channels can be told."""
    told = [
        (f"`{APPROVAL}`", "A question to people, a reminder of it, or others who are asked too."),
        *((f"`{kind.value}`", doc) for kind, doc in documented(AlarmKind)),
        (f"`{RECOVERED}`", "What had failed or was silent has succeeded again."),
    ]
    return "\n\n".join(
        [
            "## Of a run\n\n`GET /api/v1/runs/{run}/events`",
            table(("Event", "Meaning"), _events(RunEvent)),
            "## Of a project\n\n`GET /api/v1/projects/{project}/events`",
            table(("Event", "Meaning"), _events(ActivityEvent)),
            "## To channels\n\nWhat `errands channels set NAME --event EVENT` chooses from.",
            table(("Event", "Meaning"), told),
        ]
    )


def _events(union: object) -> list[tuple[str, str]]:
    """Kind and meaning of each; that a stream has begun is told by an id alone."""
    events = [event for event in get_args(union) if event is not ActivityBegun]
    kinds = [{one.name: one.default for one in dataclasses.fields(event)}["kind"] for event in events]
    return [(f"`{kind}`", inspect.cleandoc(event.__doc__ or "")) for event, kind in zip(events, kinds, strict=True)]


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "tools.md": tools_page,
    "cli.md": cli_page,
    "api.md": api_page,
    "keys.md": keys_page,
    "templates.md": templates_page,
    "errors.md": errors_page,
    "metrics.md": metrics_page,
    "permissions.md": permissions_page,
    "events.md": events_page,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
