"""What a package needs to bring tools of its own, and to test them. How: docs/how-to/extending.md.

    class LevelArguments(Arguments):
        article: str

    class LevelOutput(Output):
        pieces: int

    @tool("stock.level", effect=Effect.READS, errors=(ErrorKind.NOT_FOUND,))
    async def stock_level(arguments: LevelArguments, context: ToolContext) -> LevelOutput:
        '''Say how many pieces of an article there are.'''

These names stay as they are within a major version of Errands; whatever else the package holds may change with any.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from errands.core.definition.policies import Grants
from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.ports import Effect, RunIdentity
from errands.core.values import Json, JsonObject
from errands.engine.loose import LooseContext
from errands.tools.catalog import Catalog
from errands.tools.hosts import HostPolicy
from errands.tools.limits import ToolLimits
from errands.tools.outbound import Answer, Outgoing
from errands.tools.refusal import Refusal
from errands.tools.secret_text import SecretOnly, SecretText
from errands.tools.tool import Arguments, Output, Tool, ToolContext, tool

__all__ = [
    "Answer",
    "Arguments",
    "Effect",
    "ErrorKind",
    "Json",
    "JsonObject",
    "Outgoing",
    "Output",
    "Refusal",
    "SecretOnly",
    "SecretText",
    "StepFailed",
    "Tool",
    "ToolContext",
    "Tried",
    "tool",
    "try_tool",
]

A = TypeVar("A", bound=Arguments)
R = TypeVar("R", bound=Output)
_MEMORY_BYTES = 512 * 2**20


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a call."""

    output: Json
    logs: Sequence[str]
    """Lines for the run's log, such as `info: ordered 3`."""


async def try_tool(
    tried: Tool[A, R],
    arguments: JsonObject,
    *,
    hosts: Sequence[str] = (),
    secrets: Mapping[str, str] | None = None,
    folder: Path | None = None,
    private_hosts: Sequence[str] = ("127.0.0.1", "localhost"),
) -> Tried:
    """Call a tool as a step does, for its tests: arguments checked, secrets resolved, only what is granted reached.

    `hosts` and `secrets` (values by name) are what the task was granted, `folder` is its workspace, `private_hosts` is
    as the setting ERRANDS_ALLOW_PRIVATE_HOSTS. Raises StepFailed.
    """
    known = secrets or {}
    grants = Grants(tools=(tried.spec.name,), hosts=tuple(hosts), secrets=tuple(known))
    run = RunIdentity("run_" + "0" * 32, "tried", "tried", "prj_" + "0" * 32, 1, datetime.now(UTC))
    catalog = Catalog(HostPolicy(frozenset(private_hosts)), ToolLimits())
    catalog.add(replace(tried, spec=replace(tried.spec, package="that is tried")))
    try:
        with tempfile.TemporaryDirectory(prefix="errands-tried-") as made:
            context = LooseContext(run, grants, "tried", folder or Path(made), _MEMORY_BYTES, secrets=known)
            performed = await catalog.call(tried.spec.name, arguments, context)
    finally:
        await catalog.aclose()
    return Tried(performed.output, tuple(context.logs))
