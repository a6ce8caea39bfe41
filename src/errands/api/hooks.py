"""Where webhooks are called. No `Caller`: the call's own signature or token is the right, see services.webhooks."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Path, Request

from errands.api.callers import Asked, address_of
from errands.api.routes import Routes, reply
from errands.core.definition.triggers import LARGEST_BODY
from errands.services.errors import TooLarge
from errands.services.trigger_views import Received

routes = Routes("hooks", any_query=True)
Address = Annotated[str, Path(max_length=64, examples=["5f0c1d2e3a4b5c6d7e8f90a1b2c3d4e5"])]
_TAKES = ("application/json", "application/x-www-form-urlencoded", "text/plain")


@routes.post(
    "/hooks/{address}",
    gives=Received,
    status=HTTPStatus.ACCEPTED,
    takes={kind: {} for kind in _TAKES},
    also={200: {"model": Received, "description": "The delivery had come before, or is a greeting."}},
)
async def receive_delivery(request: Request, services: Asked, address: Address) -> object:
    """Deliver to a webhook trigger: 202 with the run that it starts. The body is JSON, a form or text."""

    async def read(most: int) -> bytes:
        return await _read(request, min(most, LARGEST_BODY))

    headers = {name.lower(): value for name, value in request.headers.items()}
    received = await services.webhooks.receive(address, headers, read, sender=address_of(request))
    accepted = received.run is not None and not received.existing
    where = {} if received.run is None else {"Location": f"/api/v1/runs/{received.run}"}
    return reply(received, HTTPStatus.ACCEPTED if accepted else HTTPStatus.OK, where)


async def _read(request: Request, most: int) -> bytes:
    """The body. Raises TooLarge as soon as it is known, so that nobody keeps us reading."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise TooLarge(f"The body has more than {most:,} bytes.", "Send less, or raise the trigger's `max_body`.")
        parts.append(part)
    return b"".join(parts)
