"""What a caller may ask. One module per noun; `views` says what is given back, `errors` how a request is refused.

Importing this imports none of them: a command that only prints its help pays for no database.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from errands.services.activity import ActivityService
    from errands.services.agents import AgentService
    from errands.services.alarms import AlarmService
    from errands.services.answers import AnswerService
    from errands.services.approval_links import ApprovalLinks
    from errands.services.approvals import ApprovalService
    from errands.services.artifacts import ArtifactService
    from errands.services.attachments import AttachmentService
    from errands.services.audit import AuditService
    from errands.services.backfills import BackfillService
    from errands.services.backtests import BacktestService
    from errands.services.backups import BackupService
    from errands.services.calendars import CalendarService
    from errands.services.cards import CardService
    from errands.services.channels import ChannelService
    from errands.services.connecting import ConnectingService
    from errands.services.doctor import Doctor
    from errands.services.events import EventService
    from errands.services.figures import FigureService
    from errands.services.least_privilege import LeastPrivilege
    from errands.services.mailroom import MailService
    from errands.services.members import GroupService, MemberService
    from errands.services.models import ModelService
    from errands.services.offering import OfferingService
    from errands.services.overview import OverviewService
    from errands.services.people import PeopleService
    from errands.services.porting import PortingService
    from errands.services.projects import ProjectService
    from errands.services.publish_gates import PublishGateService
    from errands.services.records import RecordService
    from errands.services.retirement import RetirementService
    from errands.services.runs import RunService
    from errands.services.saved import SavedService
    from errands.services.secrets import SecretService
    from errands.services.sessions import SessionService
    from errands.services.sign_in import SignIn
    from errands.services.sign_on import SignOn
    from errands.services.tasks import TaskService
    from errands.services.templates import TemplateService
    from errands.services.threads import ThreadService
    from errands.services.tokens import TokenService
    from errands.services.tool_servers import ToolServerService
    from errands.services.triggers import TriggerService
    from errands.services.webhooks import WebhookService


@dataclass(frozen=True, slots=True)
class Services:
    """Every service of a process, made by `bootstrap`."""

    projects: "ProjectService"
    tasks: "TaskService"
    retirement: "RetirementService"
    runs: "RunService"
    records: "RecordService"
    activity: "ActivityService"
    approvals: "ApprovalService"
    links: "ApprovalLinks"
    alarms: "AlarmService"
    channels: "ChannelService"
    events: "EventService"
    secrets: "SecretService"
    doctor: "Doctor"
    people: "PeopleService"
    sign_in: "SignIn"
    sign_on: "SignOn | None"
    """None: no identity provider is set up."""
    sessions: "SessionService"
    tokens: "TokenService"
    members: "MemberService"
    groups: "GroupService"
    audit: "AuditService"
    triggers: "TriggerService"
    backfills: "BackfillService"
    backtests: "BacktestService"
    publish_gates: "PublishGateService"
    least_privilege: "LeastPrivilege"
    calendars: "CalendarService"
    saved: "SavedService"
    artifacts: "ArtifactService"
    backups: "BackupService"
    porting: "PortingService"
    figures: "FigureService"
    webhooks: "WebhookService"
    mail: "MailService"
    threads: "ThreadService"
    answers: "AnswerService"
    cards: "CardService"
    attachments: "AttachmentService"
    tool_servers: "ToolServerService"
    connecting: "ConnectingService"
    offering: "OfferingService"
    overview: "OverviewService"
    models: "ModelService"
    agents: "AgentService"
    templates: "TemplateService"
