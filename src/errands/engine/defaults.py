"""Arguments that nobody gave: template defaults, and values drawn from expressions, the last run or a tool."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from errands.core.definition.task import ExpressionSource, LastRunSource, Param, ToolSource
from errands.core.expressions.templates import Template, compile_expression, compile_template, try_lookup
from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.params import is_literal, template_defaults
from errands.core.ports import Evaluation, Evaluator
from errands.core.values import Json, JsonObject

CallTool = Callable[[str, JsonObject], Awaitable[Json]]


async def argument_defaults(
    params: Sequence[Param],
    given: JsonObject,
    evaluate: Evaluator,
    now: datetime,
    *,
    state: JsonObject | None = None,
    last_run: JsonObject | None = None,
    call_tool: CallTool | None = None,
) -> Mapping[str, Json]:
    """Computed values for the params that were not given; each sees those that its expressions use.

    `last_run` is `{output, arguments}` of the last succeeded run. Literal defaults are left to `bind`.
    Raises StepFailed for an expression or tool call that fails.
    """
    names: dict[str, Json] = {"state": state or {}, **given}
    names |= {p.name: p.default for p in params if p.has_default and is_literal(p.default) and p.name not in given}
    found: dict[str, Json] = {}
    for param in template_defaults(params):
        if param.name in given:
            continue
        match param.source:
            case LastRunSource() as source:
                value = await _from_last_run(source, last_run, evaluate, now)
            case ExpressionSource() as source:
                value = await _value(compile_expression(source.expression), names, evaluate, now)
            case ToolSource() as source:
                value = await _from_tool(source, names, evaluate, now, call_tool)
            case None:
                value = await _value(compile_template(param.default), names, evaluate, now)
        found[param.name] = names[param.name] = value
    return found


async def _from_tool(
    source: ToolSource, names: Mapping[str, Json], evaluate: Evaluator, now: datetime, call_tool: CallTool | None
) -> Json:
    if call_tool is None:
        raise StepFailed(
            ErrorKind.DENIED, f"`{source.tool}` cannot be called here for a default", hint="give the value"
        )
    arguments = await _value(compile_template(source.with_), names, evaluate, now)
    result = await call_tool(source.tool, arguments if isinstance(arguments, Mapping) else {})
    return await _value(compile_expression(source.value), {**names, "result": result}, evaluate, now)


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
