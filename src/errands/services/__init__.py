"""What a caller may ask. One module per noun; `views` says what is given back, `errors` how a request is refused.

Importing this imports none of them: a command that only prints its help pays for no database.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from errands.services.approvals import ApprovalService
    from errands.services.doctor import Doctor
    from errands.services.events import EventService
    from errands.services.projects import ProjectService
    from errands.services.runs import RunService
    from errands.services.secrets import SecretService
    from errands.services.tasks import TaskService


@dataclass(frozen=True, slots=True)
class Services:
    """Every service of a process, made by `bootstrap`."""

    projects: "ProjectService"
    tasks: "TaskService"
    runs: "RunService"
    approvals: "ApprovalService"
    events: "EventService"
    secrets: "SecretService"
    doctor: "Doctor"
