"""Traces of what this process does, sent to a collector if one is set."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from errands.bootstrap.spans import Spans
    from errands.engine.engine import Engine
    from errands.settings import Settings

_SECONDS = 5
"""What one attempt to send may take; longer ones would hold up the end of the process."""


class Traces:
    """Loads OpenTelemetry only when a worker begins, and only if a collector is set."""

    def __init__(self, settings: "Settings", engine: "Engine") -> None:
        self._settings = settings
        self._engine = engine
        self._spans: Spans | None = None

    def begin(self) -> None:
        """Tell the collector of everything from now on. Raises Unavailable where the extra is missing."""
        url = self._settings.traces_url
        if url is not None and self._spans is None:
            self._spans = _spans_to(url)
            self._engine.tally.look_on(self._spans)

    async def aclose(self) -> None:
        """Send what has gathered."""
        if self._spans is not None:
            await asyncio.to_thread(self._spans.close)


def _spans_to(url: str) -> "Spans":
    from errands.services.errors import Unavailable

    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from errands.bootstrap.spans import Spans
    except ImportError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        raise Unavailable(
            "ERRANDS_TRACES_URL is set, but what sends traces is not installed.",
            "Install it: pip install 'errands[telemetry]', or take the setting away.",
        ) from error
    whole = url.rstrip("/")
    whole = whole if whole.endswith("/v1/traces") else f"{whole}/v1/traces"
    return Spans(BatchSpanProcessor(OTLPSpanExporter(endpoint=whole, timeout=_SECONDS)))
