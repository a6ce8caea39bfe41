"""Puts together what tells people: links, the post, the courier, and the rounds that find what to tell."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from errands.bootstrap.parts import host_policy, key_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from errands.engine.engine import Engine
    from errands.services.approval_links import ApprovalLinks
    from errands.services.courier import Courier
    from errands.services.housekeeping import Chore
    from errands.services.vault import Vault
    from errands.settings import Settings
    from errands.store.database import Database
    from errands.store.outbox import Means
    from errands.tools.delivery import Delivery

_OFTEN = timedelta(seconds=2)
_AT_TIMES = timedelta(seconds=15)
_SELDOM = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Messaging:
    """How messages leave this process."""

    post: "Delivery"
    links: "ApprovalLinks"
    courier: "Courier"
    chores: "Sequence[Chore]"


def make_messaging(settings: "Settings", database: "Database", vault: "Vault", engine: "Engine") -> Messaging:
    from errands.services.approval_links import ApprovalLinks
    from errands.services.approvals import ApprovalService
    from errands.services.asking import Asking
    from errands.services.authority import Authority
    from errands.services.courier import Courier
    from errands.services.housekeeping import Chore
    from errands.services.watching import Watch
    from errands.tools.delivery import Delivery
    from errands.tools.limits import ToolLimits

    smtp = settings.smtp_url
    post = Delivery(host_policy(settings), ToolLimits(), None if smtp is None else smtp.get_secret_value())
    approvals = ApprovalService(database, Authority(database), engine)
    links = ApprovalLinks(database, approvals, key_source(settings), settings.base_url)
    courier = Courier(database, vault, post, links, means=_means(settings))
    watch = Watch(database)
    chores = [
        Chore("asking", _OFTEN, Asking(database).look),
        Chore("alarms", _OFTEN, watch.signals),
        Chore("lateness", _AT_TIMES, watch.times),
        Chore("courier", _OFTEN, courier.deliver),
        Chore("old messages", _SELDOM, courier.prune),
        Chore("old alarms", _SELDOM, watch.prune),
    ]
    return Messaging(post, links, courier, chores)


def _means(settings: "Settings") -> "Means":
    """A worker of a fleet may know less than its servers: no mail account, or not where people reach them.

    On a machine by itself nobody else could send it, so what is lacking shows at once.
    """
    from errands.store.outbox import Means

    alone = settings.database_url is None
    return Means(mails=alone or settings.smtp_url is not None, links=alone or settings.public_url is not None)
