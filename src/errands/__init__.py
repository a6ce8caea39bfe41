"""Errands: tasks for AI agents that run unattended, survive crashes and keep a record."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from errands.client import AsyncClient as AsyncClient
    from errands.client import Client as Client

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """`errands.Client` and `errands.AsyncClient`, loaded when they are asked for: the command needs neither."""
    if name in ("AsyncClient", "Client"):
        from errands import client

        found: object = getattr(client, name)
        return found
    raise AttributeError(f"module 'errands' has no attribute {name!r}")
