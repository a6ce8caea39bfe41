"""Hands each service what it needs. Imports all of them: whoever only prints a help does not import this."""

from typing import TYPE_CHECKING, TypedDict

from errands.bootstrap.chat import chat_folders, document_reader
from errands.bootstrap.doors import addresses, make_mail, make_webhooks
from errands.bootstrap.parts import key_source
from errands.bootstrap.probes import probes
from errands.bootstrap.reach import Reach, make_connecting, make_models, make_tool_servers
from errands.core.expressions.checking import TypeChecker
from errands.core.expressions.sandbox import Sandbox
from errands.services import Services
from errands.services.activity import ActivityService
from errands.services.agents import AgentService
from errands.services.alarms import AlarmService
from errands.services.approvals import ApprovalService
from errands.services.artifacts import ArtifactService
from errands.services.authority import Authority
from errands.services.backfills import BackfillService
from errands.services.backtests import BacktestService
from errands.services.backups import BackupService
from errands.services.calendars import CalendarService
from errands.services.channels import ChannelService
from errands.services.conversing import Doers, Keeping, make_conversing
from errands.services.doctor import Doctor, Patient
from errands.services.events import EventService
from errands.services.figures import FigureService
from errands.services.least_privilege import LeastPrivilege
from errands.services.offering import OfferingService
from errands.services.overview import OverviewService
from errands.services.past_runs import PastRuns
from errands.services.porting import PortingService
from errands.services.projects import ProjectService
from errands.services.publish_gates import Gatekeeper, PublishGateService
from errands.services.records import RecordService
from errands.services.rehearsing import Rehearsal
from errands.services.retirement import RetirementService
from errands.services.runs import RunService
from errands.services.saved import SavedService
from errands.services.secrets import SecretService
from errands.services.tail import Tail
from errands.services.tasks import TaskService
from errands.services.templates import TemplateService
from errands.services.triggers import TriggerService

if TYPE_CHECKING:
    from errands.bootstrap.messages import Messaging
    from errands.core.expressions.workers import Workers
    from errands.engine.engine import Engine
    from errands.services.audit import AuditService
    from errands.services.connecting import ConnectingService
    from errands.services.entrance import Entrance
    from errands.services.members import GroupService, MemberService
    from errands.services.models import ModelService
    from errands.services.people import PeopleService
    from errands.services.sessions import SessionService
    from errands.services.sign_in import SignIn
    from errands.services.sign_on import SignOn
    from errands.services.tokens import TokenService
    from errands.services.tool_servers import ToolServerService
    from errands.services.vault import Vault
    from errands.settings import Settings
    from errands.store.artifacts import ArtifactStore
    from errands.store.database import Database


def make_services(
    settings: "Settings",
    database: "Database",
    engine: "Engine",
    reach: Reach,
    sandboxes: "Workers",
    vault: "Vault",
    artifacts: "ArtifactStore",
    messaging: "Messaging",
) -> "Services":
    authority, tail, toolbox = Authority(database), Tail(database), reach.toolbox
    looks = probes(settings, toolbox.packages, database)
    rehearsal = Rehearsal(engine, Sandbox(sandboxes))
    tools, checker = toolbox.builtin(), TypeChecker(sandboxes)
    past = PastRuns(database, engine, artifacts, Sandbox(sandboxes))
    tasks = TaskService(database, tools, checker, rehearsal, authority, Gatekeeper(past), timezone=settings.timezone)
    runs = RunService(database, authority, engine, artifacts, tasks, rehearsal, tail)
    approvals = ApprovalService(database, authority, engine)
    retirement = RetirementService(database, authority, settings.keep_deleted)
    keep = Keeping(artifacts, document_reader(settings, toolbox), chat_folders(settings))
    talk = make_conversing(database, authority, keep, Doers(tasks, runs, approvals, retirement))
    return Services(
        projects=ProjectService(database, authority, settings.keep_deleted),
        tasks=tasks,
        retirement=retirement,
        runs=runs,
        records=RecordService(database, authority, runs, artifacts),
        activity=ActivityService(database, authority, tail),
        approvals=approvals,
        links=messaging.links,
        alarms=AlarmService(database, authority),
        channels=ChannelService(database, authority, vault, messaging.post, messaging.courier),
        events=EventService(database, authority, engine),
        secrets=SecretService(database, authority, vault),
        doctor=Doctor(_patient(settings, database, vault, artifacts), authority, looks),
        triggers=TriggerService(database, authority, addresses=addresses(settings)),
        backfills=BackfillService(database, authority),
        backtests=BacktestService(database, authority, past, tasks),
        publish_gates=PublishGateService(database, authority),
        least_privilege=LeastPrivilege(database, authority),
        calendars=CalendarService(database, authority),
        saved=SavedService(database, authority),
        artifacts=ArtifactService(database, authority, artifacts),
        porting=PortingService(database, authority, tasks),
        backups=BackupService(database, authority, artifacts, key_source(settings)),
        figures=FigureService(database, authority, settings.heartbeat),
        mail=make_mail(settings, database, authority, engine, artifacts),
        webhooks=make_webhooks(settings, database, authority, engine, vault),
        threads=talk.threads,
        answers=talk.answers,
        cards=talk.cards,
        attachments=talk.attachments,
        offering=OfferingService(database, authority),
        agents=AgentService(database, authority, tools),
        templates=TemplateService(database, authority, tasks, rehearsal, Sandbox(sandboxes)),
        **_of_reach(settings, database, authority, vault, reach),
        overview=OverviewService(database, authority),
        **_of_people(_make_entrance(settings, database, authority)),
    )


class _OfReach(TypedDict):
    models: "ModelService"
    tool_servers: "ToolServerService"
    connecting: "ConnectingService"


def _of_reach(
    settings: "Settings", database: "Database", authority: Authority, vault: "Vault", reach: Reach
) -> _OfReach:
    servers = make_tool_servers(database, authority, vault, reach)
    return {
        "models": make_models(database, authority, vault, reach.agents),
        "tool_servers": servers,
        "connecting": make_connecting(settings, database, authority, vault, reach, servers),
    }


class _OfPeople(TypedDict):
    people: "PeopleService"
    sign_in: "SignIn"
    sign_on: "SignOn | None"
    sessions: "SessionService"
    tokens: "TokenService"
    members: "MemberService"
    groups: "GroupService"
    audit: "AuditService"


def _of_people(entrance: "Entrance") -> _OfPeople:
    return {
        "people": entrance.people,
        "sign_in": entrance.sign_in,
        "sign_on": entrance.sign_on,
        "sessions": entrance.sessions,
        "tokens": entrance.tokens,
        "members": entrance.members,
        "groups": entrance.groups,
        "audit": entrance.audit,
    }


def _patient(settings: "Settings", database: "Database", vault: "Vault", artifacts: "ArtifactStore") -> Patient:
    return Patient(database, artifacts, vault, settings.home, settings.workspace_folder, settings.heartbeat)


def _make_entrance(settings: "Settings", database: "Database", authority: "Authority") -> "Entrance":
    from errands.services.entrance import make_entrance
    from errands.services.identity_provider import Registration
    from errands.services.sessions import Lifetimes

    provider, secret = None, settings.oidc_client_secret
    if settings.oidc_issuer is not None and settings.oidc_client_id is not None:
        shown = None if secret is None else secret.get_secret_value()
        provider = Registration(settings.oidc_issuer, settings.oidc_client_id, shown)
    return make_entrance(
        database,
        authority,
        key_source(settings),
        Lifetimes(settings.session_idle, settings.session_lifetime),
        provider,
        create_accounts=settings.oidc_create_accounts,
    )
