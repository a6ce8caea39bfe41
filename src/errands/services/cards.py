"""Cards: what an assistant proposes, and the person's click that alone lets it happen."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from errands.core import ids
from errands.core.access import Principal, Verb
from errands.core.params import ArgumentsInvalid
from errands.core.values import Json, JsonObject
from errands.services.answers import card_view
from errands.services.approvals import ApprovalService
from errands.services.authority import Authority
from errands.services.chat_views import CardView
from errands.services.errors import Conflict, Invalid, NotFound, ServiceError
from errands.services.principals import id_of
from errands.services.retirement import RetirementService
from errands.services.runs import RunService
from errands.services.tasks import TaskService
from errands.services.threads import find_thread, resource_of
from errands.services.views import SourceFile
from errands.store import messages
from errands.store.database import Database
from errands.store.messages import CardRow

CardKind = Literal["task", "agent", "run", "approval", "act"]
ACTIONS: Mapping[CardKind, tuple[str, ...]] = {
    "task": ("save", "publish"),
    "agent": ("save",),
    "run": ("run",),
    "approval": ("answer",),
    "act": ("do",),
}
"""What a click on a card can mean; `dismiss` goes with all of them."""

Doing = Callable[[Principal, str, CardRow, str, JsonObject], Awaitable[Json]]


@dataclass(frozen=True, slots=True)
class Doers:
    """The services that do what cards show."""

    tasks: TaskService
    runs: RunService
    approvals: ApprovalService
    retirement: RetirementService


class CardService:
    """Does what cards show, as the person who clicks and with that person's rights."""

    def __init__(self, database: Database, authority: Authority, doers: Doers) -> None:
        self._database = database
        self._authority = authority
        self._doers = doers

    async def decide(
        self, caller: Principal, card: str, *, digest: str, action: str, values: JsonObject | None = None
    ) -> CardView:
        """Do the action of a card, or `dismiss` it. `digest` names what the person has seen; `values` fills its form.

        Raises NotFound, Denied, Conflict (it was decided before, or shows something else), Invalid, and whatever the
        action itself is refused for; the card is open again then.
        """
        row, project = await self._claim(caller, card, digest, action)
        if action == "dismiss":
            return await self._told(row, caller, "dismissed", None)
        try:
            result = await self._doing(row.kind)(caller, project, row, action, values or {})
        except (ServiceError, ArgumentsInvalid):
            await self._open_again(row)
            raise
        return await self._told(row, caller, action, result)

    async def _claim(self, caller: Principal, card: str, digest: str, action: str) -> tuple[CardRow, str]:
        """The card, which nobody else can decide any more, and its project."""
        async with self._database.engine.begin() as connection:
            row = await messages.card(connection, id_of("card", card), lock=True)
            if row is None:
                raise NotFound("card", card)
            thread = await find_thread(connection, ids.encode("thread", row.thread_id))
            await self._authority.authorise(caller, Verb.CHAT_USE, resource_of(thread))
            if row.state != "open":
                raise Conflict(f"The card {card} is {row.state} already.", "Read the thread again.")
            if row.digest != digest:
                raise Conflict(f"The card {card} shows something else than what was confirmed.", "Look at it again.")
            possible = (*ACTIONS[cast(CardKind, row.kind)], "dismiss")
            if action not in possible:
                raise Invalid(f"{action[:80]!r} cannot be done with this card.", f"Choose {', '.join(possible)}.")
            state = "dismissed" if action == "dismiss" else "done"
            await messages.decide(connection, row.id, state, action=action, actor=caller.reference, result=None)
            detail: JsonObject = {"act": "decide", "card": card, "shows": row.kind, "action": action, "digest": digest}
            await self._authority.record(connection, caller, Verb.CHAT_USE, resource_of(thread), detail)
            return row, thread.project

    async def _open_again(self, row: CardRow) -> None:
        async with self._database.engine.begin() as connection:
            await messages.reopen(connection, row.id)

    async def _told(self, row: CardRow, caller: Principal, action: str, result: Json) -> CardView:
        state = "dismissed" if action == "dismissed" else "done"
        async with self._database.engine.begin() as connection:
            if result is not None:
                await messages.decide(connection, row.id, state, action=action, actor=caller.reference, result=result)
            decided = await messages.card(connection, row.id)
            assert decided is not None
            return card_view(decided)

    def _doing(self, kind: str) -> Doing:
        doings: Mapping[str, Doing] = {
            "task": self._apply,
            "agent": self._apply,
            "run": self._run,
            "approval": self._answer,
            "act": self._act,
        }
        return doings[kind]

    async def _apply(self, caller: Principal, project: str, row: CardRow, action: str, values: JsonObject) -> Json:
        """Store exactly the shown source; `publish` lets new runs take it, past a gate where `overrule` says why."""
        name, base = str(row.data["name"]), row.data.get("base")
        edited = {name: [str(base)] if base is not None else []} if row.kind == "task" else {}
        file = SourceFile(f"{row.kind}s/{name}.yaml", str(row.data["source"]))
        message, publish = row.data.get("message"), action == "publish" or row.kind == "agent"
        (applied,) = await self._doers.tasks.apply(
            caller,
            project,
            [file],
            message=None if message is None else str(message),
            publish=publish,
            edited=edited,
            overrule=_overruling(values),
        )
        return {"change": applied.change, "version": applied.version, "published": applied.published}

    async def _run(self, caller: Principal, project: str, row: CardRow, action: str, values: JsonObject) -> Json:
        """Start a run with the shown arguments, and those that the form adds; the same click starts it once."""
        shown = row.data.get("arguments")
        arguments = {**(shown if isinstance(shown, Mapping) else {}), **values}
        started = await self._doers.runs.start(caller, project, str(row.data["task"]), arguments)
        return {"run": started.id, "status": started.status.value, "reason": started.reason}

    async def _answer(self, caller: Principal, project: str, row: CardRow, action: str, values: JsonObject) -> Json:
        choice, form, note = values.get("choice"), values.get("form"), values.get("note")
        if not isinstance(choice, str) or not isinstance(form or {}, Mapping):
            raise Invalid("The answer names no choice.", "Give `values.choice`, and `values.form` where there is one.")
        answered = await self._doers.approvals.answer(
            caller,
            str(row.data["approval"]),
            choice=choice,
            form=form if isinstance(form, Mapping) else {},
            note=note if isinstance(note, str) else None,
        )
        return {"choice": answered.choice, "closed": answered.closed}

    async def _act(self, caller: Principal, project: str, row: CardRow, action: str, values: JsonObject) -> Json:
        name, note = str(row.data["name"]), row.data.get("note")
        said = note if isinstance(note, str) else None
        tasks, retirement = self._doers.tasks, self._doers.retirement
        match row.data["act"]:
            case "pause":
                await tasks.pause(caller, project, name, said)
            case "resume":
                await tasks.resume(caller, project, name)
            case "archive":
                await retirement.archive(caller, project, name, note=said)
            case "restore":
                await retirement.restore(caller, project, name)
            case "delete":
                await retirement.delete(caller, project, name, note=said)
            case "publish":
                version, why = int(str(row.data["version"])), _overruling(values)
                view = await tasks.publish(caller, project, name, version, message=said, overrule=why)
                return {"published": view.published}
            case "cancel":
                return {"cancelled": await self._doers.runs.cancel(caller, name, reason=said)}
            case other:
                raise Invalid(f"{other!r} cannot be done from a card.", "Do it on the task's page.")
        return {"done": True}


def _overruling(values: JsonObject) -> str | None:
    """Why a gate that is closed is passed. Only a person fills this in: a card does not hold it."""
    why = values.get("overrule")
    return why if isinstance(why, str) else None
