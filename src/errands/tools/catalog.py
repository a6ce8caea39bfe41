"""The catalog: every tool by name, and the one path that each call takes, from a step or from an agent."""

import asyncio
import difflib
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from errands.core.catalog import ToolPackage, ToolSpec
from errands.core.outcomes import ErrorKind, Performed, StepFailed
from errands.core.ports import Effect, StepContext
from errands.core.values import Json, JsonObject
from errands.tools.databases import Databases
from errands.tools.grants import check_argument_grants, covering_grants
from errands.tools.hosts import HostPolicy
from errands.tools.limits import ToolLimits
from errands.tools.outbound import Outbound
from errands.tools.secret_text import Scrubber, references
from errands.tools.tool import Arguments, Output, Tool, ToolContext, refusals_fail_the_step

A = TypeVar("A", bound=Arguments)
R = TypeVar("R", bound=Output)

_SHOWN = 60
_WHERE_TOOLS_COME_FROM = (
    "`errands tools` lists those there are; the package of any other is installed and allowed on every worker"
)


class Catalog:
    """Tools by name. One per process: it keeps the connections that tools share until `aclose`."""

    def __init__(
        self, policy: HostPolicy, limits: ToolLimits, programs: Callable[[], Path | None] = lambda: None
    ) -> None:
        self._tools: dict[str, Tool[Arguments, Output]] = {}
        self._limits = limits
        self._child_slots = asyncio.Semaphore(limits.children)
        self.outbound = Outbound(policy, max_bytes=limits.http_bytes)
        self._databases = Databases(limits.sql_connections, programs)
        self.packages: Sequence[ToolPackage] = ()
        """The installed packages that were to bring tools of their own."""

    def add(self, tool: Tool[A, R]) -> None:
        """Register a tool. Raises ValueError where the name is taken."""
        if tool.spec.name in self._tools:
            raise ValueError(f"there is a tool named {tool.spec.name!r} already")
        self._tools[tool.spec.name] = tool  # type: ignore[assignment]

    def specs(self) -> Mapping[str, ToolSpec]:
        """Every tool as authors and models see it."""
        return {name: tool.spec for name, tool in self._tools.items()}

    def effect(self, name: str, arguments: JsonObject) -> Effect:
        """What this call would do to the outside. Raises StepFailed (not_found) for an unknown tool."""
        tool = self._find(name)
        return tool.effect_of(arguments) if tool.effect_of else tool.spec.effect

    def version(self, name: str) -> str:
        """Changes when the tool's meaning does. Raises StepFailed (not_found) for an unknown tool."""
        return self._find(name).spec.version

    async def call(self, name: str, arguments: JsonObject, context: StepContext) -> Performed:
        """Do one call. `arguments` are rendered; `secret:NAME` in them is still a reference.

        Raises StepFailed: not_found, denied, input, secret, and the tool's own kinds. On cancellation it stops at
        once and leaves no child process behind.
        """
        tool = self._find(name)
        grants = covering_grants(name, context.grants, needed=not tool.granted_by_secrets)
        referring = _validated(tool, arguments, {})
        check_argument_grants(name, referring.model_dump(mode="json", by_alias=True), grants)
        scrubber = Scrubber()
        values = await _revealed(name, referring, context, scrubber)
        try:
            with _faults_of_its_package(tool.spec, context), refusals_fail_the_step():
                ready = _validated(tool, arguments, values) if values else referring
                output = _dumped(tool, await tool.run(ready, self._context(context)))
        except StepFailed as failure:
            raise scrubber.scrubbed(failure) from None
        return Performed(output, untrusted=tool.spec.returns_outside_data)

    async def aclose(self) -> None:
        """Close the connections that calls have left open for the next ones."""
        await self.outbound.aclose()
        await self._databases.aclose()

    def _find(self, name: str) -> Tool[Arguments, Output]:
        tool = self._tools.get(name)
        if tool is None:
            hint = _did_you_mean(name, self._tools) or _WHERE_TOOLS_COME_FROM
            raise StepFailed(ErrorKind.NOT_FOUND, f"there is no tool named {name!r}", hint=hint)
        return tool

    def _context(self, step: StepContext) -> ToolContext:
        return ToolContext(step, self._limits, self.outbound, self._databases, self._child_slots)


