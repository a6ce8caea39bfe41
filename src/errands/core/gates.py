"""Which calls wait for a person: by the task's grant, by the agent, or because data from outside led to them."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from errands.core.definition.policies import Grants, ToolGrant
from errands.core.ports import Effect


def approving(grants: Grants) -> tuple[str, ...]:
    """Names and globs of the tools of which the task's grants want every call approved."""
    return tuple(grant.name for grant in grants.tools if isinstance(grant, ToolGrant) and grant.approve)


def why_ask(
    grants: Grants, tool: str, effect: Effect, *, untrusted: bool, approve_tools: Sequence[str] = ()
) -> tuple[str, ...]:
    """Why a call must be approved first, in words; empty where it need not be.

    `untrusted`: the call carries the mark of data from outside, by its arguments, a condition above it, or because
    the agent that makes it has seen such data. `approve_tools`: what the agent's step wants approved.
    """
    found = []
    if _fits(tool, approving(grants)):
        found.append(f"the task's grant for `{tool}` wants every call approved")
    if _fits(tool, approve_tools):
        found.append(f"the agent may call `{tool}` only with approval")
    if untrusted and effect is Effect.CHANGES and not _fits(tool, grants.untrusted):
        found.append("data from outside has led to it, and it changes something outside")
    return tuple(found)


def _fits(tool: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(tool, pattern) for pattern in patterns)
