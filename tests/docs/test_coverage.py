"""The reference leaves nothing out: whatever can be set, called, granted, measured or refused stands in it.

The names come from the code itself, not from what makes the pages; and each kind is taken out of a copy on purpose, to
see that it would be missed.
"""

import inspect
import re
import shutil
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import cast, get_args

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from errands.api.app import make_app as make_api
from errands.api.chatting import ChatHere
from errands.api.frame import Parts
from errands.api.metrics import METRICS
from errands.api.problem_kinds import PROBLEM_KINDS, ProblemKind
from errands.cli.app import make_app
from errands.cli.exits import ExitCode
from errands.cli.wiring import Wiring
from errands.core.definition.alarms import EVENTS
from errands.core.definition.rules import RULES, RuleCode
from errands.core.definition.schema import format_schema
from errands.core.outcomes import ErrorKind
from errands.core.rights import ProjectRole, Scope, ServerRole, Verb
from errands.core.schedules.firing import SkipReason
from errands.services import Services
from errands.services.activity_views import ActivityBegun, ActivityEvent
from errands.services.views import RunEvent
from errands.settings import Settings
from errands.tools.builtin import builtin_catalog
from errands.tools.hosts import HostPolicy
from errands.tools.limits import ToolLimits
from tests.docs.blocks import ROOT

SOURCE = ROOT / "src" / "errands"
STREAMED = [
    inspect.signature(event).parameters["kind"].default
    for event in (*get_args(RunEvent), *get_args(ActivityEvent))
    if event is not ActivityBegun  # told by an id alone
]


def commands(command: object = None, name: str = "errands") -> Iterator[str]:
    command = command or get_command(make_app(cast(Wiring, None)))
    if not isinstance(command, TyperGroup):
        yield f"### {name}\n"
        return
    if command.invoke_without_command and name != "errands":
        yield f"### {name}\n"
    for inner, each in command.commands.items():
        yield from commands(each, f"{name} {inner}")


def requests() -> Iterator[str]:
    parts = Parts(cast(Services, None), lambda error: None, "0", lambda callback: None, cast(ChatHere, None))
    for path, methods in make_api(parts).openapi()["paths"].items():
        yield from (f"| `{method.upper()} {path}` |" for method in methods)


def keys() -> Iterator[str]:
    """Every key of the file format, those of a trigger's alternatives and of schedules included."""
    found: set[str] = set()

    def walk(schema: object) -> None:
        if isinstance(schema, Mapping):
            properties = schema.get("properties")
            if isinstance(properties, Mapping):
                found.update(map(str, properties))
            for name, inner in schema.items():
                if name in ("$defs", "oneOf"):
                    walk(inner)
                elif name == "properties" and isinstance(inner, Mapping) and "schedule" in inner:
                    walk(inner["schedule"])
        elif isinstance(schema, list):
            for one in schema:
                walk(one)

    parts = format_schema()["$defs"]
    assert isinstance(parts, Mapping)
    for part in parts.values():
        walk(part)
    yield from (f"| `{name}` |" for name in found)


def rows(names: Iterator[str] | list[str]) -> list[str]:
    return [f"| `{name}`" for name in names]


