"""Makes what listens to the outside for triggers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from errands.engine.engine import Engine
    from errands.services import Services
    from errands.services.authority import Authority
    from errands.services.mailroom import MailService
    from errands.services.trigger_addresses import Addresses
    from errands.services.vault import Vault
    from errands.services.webhooks import WebhookService
    from errands.settings import Settings
    from errands.store.artifacts import ArtifactStore
    from errands.store.database import Database


def addresses(settings: "Settings") -> "Addresses":
    from errands.services.trigger_addresses import Addresses

    return Addresses(settings.base_url, settings.mail_domain)


def make_webhooks(
    settings: "Settings", database: "Database", authority: "Authority", engine: "Engine", vault: "Vault"
) -> "WebhookService":
    from errands.services.reception import Reception
    from errands.services.webhooks import WebhookService

    return WebhookService(Reception(database, authority, engine), vault, settings.base_url)


def make_mail(
    settings: "Settings", database: "Database", authority: "Authority", engine: "Engine", artifacts: "ArtifactStore"
) -> "MailService":
    from ipaddress import ip_network

    from errands.services.mailroom import MailService
    from errands.services.reception import Reception
    from errands.services.uploads import Intake

    pairs = [relay.partition("=") for relay in settings.mail_relays]
    relays = [(ip_network(network, strict=False), name) for network, _, name in pairs]
    return MailService(Reception(database, authority, engine), Intake(database, artifacts), relays)


@asynccontextmanager
async def mail_listener(settings: "Settings", services: "Services") -> AsyncIterator[str | None]:
    """Take mail meanwhile, if a port is set; gives where, such as `127.0.0.1:2525`. Raises Unavailable."""
    if settings.mail_port is None:
        yield None
        return
    from errands.api.mailbox import Mailbox, listening_for_mail
    from errands.services.outages import outage

    mailbox = Mailbox(services.mail, settings.mail_domain, outage)
    async with listening_for_mail(mailbox, settings.mail_host, settings.mail_port, settings.mail_max_size) as place:
        yield place
