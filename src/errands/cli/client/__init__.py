"""The API as commands ask it: one module for each noun, and the views of services as what comes back.

Every command goes this way, whether the API is behind a socket or mounted in the command's own process.
"""

from dataclasses import dataclass

from errands.cli.client.alarms import Alarms, Channels
from errands.cli.client.approvals import Approvals
from errands.cli.client.connection import Connection
from errands.cli.client.people import People
from errands.cli.client.projects import Projects
from errands.cli.client.reach import Agents, Models, ToolServers
from errands.cli.client.runs import Runs
from errands.cli.client.server import ServerItself
from errands.cli.client.tasks import Tasks
from errands.cli.client.templates import Templates
from errands.cli.client.threads import Threads
from errands.cli.client.triggers import Backfills, Calendars, Triggers


@dataclass(frozen=True, slots=True)
class Client:
    """Everything that a command may ask. Refusals are raised as services raise them."""

    projects: Projects
    tasks: Tasks
    runs: Runs
    approvals: Approvals
    alarms: Alarms
    channels: Channels
    triggers: Triggers
    backfills: Backfills
    people: People
    threads: Threads
    server: ServerItself
    tool_servers: ToolServers
    models: Models
    agents: Agents
    templates: Templates
    calendars: Calendars


def client_on(connection: Connection) -> Client:
    """The nouns of one connection."""
    return Client(
        Projects(connection),
        Tasks(connection),
        Runs(connection),
        Approvals(connection),
        Alarms(connection),
        Channels(connection),
        Triggers(connection),
        Backfills(connection),
        People(connection),
        Threads(connection),
        ServerItself(connection),
        ToolServers(connection),
        Models(connection),
        Agents(connection),
        Templates(connection),
        Calendars(connection),
    )