@contextmanager
def _faults_of_its_package(spec: ToolSpec, step: StepContext) -> Iterator[None]:
    """A tool of a package may break; that is the step's failure, whatever it raises, and no defect of Errands."""
    try:
        yield
    except StepFailed:
        raise
    except (Exception, SystemExit) as fault:
        if spec.package is None:
            raise
        step.log("".join(traceback.format_exception(fault)), level="error")
        raise StepFailed(
            ErrorKind.TOOL,
            f"{spec.name} of the package {spec.package} broke: {type(fault).__name__}: {fault}",
            hint="whoever makes the package can mend it: the run's log has the traceback",
        ) from None


def _dumped(tool: Tool[Arguments, Output], output: Output) -> JsonObject:
    if tool.spec.package is not None and not isinstance(output, tool.output):
        raise TypeError(f"it gave {type(output).__name__} instead of {tool.output.__name__}")
    return output.model_dump(mode="json", by_alias=True)


def _validated(tool: Tool[Arguments, Output], arguments: JsonObject, secrets: Mapping[str, str]) -> Arguments:
    try:
        return tool.arguments.model_validate(arguments, context=secrets)
    except ValidationError as invalid:
        problems = [_problem(error, arguments, tool.arguments) for error in invalid.errors(include_url=False)]
    lines = [f"{path}: {message}" if path else message for path, message in problems]
    raise StepFailed(
        ErrorKind.INPUT,
        f"the arguments of {tool.spec.name} are wrong: " + "; ".join(lines),
        hint=f"{tool.spec.name} takes {', '.join(_names(tool.arguments))}",
        detail=[{"path": path, "message": message} for path, message in problems],
    )


def _problem(error: Mapping[str, object], arguments: Json, model: type[Arguments]) -> tuple[str, str]:
    location = error["loc"]
    assert isinstance(location, tuple)
    path = _path(location)
    if error["type"] == "extra_forbidden":
        suggestion = _did_you_mean(str(location[-1]), _names(model)) if len(location) == 1 else None
        return path, "unknown argument" + (f", {suggestion}" if suggestion else "")
    if error["type"] == "missing":
        return path, "is required"
    message = str(error["msg"]).removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    found = _at(arguments, location)
    return path, message if found is None else f"{message}, not {found}"


def _at(value: Json, location: tuple[str | int, ...]) -> str | None:
    """The offending value, short, as JSON would show it; `None` where it cannot be shown simply."""
    for key in location:
        value = _inside(value, key)
    if isinstance(value, Mapping | list | tuple):
        return "an object" if isinstance(value, Mapping) else "a list"
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "..."


def _inside(value: Json, key: str | int) -> Json:
    """One step down; the value itself where the key names a branch of a union instead of a part."""
    if isinstance(key, str):
        return value.get(key, value) if isinstance(value, Mapping) else value
    return value[key] if isinstance(value, list | tuple) and key < len(value) else value


def _path(location: tuple[str | int, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _names(model: type[Arguments]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _did_you_mean(name: str, known: Iterable[str]) -> str | None:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else None


async def _revealed(name: str, arguments: Arguments, context: StepContext, scrubber: Scrubber) -> Mapping[str, str]:
    """The values of the secrets that the arguments refer to. Raises StepFailed where one stands in a wrong place."""
    found = list(references(arguments))
    misplaced = [(path, secret) for path, secret, accepted in found if not accepted]
    if misplaced:
        path, secret = misplaced[0]
        raise StepFailed(
            ErrorKind.INPUT,
            f"{path}: `secret:{secret}` stands in an argument of {name} that takes no secret",
            hint="secrets can stand only where the tool's schema says x-accepts-secret",
        )
    values: dict[str, str] = {}
    for secret in dict.fromkeys(secret for _, secret, _ in found):
        values[secret] = await context.secret(secret)
        scrubber.learn(secret, values[secret])
    return values
