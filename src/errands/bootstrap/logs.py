"""What a process says of itself, and where."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from errands.core.catalog import ToolPackage
    from errands.settings import Settings


def configure_logging(settings: "Settings", *, quiet: bool) -> None:
    """Log to stderr. `quiet` leaves out what is no warning, unless a level is set: a command has its own words."""
    import logging

    import structlog

    chosen = "log_level" in settings.model_fields_set or not quiet
    level = logging.getLevelNamesMapping()[(settings.log_level if chosen else "warning").upper()]
    terminal = sys.stderr.isatty()
    console = settings.log_format == "console" or (settings.log_format == "auto" and terminal)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Plain tracebacks: the pretty ones print local variables, and with them secrets.
    renderers: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=terminal, exception_formatter=structlog.dev.plain_traceback)]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[strip, *renderers]))
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


def warn_of_packages(packages: "Sequence[ToolPackage]") -> None:
    """A line on stderr for each tool of an allowed package that could not be taken into the catalog."""
    import structlog

    for package in packages:
        for problem in package.problems:
            structlog.get_logger().warning("a tool of a package is not there", package=package.name, problem=problem)
