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
    """Sign in and out."""
    ACCOUNT_READ = "account.read"
    """See an account."""
    ACCOUNT_EDIT = "account.edit"
    """Change an account's name, address, password and time zone."""
    SESSION_MANAGE = "session.manage"
    """See and end sessions."""
    TOKEN_READ = "token.read"
    """See tokens, never their text."""
    TOKEN_MANAGE = "token.manage"
    """Make and revoke tokens."""

    AUDIT_READ = "audit.read"
    """Read the audit log."""
    AUDIT_EXPORT = "audit.export"
    """Take the audit log out, signed."""
    AUDIT_VERIFY = "audit.verify"
    """Follow the chain of the audit log."""
    USER_READ = "user.read"
    """See all accounts."""
    GROUP_READ = "group.read"
    """See all groups and who is in them."""
    METRICS_READ = "metrics.read"
    """Read `/metrics`."""

    USER_MANAGE = "user.manage"
    """Make, change and disable accounts."""
    GROUP_MANAGE = "group.manage"
    """Make, change and remove groups."""
    PROJECT_CREATE = "project.create"
    """Make a project."""
    SERVER_READ = "server.read"
    """See what belongs to the whole server: its health, schedules, models, tool servers, names of secrets."""
    SERVER_EDIT = "server.edit"
    """Change what belongs to the whole server: models, tool servers, calendars, secrets."""
    SECRET_ROTATE = "secret.rotate"
    """Encrypt every secret anew under a new key."""
    BACKUP_MAKE = "backup.make"
    """Make and download a backup."""
    BACKUP_RESTORE = "backup.restore"
    """Put a backup in place of what is there."""
    TOOL_PROGRAM_EDIT = "tool_program.edit"
    """Add and change tool servers that are programs on the server's machine."""

    PROJECT_READ = "project.read"
    """See the project and its settings."""
    MEMBER_READ = "member.read"
    """See who is a member."""
    TASK_READ = "task.read"
    """Read tasks, their versions and figures."""
    RUN_READ = "run.read"
    """Read runs, their steps and logs."""
    RUN_EXPORT = "run.export"
    """Take a list of runs out as a file."""
    ARTIFACT_READ = "artifact.read"
    """Download files that runs made."""
    APPROVAL_READ = "approval.read"
    """Read questions and answers."""
    TRIGGER_READ = "trigger.read"
    """Read triggers, their planned times and deliveries."""
    AGENT_READ = "agent.read"
    """Read agents."""
    MODEL_READ = "model.read"
    """Read models."""
    TOOL_READ = "tool.read"
    """Read tools and tool servers."""
    CALENDAR_READ = "calendar.read"
    """Read calendars."""
    ALARM_READ = "alarm.read"
    """Read alarms and channels."""
    CHAT_READ = "chat.read"
    """Read threads that are shared."""
    CHAT_USE = "chat.use"
    """Talk in threads of one's own."""

    TASK_RUN = "task.run"
    """Start runs."""
    TASK_REHEARSE = "task.rehearse"
    """Rehearse: dry runs, tests, backtests."""
    TASK_PAUSE = "task.pause"
    """Pause and resume a task."""
    RUN_CANCEL = "run.cancel"
    """Cancel runs."""
    RUN_RERUN = "run.rerun"
    """Do runs again, wholly or from a step on."""
    EVENT_SEND = "event.send"
    """Send events to waiting runs and triggers."""
    TRIGGER_BACKFILL = "trigger.backfill"
    """Run what was planned and never ran."""
    TRIGGER_SWITCH = "trigger.switch"
    """Switch triggers on and off, see and replace their addresses."""
    APPROVAL_ANSWER = "approval.answer"
    """Answer questions."""
    ALARM_ACKNOWLEDGE = "alarm.acknowledge"
    """Say that an alarm has been seen."""

    TASK_EDIT = "task.edit"
    """Make and change tasks."""
    TASK_PUBLISH = "task.publish"
    """Publish and roll back versions, run one that is not published."""
    TASK_ARCHIVE = "task.archive"
    """Archive tasks and bring them back."""
    TRIGGER_EDIT = "trigger.edit"
    """Give triggers new addresses; what is written in their files is `task.edit`."""
    AGENT_EDIT = "agent.edit"
    """Make and change agents."""
    MODEL_EDIT = "model.edit"
    """Make and change models of the project."""
    TOOL_SERVER_EDIT = "tool_server.edit"
    """Add tool servers by address, and accept their tools."""
    CALENDAR_EDIT = "calendar.edit"
    """Make and change calendars."""
    ALARM_EDIT = "alarm.edit"
    """Change channels and the project's alarm rules."""
    SECRET_READ = "secret.read"
    """See the names of secrets and when they were last used. No verb reads a value."""
    PROJECT_EXPORT = "project.export"
    """Take the project out as a folder."""

    SECRET_WRITE = "secret.write"
    """Set, limit and remove secrets."""
    MEMBER_MANAGE = "member.manage"
    """Add members, change their role, remove them."""
    PROJECT_EDIT = "project.edit"
    """Change the project, its gates included."""
    PROJECT_DELETE = "project.delete"
    """Delete the project, and bring it back within the grace period."""
    TASK_DELETE = "task.delete"
    """Delete tasks, and bring them back within the grace period."""
    TASK_ACCESS = "task.access"
    """Say who may run a task and who may answer for it."""
    RUN_DELETE = "run.delete"
    """Delete ended runs with their records and files."""


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
