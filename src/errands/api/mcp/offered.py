"""The tools that a caller is offered: one for each task that the caller may run, and some for runs and approvals."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from mcp_types import Tool, ToolAnnotations
from pydantic import Field, JsonValue

from errands.api.bodies import Body
from errands.services.offering import OfferedTask

LONGEST_NAME = 64
"""Many clients accept `[a-zA-Z0-9_-]{1,64}` and nothing else."""
_RESULT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "run": {"type": "string", "description": "Id of the run, for get_run."},
        "status": {
            "type": "string",
            "enum": ["queued", "running", "waiting", "succeeded", "failed", "timed_out", "cancelled", "skipped"],
        },
        "output": {"description": "What the task gives, once it has succeeded."},
        "error": {"type": ["object", "null"]},
        "reason": {"type": ["string", "null"], "description": "Why it was skipped, is held back or was cancelled."},
        "waiting_for": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["run", "status"],
}


class StartRun(Body):
    """Start a run and do not wait for it. The same idempotency key never starts a second one."""

    project: Annotated[str, Field(min_length=1, max_length=63)]
    task: Annotated[str, Field(min_length=1, max_length=200)]
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    idempotency_key: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class GetRun(Body):
    """Look at a run: its status, what it waits for, its output once it has ended."""

    run: Annotated[str, Field(min_length=1, max_length=64)]
    wait_seconds: Annotated[float, Field(ge=0, le=300)] = 0
    """Wait so long for it to end, or to ask a person."""


class ListApprovals(Body):
    """The open questions of runs that you may answer."""


class AnswerApproval(Body):
    """Answer a question that holds a run."""

    approval: Annotated[str, Field(min_length=1, max_length=64)]
    """Its id, or the id of the run that asks."""
    choice: Annotated[str, Field(min_length=1, max_length=200)]
    form: dict[str, JsonValue] = Field(default_factory=dict)
    note: Annotated[str, Field(max_length=2000)] | None = None


FIXED: Mapping[str, tuple[type[Body], ToolAnnotations]] = {
    "start_run": (StartRun, ToolAnnotations(title="Start a run")),
    "get_run": (GetRun, ToolAnnotations(title="Look at a run", read_only_hint=True)),
    "list_approvals": (ListApprovals, ToolAnnotations(title="List open approvals", read_only_hint=True)),
    "answer_approval": (AnswerApproval, ToolAnnotations(title="Answer an approval")),
}
"""Tools beside the tasks. No task has such a name: the names of tasks' tools hold two underscores."""


def all_tools(tasks: Sequence[OfferedTask]) -> list[Tool]:
    """What `tools/list` tells."""
    return [*(_fixed(name, *parts) for name, parts in FIXED.items()), *(_of_task(task) for task in tasks)]


def tool_name(project: str, task: str) -> str:
    """`sales__weekly-report`; a name that is too long for clients ends in a digest of the whole."""
    name = f"{project}__{task}"
    if len(name) <= LONGEST_NAME:
        return name
    mark = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{name[: LONGEST_NAME - len(mark) - 1]}_{mark}"


def _fixed(name: str, arguments: type[Body], annotations: ToolAnnotations) -> Tool:
    schema = arguments.model_json_schema()
    described = " ".join(str(schema.pop("description", "")).split())
    output = _RESULT if name in ("start_run", "get_run") else None
    return Tool(name=name, description=described, input_schema=schema, output_schema=output, annotations=annotations)


def _of_task(task: OfferedTask) -> Tool:
    return Tool(
        name=tool_name(task.project, task.task),
        title=task.title,
        description=f"{task.description}\n\nTask {task.task} of project {task.project}.",
        input_schema=dict(task.arguments),
        output_schema=_RESULT,
        annotations=ToolAnnotations(title=task.title),
    )
