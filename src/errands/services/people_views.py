"""What the services of people give: frozen values. Secrets that are told once show in no repr."""

from dataclasses import dataclass, field
from datetime import datetime

from errands.core.access import Person, ProjectRole, Scope, ServerRole
from errands.core.values import Json


@dataclass(frozen=True, slots=True)
class PersonView:
    """An account."""

    id: str
    name: str
    title: str | None
    email: str | None
    timezone: str | None
    server_role: ServerRole
    has_password: bool
    disabled_at: datetime | None
    last_seen_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class LinkMade:
    """A link that works once, told once."""

    secret: str = field(repr=False)
    """What the link carries; the face makes the address."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody is in."""

    person: Person
    session: str
    cookie: str = field(repr=False)
    """Value for `sessions.set_cookie`."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SessionFound:
    """Whose cookie it is."""

    person: Person
    session: str
    new_cookie: str | None = field(repr=False)
    """Send this one from now on. None: keep the old."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SessionView:
    """A browser in which somebody is signed in."""

    id: str
    current: bool
    """It is the one with which this was asked."""
    address: str | None
    agent: str | None
    used_at: datetime
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token, as far as it may be told."""

    id: str
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    projects: tuple[str, ...] | None
    """None: every project of its person."""
    expires_at: datetime | None
    used_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TokenMade:
    """A new token, told once."""

    text: str = field(repr=False)
    token: TokenView


@dataclass(frozen=True, slots=True)
class MemberView:
    """A role in a project."""

    reference: str
    """`user:ana` or `group:ops`."""
    title: str | None
    role: ProjectRole
    since: datetime
    digest: str = ""
    """Names the role; in quotes it is the ETag of an edit."""


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group of people."""

    name: str
    title: str | None
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskAccess:
    """Who alone may run a task and answer for it: references. Empty narrows nothing."""

    runners: tuple[str, ...]
    answerers: tuple[str, ...]
    digest: str = ""
    """Names what it says; in quotes it is the ETag."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What somebody did, or was refused."""

    seq: int
    at: datetime
    actor: str
    actor_kind: str
    actor_id: str
    verb: str
    noun: str
    name: str
    project: str | None
    outcome: str
    """`done`, `denied` or `failed`."""
    detail: Json


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """Whether the log is as it was written."""

    intact: bool
    entries: int
    """How many entries of the chain were found right."""
    head: str
    """`POSITION:HASH` of the last of them. Keep it elsewhere: a later check can be told to expect it."""
    first_wrong: int | None = None
    """The entry at which the log does not fit."""
    reason: str | None = None
