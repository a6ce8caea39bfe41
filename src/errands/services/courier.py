"""Sends what lies in the outbox: again where it failed, later each time, and at least once in any case."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from errands.core.messages import Letter, Post
from errands.core.outcomes import StepFailed
from errands.services.approval_links import ApprovalLinks
from errands.services.authority import Clock, utc_now
from errands.services.errors import Unavailable
from errands.services.vault import Vault
from errands.store import outbox
from errands.store.database import Database
from errands.store.outbox import ALL_MEANS, Means, Status, Taken

log = structlog.get_logger()

_AT_ONCE = 4
_LEASE = timedelta(minutes=5)
"""Longer than any attempt takes: then whoever took the message has died."""
DELAYS = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 1800, 2 * 3600, 6 * 3600, 12 * 3600, 24 * 3600))
"""Before the second and each later attempt. After the last one a message is given up, which is nearly two days."""
PATIENCE = timedelta(minutes=1)
"""How long a process leaves to others what it is not set up to send. Then it tries, and so shows what is lacking."""
_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class _Went:
    """What came of one attempt."""

    status: Status
    problem: str | None = None
    due_at: datetime | None = None


class Courier:
    """Delivers. Any number may work on one database: each message is taken by one at a time."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        post: Post,
        links: ApprovalLinks,
        clock: Clock = utc_now,
        *,
        means: Means = ALL_MEANS,
    ) -> None:
        """`means`: what this process is set up to send; the rest it leaves to others for `PATIENCE`."""
        self._database = database
        self._vault = vault
        self._post = post
        self._links = links
        self._clock = clock
        self._means = means

    async def deliver(self) -> int:
        """Try everything that is due once. Gives how many messages were tried."""
        tried = 0
        while True:
            now = self._clock()
            taken = await outbox.take(self._database.pool, now, now + _LEASE, _AT_ONCE, self._means, PATIENCE)
            await asyncio.gather(*(self._attempt(one) for one in taken))
            tried += len(taken)
            if len(taken) < _AT_ONCE:
                return tried

    async def prune(self) -> None:
        """Forget what was done with long ago."""
        await outbox.prune(self._database.pool, self._clock() - _KEPT)

    async def try_channel(self, project_id: UUID, name: str, secret: str | None, to: Sequence[str]) -> str | None:
        """Send a trial message now. Gives why it did not get through, or None."""
        now = self._clock()
        body = "This is a trial message. If you can read it, the channel works."
        letter = Letter(f"Errands: trial of the channel {name}", body, f"trial:{name}:{now.timestamp():.0f}", now)
        return await self._send(letter, project_id, name, secret, to)

    def lacks_for_mail(self) -> str | None:
        """What this process would need to mail. None: nothing, or it leaves mail to others that may have it."""
        return self._post.no_mail() if self._means.mails else None

    async def _attempt(self, one: Taken) -> None:
        went = await self._outcome(one)
        now = self._clock()
        if went.problem is not None:
            to = one.channel or one.person
            log.warning("message.undelivered", to=to, about=one.event, attempts=one.attempts, problem=went.problem)
        async with self._database.pool.acquire() as connection, connection.transaction():
            await outbox.settle(connection, one, went.status, went.problem, went.due_at, now)

    async def _outcome(self, one: Taken) -> _Went:
        if one.approval_id is not None and one.event == "approval" and one.approval_status != "open":
            return _Went("withdrawn")
        try:
            problem = await self._post_one(one)
        except Exception as error:
            log.exception("message.defect", about=one.event)
            problem = f"it could not be sent ({type(error).__name__}); this is a defect of Errands"
        if problem is None:
            return _Went("sent")
        if one.attempts > len(DELAYS):
            return _Went("failed", problem)
        return _Went("pending", problem, self._clock() + DELAYS[one.attempts - 1])

    async def _post_one(self, one: Taken) -> str | None:
        try:
            body = self._body(one)
        except Unavailable as error:
            return error.message
        letter = Letter(one.title, body, one.key, one.created_at)
        if one.channel is not None:
            return await self._send(letter, one.project_id, one.channel, one.secret, one.addresses)
        if one.email is None:
            return f"{one.person} has no e-mail address, or is disabled"
        return await self._post.by_mail([one.email], letter)

    def _body(self, one: Taken) -> str:
        """The text, with a link of the recipient's own where it is a question. Links are in no table."""
        if one.approval_id is None or one.event != "approval":
            return one.body
        link = self._links.address(one.approval_id, one.user_id, one.approval_due_at)
        mine = "This link answers in your name; do not pass it on." if one.user_id else "Sign in to answer."
        return f"{one.body}\n\n{link}\n{mine}\n"

    async def _send(
        self, letter: Letter, project_id: UUID, name: str, secret: str | None, to: Sequence[str]
    ) -> str | None:
        if secret is None:
            return await self._post.by_mail(list(to), letter)
        try:
            found = await self._vault.reveal(str(project_id), [secret])
        except StepFailed as failure:
            return failure.error.message
        if secret not in found:
            return f"there is no secret {secret}; store it: errands secrets set {secret}"
        return await self._post.to_channel(found[secret], f"secret:{secret}", letter)
