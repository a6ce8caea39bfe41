"""The table of rights: every act, and the lowest role and the scope that hold it. `access.permit` reads it.

A verb stands once, beside the role that adds it; each role also holds what the roles before it hold.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class ServerRole(StrEnum):
    """What a person is on the server, least first."""

    MEMBER = "member"
    AUDITOR = "auditor"
    ADMIN = "admin"


class ProjectRole(StrEnum):
    """What a person is in a project, least first."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    EDITOR = "editor"
    OWNER = "owner"


class Verb(StrEnum):
    """Every act on every noun."""

    SIGN_IN = "account.sign_in"
    ACCOUNT_READ = "account.read"
    ACCOUNT_EDIT = "account.edit"
    SESSION_MANAGE = "session.manage"
    TOKEN_READ = "token.read"
    TOKEN_MANAGE = "token.manage"

    AUDIT_READ = "audit.read"
    AUDIT_EXPORT = "audit.export"
    AUDIT_VERIFY = "audit.verify"
    USER_READ = "user.read"
    GROUP_READ = "group.read"
    METRICS_READ = "metrics.read"

    USER_MANAGE = "user.manage"
    GROUP_MANAGE = "group.manage"
    PROJECT_CREATE = "project.create"
    SERVER_READ = "server.read"
    SERVER_EDIT = "server.edit"
    SECRET_ROTATE = "secret.rotate"
    BACKUP_MAKE = "backup.make"
    BACKUP_RESTORE = "backup.restore"
    TOOL_PROGRAM_EDIT = "tool_program.edit"

    PROJECT_READ = "project.read"
    MEMBER_READ = "member.read"
    TASK_READ = "task.read"
    RUN_READ = "run.read"
    RUN_EXPORT = "run.export"
    ARTIFACT_READ = "artifact.read"
    APPROVAL_READ = "approval.read"
    TRIGGER_READ = "trigger.read"
    AGENT_READ = "agent.read"
    MODEL_READ = "model.read"
    TOOL_READ = "tool.read"
    CALENDAR_READ = "calendar.read"
    ALARM_READ = "alarm.read"
    CHAT_READ = "chat.read"
    CHAT_USE = "chat.use"

    TASK_RUN = "task.run"
    TASK_REHEARSE = "task.rehearse"
    TASK_PAUSE = "task.pause"
    RUN_CANCEL = "run.cancel"
    RUN_RERUN = "run.rerun"
    EVENT_SEND = "event.send"
    TRIGGER_BACKFILL = "trigger.backfill"
    TRIGGER_SWITCH = "trigger.switch"
    APPROVAL_ANSWER = "approval.answer"
    ALARM_ACKNOWLEDGE = "alarm.acknowledge"

    TASK_EDIT = "task.edit"
    TASK_PUBLISH = "task.publish"
    TASK_ARCHIVE = "task.archive"
    TRIGGER_EDIT = "trigger.edit"
    AGENT_EDIT = "agent.edit"
    MODEL_EDIT = "model.edit"
    TOOL_SERVER_EDIT = "tool_server.edit"
    CALENDAR_EDIT = "calendar.edit"
    ALARM_EDIT = "alarm.edit"
    SECRET_READ = "secret.read"
    """Names and last use. No verb reads a value."""
    PROJECT_EXPORT = "project.export"

    SECRET_WRITE = "secret.write"
    MEMBER_MANAGE = "member.manage"
    PROJECT_EDIT = "project.edit"
    PROJECT_DELETE = "project.delete"
    TASK_DELETE = "task.delete"
    TASK_ACCESS = "task.access"
    """Say who may run a task and who may answer for it."""
    RUN_DELETE = "run.delete"


OWN_RIGHTS = frozenset(
    {Verb.SIGN_IN, Verb.ACCOUNT_READ, Verb.ACCOUNT_EDIT, Verb.SESSION_MANAGE, Verb.TOKEN_READ, Verb.TOKEN_MANAGE}
)
"""What everybody may do with the own account, sessions and tokens, and an administrator with those of others."""

