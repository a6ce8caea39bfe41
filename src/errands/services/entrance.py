"""Puts the services of people together: they share a gate, sessions, and one turn for hashing passwords."""

from dataclasses import dataclass

from errands.services.attempts import Attempts
from errands.services.audit import AuditService
from errands.services.authority import Authority
from errands.services.identity_provider import IdentityProvider, Registration
from errands.services.keys import KeySource
from errands.services.members import GroupService, MemberService
from errands.services.passwords import Passwords
from errands.services.people import PeopleService
from errands.services.sessions import Lifetimes, SessionService
from errands.services.sign_in import SignIn
from errands.services.sign_on import SignOn
from errands.services.tokens import TokenService
from errands.store.database import Database


@dataclass(frozen=True, slots=True)
class Entrance:
    """Everything about people, and the log of what they did."""

    people: PeopleService
    sign_in: SignIn
    sign_on: SignOn | None
    sessions: SessionService
    tokens: TokenService
    members: MemberService
    groups: GroupService
    audit: AuditService


def make_entrance(
    database: Database,
    authority: Authority,
    keys: KeySource,
    lifetimes: Lifetimes,
    provider: Registration | None,
    *,
    create_accounts: bool,
) -> Entrance:
    """`provider` None: nobody signs on elsewhere."""
    attempts, passwords = Attempts(database), Passwords()
    sessions = SessionService(database, authority, lifetimes)
    sign_on = None
    if provider is not None:
        sign_on = SignOn(database, authority, sessions, IdentityProvider(provider), create_accounts=create_accounts)
    return Entrance(
        people=PeopleService(database, authority, passwords, attempts),
        sign_in=SignIn(database, authority, sessions, passwords, attempts),
        sign_on=sign_on,
        sessions=sessions,
        tokens=TokenService(database, authority),
        members=MemberService(database, authority),
        groups=GroupService(database, authority),
        audit=AuditService(database, authority, keys),
    )
