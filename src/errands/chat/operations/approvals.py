"""Approvals: listed, and shown on a card that the person answers."""

from errands.chat.desk import Card, Desk, Told
from errands.chat.operations.operation import Arguments, operation
from errands.chat.operations.tasks import NoArguments
from errands.core.values import Json
from errands.services.errors import Invalid
from errands.services.views import ApprovalView


class ApprovalName(Arguments):
    approval: str
    """Id of the approval, or of the run that asks."""


@operation
async def list_approvals(desk: Desk, arguments: NoArguments) -> Told:
    """Questions that wait for the person's answer."""
    found = (await desk.services.approvals.inbox(desk.caller, desk.project, mine=True)).items
    if not found:
        return Told([], "Nothing waits for you.")
    lines: list[Json] = [_facts(one) for one in found]
    said = "\n".join(f"- `{one.id}` **{one.task}**: {one.question}" for one in found)
    return Told(lines, said, (Card("approvals", {"approvals": lines}),), outside=True)


@operation
async def answer_approval(desk: Desk, arguments: ApprovalName) -> Told:
    """Show a question of a run on a card. The person answers it there."""
    found = await desk.services.approvals.get(desk.caller, arguments.approval)
    if found.status != "open":
        raise Invalid(f"{found.id} is {found.status} already.", "Nothing is left to answer.")
    data = {**_facts(found), "form": found.form}
    return Told("The person is shown the question.", found.question, (Card("approval", data),), outside=True)


def _facts(approval: ApprovalView) -> dict[str, Json]:
    return {
        "approval": approval.id,
        "run": approval.run,
        "task": approval.task,
        "step": approval.path,
        "question": approval.question,
        "choices": list(approval.choices),
        "due_at": None if approval.due_at is None else approval.due_at.isoformat(),
    }
