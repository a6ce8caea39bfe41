"""What the whole API and the one that a command mounts have in common: the application, and how nouns join it."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from errands.api.edge import Edge, Observer
from errands.api.following import Followers
from errands.api.problems import Translate, fastapi_handler
from errands.api.routes import Routes
from errands.services import Services

if TYPE_CHECKING:
    from errands.api.chatting import ChatHere
    from errands.api.monitoring import Measure, Watch

PREFIX = "/api/v1"
NOUNS = (
    *(
        "projects",
        "tasks",
        "exports",
        "runs",
        "artifacts",
        "approvals",
        "channels",
        "alarms",
        "triggers",
        "threads",
        "tool_servers",
        "connecting",
        "models",
        "doors",
        "people",
        "access",
        "porting",
        "templates",
        "saved",
        "upkeep",
    ),
)
"""The modules of this room that declare endpoints of the API, in the order in which routes are tried."""
_TAGS = (
    ("projects", "Projects: their files, events and secrets."),
    ("tasks", "Tasks: read, edited, published, compared, paused, archived, deleted, rehearsed."),
    ("runs", "Runs: started, read, followed, cancelled, repeated."),
    ("approvals", "Questions to people that hold runs."),
    ("channels", "Where messages go: questions, reminders, alarms. And how they fare on their way."),
    ("alarms", "What is or was wrong with tasks, and what a project watches."),
    ("models", "Who thinks: language models and agents."),
    ("triggers", "What starts runs: schedules, their ledger, previews, backfills, calendars."),
    ("chat", "Threads: said and answered as a stream, with cards that wait for a click."),
    ("tools", "What tasks can be granted, and the tool servers (MCP) that some of it comes from."),
    ("doors", "Where somebody comes in or goes out. These need no token."),
    ("hooks", "Where webhooks are called; a signature or token proves the sender."),
    ("people", "Accounts, sessions, tokens."),
    ("access", "Members, groups, narrowed tasks, the audit log."),
    ("templates", "Task files that nearly do a job: shown, tried with sample data, adopted."),
    ("upkeep", "Backups."),
    ("monitoring", "For those who watch the server."),
)
_ABOUT = """Turn work with AI agents into tasks that run unattended, survive crashes and keep a record.

Send `Authorization: Bearer TOKEN`. Every refusal is a problem document (RFC 9457). Lists that grow are read in pages:
give `next_cursor` back as `cursor`. A query parameter that is not declared is refused. Moments are
ISO 8601 with an offset; durations are written like `90s` or `1h30m`."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the API needs of its process."""

    services: Services
    translate: Translate
    """What a library's exception means; None for a defect."""
    version: str
    """Of Errands, for the document."""
    watch: "Watch"
    """Has a callback told of every run that this process takes and lets go."""
    chat: "ChatHere"
    """Writes answers in threads."""
    largest_upload: int = 100 * 2**20
    """Bytes of a request that brings files."""
    measure: "Measure" = lambda _: None
    """Has a callback told of every measure of this process."""
    page: Path | None = None
    """Folder of the built page. None: `/` says how to build it."""


def make_frame(parts: Parts, observe: Observer) -> FastAPI:
    """The application without a noun. Its `state` holds `services`, `chat` and `followers`."""
    app = FastAPI(
        title="Errands",
        version=parts.version,
        description=_ABOUT,
        openapi_url=f"{PREFIX}/openapi.json",
        openapi_tags=[{"name": name, "description": about} for name, about in _TAGS],
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={RequestValidationError: fastapi_handler, HTTPException: fastapi_handler},
    )
    app.state.services, app.state.chat = parts.services, parts.chat
    app.state.followers = Followers(parts.translate, parts.chat)
    app.add_middleware(
        Edge,
        translate=parts.translate,
        observe=observe,
        version=parts.version,
        largest_upload=parts.largest_upload,
    )
    return app


def add_nouns(app: FastAPI, nouns: Sequence[str], *, documented: bool = True) -> None:
    """Let the application answer at the endpoints of these modules."""
    for noun in nouns:
        routes: Routes = import_module(f"errands.api.{noun}").routes
        app.router.routes.extend(routes.made(PREFIX, documented=documented))
