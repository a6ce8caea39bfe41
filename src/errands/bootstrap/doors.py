"""Makes what listens to the outside for triggers."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from errands.engine.engine import Engine
    from errands.services.authority import Authority
    from errands.services.trigger_addresses import Addresses
    from errands.services.vault import Vault
    from errands.services.webhooks import WebhookService
    from errands.settings import Settings
    from errands.store.database import Database


def addresses(settings: "Settings") -> "Addresses":
    from errands.services.trigger_addresses import Addresses

    return Addresses(settings.base_url)


def make_webhooks(
    settings: "Settings", database: "Database", authority: "Authority", engine: "Engine", vault: "Vault"
) -> "WebhookService":
    from errands.services.reception import Reception
    from errands.services.webhooks import WebhookService

    return WebhookService(Reception(database, authority, engine), vault, settings.base_url)
