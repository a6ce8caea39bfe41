"""What a tool is: one typed function, and what its callers must know about it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Generic, TypeVar, cast, get_type_hints

from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import GenerateJsonSchema

from errands.core.catalog import ToolSpec
from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.ports import Effect, StepContext
from errands.core.values import Json, JsonObject
from errands.tools.children import ChildLimits, run_in_child
from errands.tools.folders import locate
from errands.tools.limits import ToolLimits
from errands.tools.paths import Place
from errands.tools.refusal import Refusal

if TYPE_CHECKING:
    from errands.tools.databases import Databases
    from errands.tools.outbound import Outbound


class Arguments(BaseModel):
    """Base of every tool's input: an unknown argument is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True)


class Output(BaseModel):
    """Base of every tool's output."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_serialization_defaults_required=True)


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may use: its step, and what the tools of a process share."""

    step: StepContext
    limits: ToolLimits
    outbound: "Outbound"
    databases: "Databases"
    child_slots: asyncio.Semaphore

    def locate(self, path: str, *, write: bool = False) -> Place:
        """Where a path of the arguments leads. Raises Refusal outside the workspace and the granted folders."""
        return locate(path, workspace=self.step.workspace(), granted=self.step.grants.folders, write=write)

    async def in_child(
        self, function: str, arguments: JsonObject, *, seconds: float, result_bytes: int, files: Sequence[int] = ()
    ) -> Json:
        """What `function` gives in a child process within the step's memory limit. Raises StepFailed."""
        limits = ChildLimits(seconds, self.step.memory_limit, result_bytes=result_bytes)
        async with self.child_slots:
            result = await run_in_child(function, arguments, limits, files=files)
        used = result.resources
        self.step.log(
            f"child process: {used.cpu_seconds:.2f} s of CPU, {used.max_rss_bytes / 2**20:.0f} MiB", level="debug"
        )
        return result.value


A = TypeVar("A", bound=Arguments)
R = TypeVar("R", bound=Output)
Run = Callable[[A, ToolContext], Awaitable[R]]


@dataclass(frozen=True, slots=True)
class Tool(Generic[A, R]):
    """One operation with typed input and output."""

    spec: ToolSpec
    arguments: type[A]
    output: type[R]
    run: Run[A, R]
    effect_of: Callable[[JsonObject], Effect] | None = None
    """The effect of one call, by its raw arguments; `None`: always the spec's."""
    granted_by_secrets: bool = False
    """It reaches only what granted secrets name, so the task need not grant the tool as well (`notify:` steps)."""


def tool(
    name: str,
    *,
    effect: Effect,
    effect_of: Callable[[JsonObject], Effect] | None = None,
    granted_by_secrets: bool = False,
    errors: tuple[ErrorKind, ...] = (),
    version: str = "1",
    returns_outside_data: bool = False,
) -> Callable[[Run[A, R]], Tool[A, R]]:
    """Make a tool of an `async` function. Its docstring is the description, its annotations are the schemas.

    Raises TypeError where it is no such function.
    """

    def made(run: Run[A, R]) -> Tool[A, R]:
        arguments, output = _types(name, run)
        spec = ToolSpec(
            name=name,
            description=" ".join((run.__doc__ or "").split()),
            input_schema=_schema(arguments.model_json_schema(mode="validation", schema_generator=_WithoutTitles)),
            output_schema=_schema(output.model_json_schema(mode="serialization", schema_generator=_WithoutTitles)),
            effect=effect,
            errors=errors,
            version=version,
            returns_outside_data=returns_outside_data,
        )
        return Tool(spec, arguments, output, run, effect_of, granted_by_secrets)

    return made


def _types(name: str, run: Run[A, R]) -> tuple[type[A], type[R]]:
    """What the function takes and gives, by its annotations."""
    if not iscoroutinefunction(run):
        raise TypeError(f"{name}: its function is not `async def`; what blocks goes through asyncio.to_thread")
    hints = get_type_hints(run)
    arguments, output = hints.get("arguments"), hints.get("return")
    if not (isinstance(arguments, type) and issubclass(arguments, Arguments)):
        raise TypeError(f"{name}: its function needs a parameter `arguments`, typed as a subclass of Arguments")
    if not (isinstance(output, type) and issubclass(output, Output)):
        raise TypeError(f"{name}: its function needs `-> ...`, a subclass of Output")
    return cast("type[A]", arguments), cast("type[R]", output)


@contextmanager
def refusals_fail_the_step() -> Iterator[None]:
    """Inside, a `Refusal` becomes the `StepFailed` that it stands for."""
    try:
        yield
    except Refusal as refusal:
        raise StepFailed(ErrorKind(refusal.kind), refusal.message, hint=refusal.hint) from None


class _WithoutTitles(GenerateJsonSchema):
    """Titles repeat the names; models pay for each token of a schema."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def _schema(schema: dict[str, Json]) -> JsonObject:
    """The schema with each `$ref` replaced by what it names, so that a reader needs no resolver."""
    definitions = schema.pop("$defs", {})
    assert isinstance(definitions, dict)
    inlined = _inlined(schema, definitions)
    assert isinstance(inlined, dict)
    return inlined


def _inlined(schema: Json, definitions: dict[str, Json]) -> Json:
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.removeprefix("#/$defs/") in definitions:
        named = _inlined(definitions[reference.removeprefix("#/$defs/")], definitions)
        assert isinstance(named, dict)
        rest = {key: _inlined(value, definitions) for key, value in schema.items() if key != "$ref"}
        return {**named, **rest}
    return {
        key: _inlined(value, definitions)
        for key, value in schema.items()
        if key != "title" or not isinstance(value, str)  # a property may be called `title`; its value is a schema
    }
