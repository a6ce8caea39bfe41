"""What a model may call in a thread: the assistant's operations, and the project's tools."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.exceptions import ApprovalRequired, ToolFailed
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets.abstract import AbstractToolset, ToolsetTool
from pydantic_core import SchemaValidator, core_schema

from errands.agents.offers import Offer
from errands.chat.calls import Calls
from errands.chat.desk import Desk
from errands.chat.operations import OPERATIONS
from errands.chat.operations.operation import refused
from errands.chat.stream import Stream
from errands.core.outcomes import StepFailed
from errands.core.params import ArgumentsInvalid
from errands.core.values import Json, to_text
from errands.services.errors import ServiceError

_LONGEST_RESULT = 100_000
"""Characters of one result that a model is shown."""
_MISTAKEN_CALLS = 3
_ANY_ARGUMENTS = SchemaValidator(core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema()))


@dataclass
class ThreadTools(AbstractToolset[None]):
    """Calls go to services as the person who talks; what leaves the thread waits for a click."""

    desk: Desk
    calls: Calls
    offers: Sequence[Offer]
    stream: Stream
    cards: int = 0
    untrusted: bool = field(default=False)
    """Something from outside has been read, before or in this answer."""

    @property
    def id(self) -> str | None:
        return "thread"

    async def get_tools(self, ctx: RunContext[None]) -> dict[str, ToolsetTool[None]]:
        own = {name: self._offered(name, one.about, one.schema()) for name, one in OPERATIONS.items()}
        given = {
            one.alias: self._offered(one.alias, one.spec.description, one.spec.input_schema) for one in self.offers
        }
        return given | own

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[None], tool: ToolsetTool[None]
    ) -> Json:
        """Raises ApprovalRequired where a click is needed, ToolFailed for what the model can mend."""
        try:
            if name in OPERATIONS:
                return await self._operate(name, tool_args)
            return await self._use(name, tool_args, ctx)
        except (ServiceError, ArgumentsInvalid) as error:
            raise ToolFailed(refused(error)) from None
        except StepFailed as failure:
            hint = f" ({failure.error.hint})" if failure.error.hint else ""
            shown = self.calls.redactor.text(f"The call failed: {failure.error.message}{hint}")
            raise ToolFailed(shown) from None

    async def taint(self) -> None:
        """From now on nothing is started without a click."""
        if not self.untrusted:
            self.untrusted = True
            await self.desk.services.answers.taint(self.desk.caller, self.desk.thread)

    async def _operate(self, name: str, arguments: Mapping[str, Json]) -> Json:
        told = await OPERATIONS[name].perform(replace(self.desk, untrusted=self.untrusted), arguments)
        if told.outside:
            await self.taint()
        for card in told.cards:
            self.cards += 1
            self.stream.put(await self.desk.part_of(card, self.cards))
        return _shown(told.facts)

    async def _use(self, alias: str, arguments: Mapping[str, Json], ctx: RunContext[None]) -> Json:
        spec = next(one.spec for one in self.offers if one.alias == alias)
        if not ctx.tool_call_approved and await self.calls.asks(spec.name, arguments):
            raise ApprovalRequired
        performed = await self.calls.call(spec.name, arguments, ctx.tool_call_id or alias)
        if performed.untrusted or spec.returns_outside_data:
            await self.taint()
        return _shown(performed.output)

    def _offered(self, name: str, about: str, schema: Mapping[str, Json]) -> ToolsetTool[None]:
        definition = ToolDefinition(name=name, description=about, parameters_json_schema=dict(schema))
        return ToolsetTool(
            toolset=self, tool_def=definition, max_retries=_MISTAKEN_CALLS, args_validator=_ANY_ARGUMENTS
        )


def _shown(result: Json) -> Json:
    text = result if isinstance(result, str) else to_text(result)
    if len(text) <= _LONGEST_RESULT:
        return result
    return f"{text[:_LONGEST_RESULT]}\n[cut here: {len(text):,} characters; ask for less]"
