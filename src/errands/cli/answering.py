"""Asks a person on the terminal for the answer to an approval, and gives it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from errands.cli.forms import fields_of, fill_in, pick
from errands.cli.neutral import neutral, one_line
from errands.cli.prompts import ask_line
from errands.cli.screen import Screen
from errands.core.values import JsonObject
from errands.services.views import ApprovalAnswered, ApprovalView

if TYPE_CHECKING:
    from errands.cli.client.approvals import Approvals


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it was typed."""

    choice: str
    form: JsonObject


async def ask_approval(screen: Screen, approval: ApprovalView) -> Given:
    """Show the question, ask for a choice and for the form's fields. Raises EOFError at the end of input."""

    async def ask(prompt: str) -> str:
        return await ask_line(screen, prompt)

    def say(text: str) -> None:
        screen.remark(text, "")

    show_question(screen, approval)
    choice = await pick(approval.choices, "Your choice:", ask, say)
    form = await fill_in(fields_of(approval.form), ask, say) if approval.form else {}
    return Given(choice, form)


def show_question(screen: Screen, approval: ApprovalView) -> None:
    """The question, as it is written."""
    screen.remark(f"{one_line(approval.task)} asks ({one_line(approval.path)}):", "status.waiting")
    for line in neutral(approval.question).splitlines():
        screen.remark(f"  {line}", "")


async def give(approvals: "Approvals", approval: str, given: Given, *, note: str | None = None) -> ApprovalAnswered:
    """Hand the answer in, in the name for which `approvals` stand."""
    return await approvals.answer(approval, choice=given.choice, form=given.form, note=note)


def outcome(answered: ApprovalAnswered, approval: ApprovalView) -> str:
    """What the answer did."""
    if answered.closed:
        return f"Answered {one_line(answered.choice)}; the run goes on as soon as a worker has a hand free."
    return f"Recorded {one_line(answered.choice)}; the run goes on when {approval.quorum} people agree."
