"""Open questions to people: listed, and answered by options or by being asked."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from errands.cli.answering import Given, ask_approval, give, outcome
from errands.cli.desk import Room
from errands.cli.displays import local_now
from errands.cli.exits import ExitCode
from errands.cli.follow import Manner
from errands.cli.forms import fields_of, read
from errands.cli.given import BadInput
from errands.cli.launching import follow_to_the_end
from errands.cli.run_texts import approval_table
from errands.cli.screen import Screen
from errands.core.values import Json
from errands.services.views import ApprovalView

if TYPE_CHECKING:
    from errands.cli.client.approvals import Approvals


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as far as the command line gives it."""

    person: str | None
    """Whose it is. None: whoever calls."""
    choice: str | None = None
    form: tuple[str, ...] = ()
    note: str | None = None


async def list_open(screen: Screen, room: Room, reply: Reply) -> ExitCode:
    """The open questions that this person may answer."""
    if reply.choice or reply.form:
        raise BadInput("Which approval is answered?", hint="errands approve lists them; then: errands approve APPROVAL")
    approvals = await _every(room.approvals(reply.person), room.project)
    screen.document(approvals)
    if approvals:
        screen.show(approval_table(approvals, local_now(), screen))
        screen.say("Answer one: errands approve APPROVAL", "faint")
    else:
        screen.say("Nothing waits for you.")
    return ExitCode.SUCCEEDED


async def _every(approvals: "Approvals", project: str) -> list[ApprovalView]:
    """All that this person may answer in the project, page by page."""
    found: list[ApprovalView] = []
    cursor: str | None = None
    while True:
        page = await approvals.inbox(project, mine=True, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


async def answer(screen: Screen, room: Room, named: str, reply: Reply, *, follow: bool = False) -> ExitCode:
    """Answer one question, asking at the terminal for what was not given; with `follow`, stay with its run.

    `named` is an approval, its run, or `last`: the one that was asked last.
    """
    approval = await _meant(room, named, reply)
    given = await _given(screen, approval, reply)
    answered = await give(room.approvals(reply.person), approval.id, given, note=reply.note)
    if follow:
        screen.remark(outcome(answered, approval))
        manner = Manner(held_here=False, stay=True, person=reply.person)
        return await follow_to_the_end(screen, room, approval.run, manner)
    screen.document(answered)
    screen.say(outcome(answered, approval))
    return ExitCode.SUCCEEDED


async def _meant(room: Room, named: str, reply: Reply) -> ApprovalView:
    if named != "last":
        return await room.client.approvals.get(named)
    open_ones = await _every(room.approvals(reply.person), room.project)
    if not open_ones:
        raise BadInput("Nothing waits for you")
    return open_ones[-1]


async def _given(screen: Screen, approval: ApprovalView, reply: Reply) -> Given:
    if reply.choice is not None:
        return Given(reply.choice, form_values(approval, reply.form))
    if not screen.asks:
        raise BadInput(
            f"{approval.id} needs a choice, and nobody is here to ask",
            hint=f"Add --choose {' or --choose '.join(approval.choices)}",
        )
    try:
        asked = await ask_approval(screen, approval)
    except EOFError:
        raise BadInput("The input ended before the question was answered; nothing was sent") from None
    return Given(asked.choice, {**asked.form, **form_values(approval, reply.form)})


def form_values(approval: ApprovalView, pairs: tuple[str, ...]) -> dict[str, Json]:
    """`key=value` pairs, read by the form's schema, over the form's defaults. Raises BadInput."""
    fields = {field.name: field for field in fields_of(approval.form or {})}
    values: dict[str, Json] = {name: field.default for name, field in fields.items() if field.has_default}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator:
            raise BadInput(f"{pair!r} is not key=value", hint="Write for example: --form text='Good morning'")
        if name not in fields:
            known = f"It has: {', '.join(fields)}" if fields else "It has no form: leave out --form"
            raise BadInput(f"The form of {approval.id} has no field {name!r}", hint=known)
        try:
            values[name] = read(fields[name], text).value
        except ValueError as error:
            raise BadInput(f"--form {name}: {error}") from None
    return values
