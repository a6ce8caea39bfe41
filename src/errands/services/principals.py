"""From rows to principals, and from what a service is given to people."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.access import AccountResource, Person, Principal, ProjectRole, ServerRole, SystemPrincipal, Token
from errands.services.errors import Invalid, NotFound
from errands.store import people
from errands.store.callers import PersonRow
from errands.store.people import UserRow

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,62}")
_GROUP = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_ROLES = tuple(ProjectRole)


@dataclass(frozen=True, slots=True)
class Shown:
    """A random secret that lets somebody in, and what is kept of it."""

    text: str = field(repr=False)
    hash: bytes


def new_secret(prefix: str = "") -> Shown:
    """256 random bits; so much that a plain hash of it need not be slow."""
    text = prefix + secrets.token_urlsafe(32)
    return Shown(text, hash_of(text))


def hash_of(secret: str) -> bytes:
    """SHA-256. Looking a secret up by its hash leaks nothing by the time it takes."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()


def person_of(row: PersonRow) -> Person:
    """The person with today's roles."""
    return Person(
        ids.encode("person", row.id),
        row.name,
        ServerRole(row.server_role),
        highest(row.roles),
        frozenset(row.groups),
    )


def highest(roles: Sequence[tuple[str, str]]) -> dict[str, ProjectRole]:
    """The highest of the roles in each project."""
    best: dict[str, ProjectRole] = {}
    for project, name in roles:
        role = ProjectRole(name)
        if project not in best or _ROLES.index(role) > _ROLES.index(best[project]):
            best[project] = role
    return best


def operator(name: str) -> SystemPrincipal:
    """Who sits at the machine: owns the database anyway, and may everything. `name` is that of the login."""
    return SystemPrincipal("operator", "operator", acts_as=f"user:{name}")


def behind(caller: Principal) -> Person | None:
    """The person who calls, by session or token; None for triggers and the system."""
    match caller:
        case Person():
            return caller
        case Token():
            return caller.person
        case _:
            return None


def account(row: UserRow) -> AccountResource:
    """An account as `permit` knows it."""
    return AccountResource(ids.encode("person", row.id), row.name)


async def find_user(connection: AsyncConnection, name: str) -> UserRow:
    """The account of a sign-in name, or of `user:NAME`. Raises NotFound."""
    wanted = name.removeprefix("user:").strip().lower()
    found = await people.find(connection, wanted) if _NAME.fullmatch(wanted) else None
    if found is None:
        raise NotFound("person", name)
    return found


async def user_of(connection: AsyncConnection, caller: Principal, name: str | None) -> UserRow:
    """The named account, or the caller's own. Raises NotFound; Invalid where nobody is named and nobody calls."""
    if name is not None:
        return await find_user(connection, name)
    person = behind(caller)
    if person is None:
        hint = "Name one, on the command line by --person. `errands people` lists them and makes the first."
        raise Invalid("Only a person's account can have this, and no person is named.", hint)
    return await find_user(connection, person.name)


def id_of(noun: str, text: str) -> UUID:
    """The row's id. Raises NotFound for what is no id."""
    try:
        return ids.decode(noun, text)
    except ValueError as error:
        raise NotFound(noun, text, hint=f"{str(error)[:1].upper()}{str(error)[1:]}.") from None


def check_person_name(name: str) -> str:
    """The name in lower case. Raises Invalid."""
    wanted = name.strip().lower()
    if not _NAME.fullmatch(wanted):
        raise Invalid(
            f"{name[:80]!r} cannot be the name of a person.",
            "Use letters, digits and . _ @ + -, a letter or digit first, 63 characters at most.",
        )
    return wanted


def check_group_name(name: str) -> str:
    """The name. Raises Invalid."""
    if not _GROUP.fullmatch(name):
        raise Invalid(
            f"{name[:80]!r} cannot be the name of a group.",
            "Use lower-case letters, digits and . _ -, a letter or digit first, 63 characters at most.",
            field="group",
        )
    return name
