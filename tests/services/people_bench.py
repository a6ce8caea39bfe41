"""The services of people on a real database, with a clock that a test moves and passwords that are quick to hash."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pwdlib.hashers.argon2 import Argon2Hasher

from errands.core.access import Person, ServerRole, SystemPrincipal
from errands.services.attempts import Attempts
from errands.services.audit import AuditService
from errands.services.authority import Authority
from errands.services.keys import KeySource
from errands.services.members import GroupService, MemberService
from errands.services.passwords import Passwords
from errands.services.people import PeopleService
from errands.services.principals import operator, person_of
from errands.services.projects import ProjectService
from errands.services.sessions import SessionService
from errands.services.sign_in import SignIn
from errands.services.tokens import TokenService
from errands.store import callers
from errands.store.database import Database

GOOD = "correct horse battery staple"
HOME = "192.0.2.7"


@dataclass
class Moved:
    """A clock that stands still until it is moved."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def on(self, **time: float) -> None:
        self.now += timedelta(**time)


class Bench:
    """Everything about people."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.clock = database, Moved()
        self.authority = Authority(database, self.clock)
        passwords = Passwords(Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1))
        attempts = Attempts(database, self.clock)
        self.sessions = SessionService(database, self.authority, clock=self.clock)
        self.people = PeopleService(database, self.authority, passwords, attempts, self.clock)
        self.sign_in = SignIn(database, self.authority, self.sessions, passwords, attempts, self.clock)
        self.tokens = TokenService(database, self.authority, self.clock)
        self.members = MemberService(database, self.authority)
        self.groups = GroupService(database, self.authority)
        self.projects = ProjectService(database, self.authority, timedelta(days=30), self.clock)
        self.audit = AuditService(database, self.authority, KeySource(None, folder / "secret.key"))
        self.root: SystemPrincipal = operator("root")

    async def person(self, name: str, role: ServerRole = ServerRole.MEMBER) -> Person:
        """A new account with the good password, as a caller."""
        await self.people.create(self.root, name, server_role=role, password=GOOD)
        return await self.caller(name)

    async def caller(self, name: str) -> Person:
        """The person with today's rights."""
        row = await callers.by_name(self.database.pool, name)
        assert row is not None
        return person_of(row)
