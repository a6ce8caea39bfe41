"""What a task was granted, held against one call."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from errands.core.definition.policies import Grants, ToolGrant, bound_schema
from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.values import Json


def covering_grants(name: str, grants: Grants, *, needed: bool = True) -> list[ToolGrant]:
    """The grants that cover the tool. Raises StepFailed (denied) where it needs one and has none."""
    all_grants = [ToolGrant(name=each) if isinstance(each, str) else each for each in grants.tools]
    covering = [grant for grant in all_grants if fnmatchcase(name, grant.name)]
    if not covering and needed:
        raise StepFailed(
            ErrorKind.DENIED, f"the task was not granted the tool {name}", hint=f"add `{name}` to grants.tools"
        )
    return covering


def check_argument_grants(name: str, arguments: Mapping[str, Json], grants: Sequence[ToolGrant]) -> None:
    """Raises StepFailed (denied) unless one grant allows every argument, defaults included."""
    if not grants or not all(grant.arguments for grant in grants):
        return
    refused = [_argument_refusal(arguments, grant) for grant in grants]
    if all(refused):
        raise StepFailed(
            ErrorKind.DENIED,
            f"this call of {name} is outside what the task was granted: " + "; ".join(each for each in refused if each),
            hint=f"change the argument, or widen the entry for `{name}` in grants.tools",
        )


def _argument_refusal(arguments: Mapping[str, Json], grant: ToolGrant) -> str | None:
    from errands.core.json_schema import SchemaInvalid, compile_schema

    for argument, schema in grant.arguments.items():
        try:
            misfits = compile_schema(bound_schema(schema)).misfits(arguments.get(argument), subject=f"`{argument}`")
        except SchemaInvalid as invalid:
            return f"the grant's schema for `{argument}` is not a valid JSON Schema ({invalid})"
        if misfits:
            return f"`{argument}`: {misfits[0].message}"
    return None
