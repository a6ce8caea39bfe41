"""`log`: a line in the run's log."""

from typing import Annotated, Literal

from pydantic import Field

from errands.core.ports import Effect
from errands.tools.tool import Arguments, Output, ToolContext, tool


class LogArguments(Arguments):
    message: Annotated[str, Field(max_length=100_000, description="One line or several")]
    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="How much it matters; the log can be filtered by it"),
    ] = "info"


class LogOutput(Output):
    message: Annotated[str, Field(description="As it was written")]


@tool("log", effect=Effect.NONE)
async def log(arguments: LogArguments, context: ToolContext) -> LogOutput:
    """Write a message to the run's log."""
    context.step.log(arguments.message, level=arguments.level)
    return LogOutput(message=arguments.message)