SERVER_RIGHTS: Mapping[ServerRole, frozenset[Verb]] = MappingProxyType(
    {
        ServerRole.MEMBER: frozenset(),
        ServerRole.AUDITOR: frozenset(
            {
                *(Verb.AUDIT_READ, Verb.AUDIT_EXPORT, Verb.AUDIT_VERIFY),
                *(Verb.USER_READ, Verb.GROUP_READ, Verb.METRICS_READ),
            }
        ),
        ServerRole.ADMIN: frozenset(
            {
                *(Verb.USER_MANAGE, Verb.GROUP_MANAGE, Verb.PROJECT_CREATE, Verb.SERVER_READ, Verb.SERVER_EDIT),
                *(Verb.SECRET_ROTATE, Verb.BACKUP_MAKE, Verb.BACKUP_RESTORE, Verb.TOOL_PROGRAM_EDIT),
            }
        ),
    }
)
"""What a role adds to those above it. An administrator is also an owner of every project."""

PROJECT_RIGHTS: Mapping[ProjectRole, frozenset[Verb]] = MappingProxyType(
    {
        ProjectRole.VIEWER: frozenset(
            {
                *(Verb.PROJECT_READ, Verb.MEMBER_READ, Verb.TASK_READ, Verb.RUN_READ, Verb.RUN_EXPORT),
                *(Verb.ARTIFACT_READ, Verb.APPROVAL_READ, Verb.TRIGGER_READ, Verb.AGENT_READ, Verb.MODEL_READ),
                *(Verb.TOOL_READ, Verb.CALENDAR_READ, Verb.ALARM_READ, Verb.CHAT_READ),
                Verb.CHAT_USE,
            }
        ),
        ProjectRole.OPERATOR: frozenset(
            {
                *(Verb.TASK_RUN, Verb.TASK_REHEARSE, Verb.TASK_PAUSE, Verb.RUN_CANCEL, Verb.RUN_RERUN),
                *(Verb.EVENT_SEND, Verb.TRIGGER_BACKFILL, Verb.TRIGGER_SWITCH, Verb.APPROVAL_ANSWER),
                Verb.ALARM_ACKNOWLEDGE,
            }
        ),
        ProjectRole.EDITOR: frozenset(
            {
                *(Verb.TASK_EDIT, Verb.TASK_PUBLISH, Verb.TASK_ARCHIVE, Verb.TRIGGER_EDIT, Verb.AGENT_EDIT),
                *(Verb.MODEL_EDIT, Verb.CALENDAR_EDIT, Verb.ALARM_EDIT, Verb.SECRET_READ, Verb.PROJECT_EXPORT),
                Verb.TOOL_SERVER_EDIT,
            }
        ),
        ProjectRole.OWNER: frozenset(
            {
                *(Verb.SECRET_WRITE, Verb.MEMBER_MANAGE, Verb.PROJECT_EDIT),
                *(Verb.PROJECT_DELETE, Verb.TASK_DELETE, Verb.TASK_ACCESS, Verb.RUN_DELETE),
            }
        ),
    }
)
"""What a role adds to those above it."""


class Scope(StrEnum):
    """What a token may be used for."""

    READ = "read"
    RUN = "run"
    ANSWER = "answer"
    EDIT = "edit"
    MANAGE = "manage"
    AUDIT = "audit"
    ADMIN = "admin"


SCOPES: Mapping[Scope, frozenset[Verb]] = MappingProxyType(
    {
        Scope.READ: PROJECT_RIGHTS[ProjectRole.VIEWER] | {Verb.ACCOUNT_READ, Verb.TOKEN_READ},
        Scope.RUN: PROJECT_RIGHTS[ProjectRole.OPERATOR] - {Verb.APPROVAL_ANSWER},
        Scope.ANSWER: frozenset({Verb.APPROVAL_ANSWER}),
        Scope.EDIT: PROJECT_RIGHTS[ProjectRole.EDITOR],
        Scope.MANAGE: PROJECT_RIGHTS[ProjectRole.OWNER],
        Scope.AUDIT: SERVER_RIGHTS[ServerRole.AUDITOR],
        Scope.ADMIN: SERVER_RIGHTS[ServerRole.ADMIN],
    }
)
"""No scope holds passwords, sessions and tokens: a token cannot make another that outlives it."""
