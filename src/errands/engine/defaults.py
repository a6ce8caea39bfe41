"""Arguments that nobody gave: template defaults, and values drawn from expressions, the last run or a tool."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from errands.core.definition.task import ExpressionSource, LastRunSource, Param, ToolSource
from errands.core.expressions.templates import Template, compile_expression, compile_template, try_lookup
from errands.core.outcomes import ErrorKind, Performed, StepFailed
from errands.core.params import is_literal, template_defaults
from errands.core.ports import Evaluation, Evaluator
from errands.core.values import Json, JsonObject

CallTool = Callable[[str, JsonObject], Awaitable[Performed]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Computed arguments by name, and which of them carry the mark of data from outside."""

    values: Mapping[str, Json]
    marked: frozenset[str] = frozenset()


async def argument_defaults(
    params: Sequence[Param],
    given: JsonObject,
    evaluate: Evaluator,
    now: datetime,
    *,
    state: JsonObject | None = None,
    last_run: JsonObject | None = None,
    call_tool: CallTool | None = None,
    outside: frozenset[str] = frozenset(),
) -> Drawn:
    """Computed values for the params that were not given; each sees those that its expressions use.

    `last_run` is `{output, arguments}` of the last succeeded run. Literal defaults are left to `bind`. `outside` names
    what carries the mark of data from outside: given arguments, `state`, `last_run`; what is computed of it does too.
    Raises StepFailed for an expression or tool call that fails.
    """
    names: dict[str, Json] = {"state": state or {}, **given}
    names |= {p.name: p.default for p in params if p.has_default and is_literal(p.default) and p.name not in given}
    found: dict[str, Json] = {}
    marked: set[str] = set(outside)
    for param in template_defaults(params):
        if param.name in given:
            continue
        match param.source:
            case LastRunSource() as source:
                value, used = await _from_last_run(source, last_run, evaluate, now), {"last_run"}
            case ExpressionSource() as source:
                template = compile_expression(source.expression)
                value, used = await _value(template, names, evaluate, now), set(template.free)
            case ToolSource() as source:
                template = compile_template(source.with_)
                value, untrusted = await _from_tool(source, template, names, evaluate, now, call_tool)
                used = {*template.free, *compile_expression(source.value).free}
                marked |= {param.name} if untrusted else set()
            case None:
                template = compile_template(param.default)
                value, used = await _value(template, names, evaluate, now), set(template.free)
        found[param.name] = names[param.name] = value
        marked |= {param.name} if used & marked else set()
    return Drawn(found, frozenset(marked & found.keys()))


async def _from_tool(
    source: ToolSource,
    template: Template,
    names: Mapping[str, Json],
    evaluate: Evaluator,
    now: datetime,
    call_tool: CallTool | None,
) -> tuple[Json, bool]:
    """The value, and whether the tool gives data from outside."""
    if call_tool is None:
        raise StepFailed(
            ErrorKind.DENIED, f"`{source.tool}` cannot be called here for a default", hint="give the value"
        )
    arguments = await _value(template, names, evaluate, now)
    came = await call_tool(source.tool, arguments if isinstance(arguments, Mapping) else {})
    value = await _value(compile_expression(source.value), {**names, "result": came.output}, evaluate, now)
    return value, came.untrusted


async def _from_last_run(
    source: LastRunSource, last_run: JsonObject | None, evaluate: Evaluator, now: datetime
) -> Json:
    if last_run is not None:
        try:
            return await _value(compile_expression(source.expression), dict(last_run), evaluate, now)
        except StepFailed:
            pass  # The last run's output has another shape: that is what `else` is for.
    return await _value(compile_template(source.else_), {}, evaluate, now)


async def _value(template: Template, names: Mapping[str, Json], evaluate: Evaluator, now: datetime) -> Json:
    if template.literal:
        return template.fill(())
    used = {name: names[name] for name in template.free if name in names}
    found = try_lookup(template, used)
    return template.fill(found if found is not None else await evaluate(Evaluation(template.expressions, used, now)))
