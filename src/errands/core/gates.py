"""Which calls wait for a person: by the task's grant, by the agent, or because data from outside led to them."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from errands.core.definition.policies import Grants, ToolGrant
from errands.core.ports import Effect
from errands.core.values import Json


def approving(grants: Grants) -> tuple[str, ...]:
    """Names and globs of the tools of which the task's grants want every call approved."""
    return tuple(grant.name for grant in grants.tools if isinstance(grant, ToolGrant) and grant.approve)


def why_ask(
    grants: Grants,
    tool: str,
    effect: Effect,
    *,
    untrusted: bool,
    approve_tools: Sequence[str] = (),
    hands_over: bool = False,
) -> tuple[str, ...]:
    """Why a call must be approved first, in words; empty where it need not be.

    `untrusted`: the call carries the mark of data from outside, by its arguments, a condition above it, or because
    the agent that makes it has seen such data. `approve_tools`: what the agent's step wants approved. `hands_over`: the
    call uses a secret that an agent has chosen, which even a call that only reads may bring to the wrong place.
    """
    found = []
    if _fits(tool, approving(grants)):
        found.append(f"the task's grant for `{tool}` wants every call approved")
    if _fits(tool, approve_tools):
        found.append(f"the agent may call `{tool}` only with approval")
    if untrusted and not _fits(tool, grants.untrusted):
        if effect is Effect.CHANGES:
            found.append("data from outside has led to it, and it changes something outside")
        elif hands_over:
            found.append("data from outside has led to it, and it uses a secret")
    return tuple(found)


def names_secret(value: Json) -> bool:
    """Whether a reference to a secret stands anywhere in a value."""
    if isinstance(value, str):
        return value.startswith("secret:")
    if isinstance(value, Mapping):
        return any(map(names_secret, value.values()))
    return isinstance(value, Sequence) and any(map(names_secret, value))


def _fits(tool: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(tool, pattern) for pattern in patterns)
