"""Approval of single calls: a gated call holds the run until a person has said yes to exactly this call, or no."""

import re
from collections.abc import Mapping

from errands.core.outcomes import ErrorKind, StepError
from errands.core.ports import ToolCall
from errands.core.values import Json, JsonObject, digest, from_text, to_text
from errands.engine.lanes import Lane, Turn
from errands.engine.ledger import AnswerHold, Ledger

APPROVE, REFUSE = "approve", "refuse"
_LONGEST_SHOWN = 4_000
"""Characters of the arguments in the question's text; its subject holds all of them."""
_FENCE = re.compile(r"`{3,}")


async def refusal(
    ledger: Ledger, path: str, call: ToolCall, why: tuple[str, ...], lane: Lane, turn: Turn | None = None
) -> StepError | None:
    """Ask whether a call may be made, and wait for the answer. `None`: it may.

    The question is recorded at `path/approval` with the digest of tool and arguments, so that an answer counts for no
    other call: where the digest differs when the run goes on, the call is denied.
    """
    mark = digest([call.tool, call.arguments])
    at = f"{path}/approval"
    subject: JsonObject = {
        "kind": "tool_call",
        "tool": call.tool,
        "arguments": call.arguments,
        "why": list(why),
        "digest": mark,
    }
    hold = AnswerHold(_question(path, call, why), None, (APPROVE, REFUSE), None, None, subject)
    came = await ledger.hold(at, hold, lane, turn)
    record = ledger.find(at)
    asked = record.input if record is not None else None
    if not isinstance(asked, Mapping) or asked.get("digest") != mark:
        return StepError(
            ErrorKind.DENIED,
            f"the call of {call.tool} is not the one that was asked about, so the answer does not count for it",
            hint="what the call is made of has changed under this run; rerun from this step",
        )
    answer = from_text(came) if isinstance(came, str) else came
    if isinstance(answer, Mapping) and answer.get("choice") == APPROVE:
        return None
    who = answer.get("person") if isinstance(answer, Mapping) else None
    return StepError(
        ErrorKind.DENIED,
        f"{who or 'nobody'} {'refused' if who else 'approved'} this call of {call.tool}; it was not made",
        hint="name the tool in grants.untrusted where it may be called without asking" if len(why) == 1 else None,
    )


def _question(path: str, call: ToolCall, why: tuple[str, ...]) -> str:
    reasons = "; ".join(why)
    return f"Let `{path.partition('/')[0]}` call `{call.tool}`? It asks because {reasons}.\n\n{_block(call.arguments)}"


def _block(arguments: Json) -> str:
    """The arguments as a code block that nothing in them can end."""
    text = to_text(arguments)
    if len(text) > _LONGEST_SHOWN:
        text = f"{text[:_LONGEST_SHOWN]} [cut here: {len(text):,} characters in all]"
    fence = "`" * (max((len(run) for run in _FENCE.findall(text)), default=2) + 1)
    return f"{fence}json\n{text}\n{fence}"
