"""Figures of a process that has no API."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from errands.engine.engine import Engine
    from errands.settings import Settings


def tell_figures(settings: "Settings", engine: "Engine") -> int | None:
    """Serve what this process counts at the set address, from a thread that ends with it; gives the port.

    Raises Unavailable where the address is taken.
    """
    if settings.metrics_address is None:
        return None
    from prometheus_client import start_http_server

    from errands.api.monitoring import Meters
    from errands.services.errors import Unavailable

    host, _, port = settings.metrics_address.rpartition(":")
    meters = Meters()
    try:
        server, _thread = start_http_server(int(port), host, registry=meters.registry)
    except (OSError, OverflowError) as error:
        raise Unavailable(
            f"Nothing can listen at {settings.metrics_address}: {error}.", "Set ERRANDS_METRICS_ADDRESS to another one."
        ) from error
    engine.bus.listen(meters.happened)
    engine.tally.listen(meters.measured)
    return int(server.server_port)
