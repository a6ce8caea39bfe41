"""Channels: where a project's messages go, and how they fare on their way."""

import re
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.access import Principal, ProjectResource, Verb
from errands.core.definition.alarms import EVENTS
from errands.core.messages import Post
from errands.core.outcomes import StepFailed
from errands.services.authority import Authority, Clock, utc_now
from errands.services.courier import Courier
from errands.services.edits import check_edited, digest_of_value
from errands.services.errors import Conflict, Invalid, NotFound
from errands.services.lookup import find_project
from errands.services.notice_views import ChannelTested, ChannelView, NoticeView
from errands.services.vault import Vault
from errands.services.views import Page
from errands.store import channels, outbox, projects
from errands.store.channels import ChannelRow
from errands.store.database import Database
from errands.store.outbox import MessageRow
from errands.store.projects import ProjectRow

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_ADDRESS = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\"]+")
_MOST_ADDRESSES = 50
_LARGEST_PAGE = 500


class ChannelService:
    """What a caller may ask of channels and of the messages that go there."""

    def __init__(
        self,
        database: Database,
        authority: Authority,
        vault: Vault,
        post: Post,
        courier: Courier,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._authority = authority
        self._vault = vault
        self._post = post
        self._courier = courier
        self._clock = clock

    async def list(self, caller: Principal, project: str) -> Sequence[ChannelView]:
        """A project's channels, by name. Raises NotFound, Denied."""
        await self._authority.authorise(caller, Verb.ALARM_READ, ProjectResource(project, "channel"))
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            return [_view(row) for row in await channels.of_project(connection, owner.id)]

    async def put(
        self,
        caller: Principal,
        project: str,
        name: str,
        *,
        secret: str | None = None,
        addresses: Sequence[str] = (),
        events: Sequence[str] = EVENTS,
        edited: Sequence[str] | None = None,
    ) -> ChannelView:
        """Make or change a channel: either the secret that holds its apprise URL, or mail addresses.

        Where mail cannot be sent yet, the view says so at once as its `problem`. `edited`: digests, one of which what
        is there must have; none: it must not be there yet. Raises NotFound, Denied, Invalid, ChangedMeanwhile.
        """
        resource = ProjectResource(project, "channel", name)
        await self._authority.authorise(caller, Verb.ALARM_EDIT, resource)
        check_channel(name, secret, addresses, events)
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
        if secret is not None:
            await self._check_secret(owner, secret)
        async with self._database.engine.begin() as connection:
            kept = tuple(dict.fromkeys(events))
            await projects.lock(connection, owner.id)
            before = await channels.find(connection, owner.id, name)
            check_edited("channel", name, None if before is None else _view(before).digest, edited)
            await channels.put(
                connection, owner.id, name, secret=secret, addresses=addresses, events=kept, now=self._clock()
            )
            detail = {"secret": secret, "addresses": list(addresses), "events": list(kept)}
            await self._authority.record(connection, caller, Verb.ALARM_EDIT, resource, detail)
            made = await _find(connection, owner, name)
        lacking = self._courier.lacks_for_mail() if addresses else None
        if lacking is None:
            return _view(made)
        await outbox.note(self._database.pool, made.id, lacking, self._clock())
        return replace(_view(made), failing_since=self._clock(), problem=lacking)

    async def remove(self, caller: Principal, project: str, name: str) -> None:
        """Remove a channel; what is on its way to it is dropped. Raises NotFound, Denied."""
        resource = ProjectResource(project, "channel", name)
        await self._authority.authorise(caller, Verb.ALARM_EDIT, resource)
        async with self._database.engine.begin() as connection:
            owner = await find_project(connection, project)
            row = await _find(connection, owner, name)
            await channels.remove(connection, owner.id, row.name)
            await self._authority.record(connection, caller, Verb.ALARM_EDIT, resource, {"removed": True})

    async def test(self, caller: Principal, project: str, name: str) -> ChannelTested:
        """Send a trial message now, and tell whether it got through. Raises NotFound, Denied."""
        resource = ProjectResource(project, "channel", name)
        await self._authority.authorise(caller, Verb.ALARM_EDIT, resource)
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            row = await _find(connection, owner, name)
        problem = await self._courier.try_channel(owner.id, row.name, row.secret, row.addresses)
        await outbox.note(self._database.pool, row.id, problem, self._clock())
        async with self._database.engine.begin() as connection:
            detail = {"act": "test", "problem": problem}
            await self._authority.record(connection, caller, Verb.ALARM_EDIT, resource, detail)
        return ChannelTested(row.name, problem is None, problem)

    async def notices(
        self, caller: Principal, project: str, *, failing: bool = False, cursor: str | None = None, limit: int = 100
    ) -> Page[NoticeView]:
        """Messages of a project, newest first, without their texts; `failing`: those that did not get through (yet).

        Raises NotFound, Denied, Invalid.
        """
        await self._authority.authorise(caller, Verb.ALARM_READ, ProjectResource(project, "notice"))
        if not 1 <= limit <= _LARGEST_PAGE:
            raise Invalid(f"{limit} messages cannot be on one page.", f"Ask for 1 to {_LARGEST_PAGE}.")
        try:
            before = None if cursor is None else ids.decode("notice", cursor)
        except ValueError:
            raise Invalid("This is no cursor of this list.", "Take it from the page before.") from None
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            found = await outbox.of_project(connection, owner.id, failing=failing, before=before, limit=limit + 1)
        items = tuple(_message(row) for row in found[:limit])
        return Page(items, items[-1].id if len(found) > limit else None)

    async def send_again(self, caller: Principal, notice: str) -> NoticeView:
        """Try a message that did not get through once more, at once. Raises NotFound, Denied, Conflict."""
        try:
            row_id = ids.decode("notice", notice)
        except ValueError as error:
            raise Invalid(f"{error}.") from None
        async with self._database.engine.begin() as connection:
            row = await outbox.find(connection, row_id)
            if row is None:
                raise NotFound("notice", notice)
            resource = ProjectResource(row.project, "notice", notice)
            await self._authority.authorise(caller, Verb.ALARM_EDIT, resource)
            if not await outbox.again(connection, row_id, self._clock()):
                raise Conflict(f"The notice {notice} is {row.status} already.", "Nothing is left to send.")
            await self._authority.record(connection, caller, Verb.ALARM_EDIT, resource, {"act": "send again"})
            changed = await outbox.find(connection, row_id)
            assert changed is not None
            return _message(changed)

    async def _check_secret(self, owner: ProjectRow, secret: str) -> None:
        """Better now than when the first alarm is raised. Raises Invalid."""
        try:
            found = await self._vault.reveal(str(owner.id), [secret])
        except StepFailed as failure:
            raise Invalid(failure.error.message, failure.error.hint) from None
        if secret not in found:
            hint = f"Store it: errands secrets set {secret}"
            raise Invalid(f"There is no secret {secret!r}.", hint, field="secret")
        misfit = self._post.misfit(found[secret], f"secret:{secret}")
        if misfit is not None:
            raise Invalid(f"{misfit[:1].upper()}{misfit[1:]}.", field="secret")


def check_channel(name: str, secret: str | None, addresses: Sequence[str], events: Sequence[str]) -> None:
    """Raises Invalid for what can be no channel."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name[:80]!r} cannot be the name of a channel.",
            "Use lower-case letters, digits, `-` and `_`, a letter first, 63 characters at most.",
            field="channel",
        )
    if (secret is None) == (not addresses):
        where = "addresses" if secret is None else "secret"
        raise Invalid("A channel has either a secret or addresses.", "Give one of the two.", field=where)
    if len(addresses) > _MOST_ADDRESSES:
        said = f"{len(addresses)} addresses are too many."
        raise Invalid(said, f"Give {_MOST_ADDRESSES} at most.", field="addresses")
    wrong = next((one for one in addresses if len(one) > 320 or not _ADDRESS.fullmatch(one)), None)
    if wrong is not None:
        said = f"{wrong[:80]!r} is not a mail address."
        raise Invalid(said, "Write it like ana@example.com.", field="addresses")
    unknown = next((one for one in events if one not in EVENTS), None)
    if unknown is not None or not events:
        said = "A channel without events is told nothing." if unknown is None else f"{unknown[:80]!r} is no event."
        raise Invalid(said, f"Choose of: {', '.join(EVENTS)}.", field="events")


async def _find(connection: AsyncConnection, owner: ProjectRow, name: str) -> ChannelRow:
    found = None if "\0" in name else await channels.find(connection, owner.id, name)
    if found is None:
        names = [row.name for row in await channels.of_project(connection, owner.id)]
        hint = f"There are: {', '.join(names)}." if names else "Make it: errands channels set NAME"
        raise NotFound(f"channel of project {owner.name}", name, hint=hint)
    return found


def _view(row: ChannelRow) -> ChannelView:
    return ChannelView(
        row.name,
        row.secret,
        tuple(row.addresses),
        tuple(row.events),
        row.updated_at,
        row.sent_at,
        row.failing_since,
        row.problem,
        digest_of_value([row.secret, list(row.addresses), list(row.events)]),
    )


def _message(row: MessageRow) -> NoticeView:
    return NoticeView(
        id=ids.encode("notice", row.id),
        event=row.event,
        channel=row.channel,
        person=None if row.person is None else f"user:{row.person}",
        title=row.title,
        status=row.status,
        attempts=row.attempts,
        problem=row.problem,
        approval=None if row.approval_id is None else ids.encode("approval", row.approval_id),
        alarm=None if row.alarm_id is None else ids.encode("alarm", row.alarm_id),
        created_at=row.created_at,
        next_attempt_at=row.due_at,
        done_at=row.done_at,
    )