WANTED: dict[str, tuple[str, list[str]]] = {
    "setting": ("settings.md", rows([doc.variable for doc in Settings.describe()])),
    "tool": ("tools.md", [f"## {name}\n" for name in builtin_catalog(HostPolicy(), ToolLimits()).specs()]),
    "command": ("cli.md", list(commands())),
    "request": ("api.md", list(requests())),
    "key": ("keys.md", list(keys())),
    "problem of the API": ("errors.md", rows(list(get_args(ProblemKind)))),
    "rule of files": ("errors.md", rows(list(get_args(RuleCode)))),
    "kind of failure": ("errors.md", rows([kind.value for kind in ErrorKind])),
    "reason of a skipped start": ("errors.md", rows([reason.value for reason in SkipReason])),
    "exit code": ("errors.md", rows([str(code.value) for code in ExitCode])),
    "metric": (
        "metrics.md",
        rows([one.name + (f"{{{','.join(one.labels)}}}" if one.labels else "") for one in METRICS]),
    ),
    "permission": ("permissions.md", rows([verb.value for verb in Verb])),
    "role": ("permissions.md", [f"| {role.value.capitalize()} |" for role in (*ProjectRole, *ServerRole)]),
    "scope": ("permissions.md", [f"`{scope.value}`" for scope in Scope]),
    "event of a stream": ("events.md", rows(STREAMED)),
    "event of a channel": ("events.md", rows(list(EVENTS))),
    "template": (
        "templates.md",
        [f"(../../templates/{file.parent.name}/README.md)" for file in ROOT.glob("templates/*/template.yaml")],
    ),
}
"""What must stand in a page of docs/reference/, by its kind: the page, and the texts by which it is found there."""


def missing(reference: Path) -> list[str]:
    """Every name that the reference in this folder leaves out."""
    texts = {page: (reference / page).read_text(encoding="utf-8") for page, _ in WANTED.values()}
    return [
        f"{kind} {name.strip('#|`() ').strip()}"
        for kind, (page, names) in WANTED.items()
        for name in names
        if name not in texts[page]
    ]


def test_the_reference_leaves_nothing_out() -> None:
    assert missing(ROOT / "docs" / "reference") == []


def test_there_is_much_that_must_not_be_left_out() -> None:
    assert {kind for kind, (_, names) in WANTED.items() if len(set(names)) < 4} == set()
    assert len(WANTED["template"][1]) >= 16


@pytest.mark.parametrize("kind", WANTED)
def test_what_is_taken_out_of_the_reference_is_missed(kind: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs" / "reference", tmp_path / "reference")
    page, names = WANTED[kind]
    copy = tmp_path / "reference" / page
    copy.write_text(copy.read_text(encoding="utf-8").replace(names[0], ""), encoding="utf-8")
    assert any(found.startswith(f"{kind} ") for found in missing(tmp_path / "reference"))


def test_every_kind_of_problem_and_every_rule_is_told_by_the_code() -> None:
    code = {file: file.read_text(encoding="utf-8") for file in SOURCE.rglob("*.py")}
    tables = {SOURCE / "api/problem_kinds.py", SOURCE / "core/definition/rules.py"}
    said = "\n".join(text for file, text in code.items() if file not in tables)
    assert [name for name in (*PROBLEM_KINDS, *RULES) if not re.search(rf'"{name}"', said)] == []


def test_every_problem_and_rule_has_a_meaning_and_a_next_move() -> None:
    assert set(PROBLEM_KINDS) == set(get_args(ProblemKind))
    assert set(RULES) == set(get_args(RuleCode))
    told = [text for one in PROBLEM_KINDS.values() for text in (one.means, one.do)]
    told += [text for rule in RULES.values() for text in (rule.means, rule.do)]
    assert [text for text in told if not text.endswith(".")] == []


def test_every_problem_has_the_status_that_its_table_says() -> None:
    made = re.compile(r'HTTPStatus\.(\w+),\s*"([a-z-]+)"')
    code = "\n".join(file.read_text(encoding="utf-8") for file in (SOURCE / "api").glob("*.py"))
    found = [(HTTPStatus[status], kind) for status, kind in made.findall(code)]
    assert len(found) >= 15
    assert [kind for status, kind in found if PROBLEM_KINDS[cast(ProblemKind, kind)].status != status] == []


def test_every_key_of_the_format_has_a_meaning() -> None:
    page = (ROOT / "docs/reference/keys.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `[^|]*\| *\|$|^\| `[^|]*\|[^|]*\|[^|]*\| +\|$", page, re.MULTILINE) == []


def test_every_error_that_a_step_can_have_stands_in_the_format_of_tasks() -> None:
    told = (ROOT / "docs/reference/task-format.md").read_text(encoding="utf-8")
    assert [kind.value for kind in ErrorKind if f"`{kind.value}`" not in told] == []
