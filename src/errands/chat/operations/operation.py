"""What an operation is: a function over the services, with typed arguments that a model can fill in."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError

from errands.chat.desk import Desk, Told
from errands.core.params import ArgumentsInvalid
from errands.core.values import Json, JsonObject, from_text
from errands.services.errors import FilesInvalid, Invalid, ServiceError


class Arguments(BaseModel):
    """Base of every operation's input: an unknown argument is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True)


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True, slots=True)
class Operation(Generic[A]):
    """One thing that can be asked of the assistant."""

    name: str
    about: str
    arguments: type[A]
    run: Callable[[Desk, A], Awaitable[Told]]

    def schema(self) -> JsonObject:
        """JSON Schema of the arguments."""
        found: Json = from_text(str(_text(self.arguments.model_json_schema())))
        assert isinstance(found, dict)
        return found

    async def perform(self, desk: Desk, given: Mapping[str, Json]) -> Told:
        """Check the arguments and do it. Raises ServiceError, ArgumentsInvalid."""
        try:
            arguments = self.arguments.model_validate(dict(given))
        except ValidationError as invalid:
            found = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in invalid.errors())
            raise Invalid(f"The arguments of {self.name} are wrong: {found}.", f"It takes {self._takes()}.") from None
        return await self.run(desk, arguments)

    def _takes(self) -> str:
        return ", ".join(self.arguments.model_fields) or "nothing"


AnyOperation = Operation[Arguments]


def operation(run: Callable[[Desk, A], Awaitable[Told]]) -> AnyOperation:
    """Make an operation of a function: its name, its docstring, its annotation."""
    arguments = get_type_hints(run)["arguments"]
    about = " ".join((run.__doc__ or "").split())
    return Operation(run.__name__, about, arguments, run)


def refused(error: ServiceError | ArgumentsInvalid) -> str:
    """A refusal in words for a person or a model: what happened, where, and the next move."""
    if isinstance(error, ArgumentsInvalid):
        found = "; ".join(f"{one.path}: {one.message}" for one in error.problems)
        return f"The arguments are wrong: {found}."
    lines = [f"{error.message} {error.hint or ''}".strip()]
    if isinstance(error, FilesInvalid):
        for problems in error.problems.values():
            lines += [
                f"- line {one.line}, `{one.path}`: {one.message}" + (f" ({one.hint})" if one.hint else "")
                for one in problems
            ]
    return "\n".join(lines)


def _text(schema: object) -> str:
    from pydantic_core import to_json

    return to_json(schema).decode()
