"""Who stands behind a token, a cookie or a name: one round trip, for every request asks it.

Nothing of it is kept between requests, so that whatever is revoked or taken away counts at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from errands.store.connections import Connection, Pool, Row

_PERSON = """
    users.id as user_id, users.name as user_name, users.server_role, users.disabled_at,
    array(
        select groups.name from group_members join groups on groups.id = group_members.group_id
        where group_members.user_id = users.id
    ) as groups,
    array(
        select array[projects.name, members.role] from members join projects on projects.id = members.project_id
        where members.user_id = users.id
        or members.group_id in (select group_id from group_members where group_members.user_id = users.id)
    ) as roles
"""


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person with everything that rights come from."""

    id: UUID
    name: str
    server_role: str
    disabled_at: datetime | None
    groups: Sequence[str]
    roles: Sequence[tuple[str, str]]
    """Project and role; several for one project where groups give roles too."""


@dataclass(frozen=True, slots=True)
class TokenCaller:
    """A token and its person."""

    id: UUID
    name: str
    scopes: Sequence[str]
    projects: Sequence[str] | None
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None
    person: PersonRow


@dataclass(frozen=True, slots=True)
class SessionCaller:
    """A session and its person."""

    id: UUID
    hash: bytes
    rotated_at: datetime
    used_at: datetime
    expires_at: datetime
    person: PersonRow


async def by_name(connection: Connection | Pool, name: str) -> PersonRow | None:
    """The person of this sign-in name."""
    row = await connection.fetchrow(f"select {_PERSON} from users where users.name = $1", name)
    return None if row is None else person_row(row)


async def by_id(connection: Connection | Pool, user_id: UUID) -> PersonRow | None:
    """The person of this id."""
    row = await connection.fetchrow(f"select {_PERSON} from users where users.id = $1", user_id)
    return None if row is None else person_row(row)


async def by_token(pool: Pool, token_hash: bytes) -> TokenCaller | None:
    """The token of this hash, whether it still works or not."""
    row = await pool.fetchrow(
        "select tokens.id, tokens.name, tokens.scopes, tokens.project_ids is null as everywhere, tokens.expires_at, "
        "tokens.used_at, tokens.revoked_at, "
        "array(select projects.name from projects where projects.id = any(tokens.project_ids)) as projects, "
        f"{_PERSON} from tokens join users on users.id = tokens.user_id where tokens.hash = $1",
        token_hash,
    )
    if row is None:
        return None
    projects = None if row["everywhere"] else row["projects"]
    return TokenCaller(
        row["id"],
        row["name"],
        row["scopes"],
        projects,
        row["expires_at"],
        row["used_at"],
        row["revoked_at"],
        person_row(row),
    )


async def by_session(pool: Pool, session_hash: bytes, earlier_until: datetime) -> SessionCaller | None:
    """The session of a cookie; also of the cookie before it, if that was replaced after `earlier_until`."""
    row = await pool.fetchrow(
        "select sessions.id, sessions.hash, sessions.rotated_at, sessions.used_at, sessions.expires_at, "
        f"{_PERSON} from sessions join users on users.id = sessions.user_id "
        "where sessions.hash = $1 or (sessions.earlier_hash = $1 and sessions.rotated_at > $2)",
        session_hash,
        earlier_until,
    )
    if row is None:
        return None
    return SessionCaller(row["id"], row["hash"], row["rotated_at"], row["used_at"], row["expires_at"], person_row(row))


def person_columns() -> str:
    """What a query must select of `users` for `person_row`."""
    return _PERSON


def person_row(row: Row) -> PersonRow:
    """A person from the columns of `person_columns`."""
    return PersonRow(
        row["user_id"],
        row["user_name"],
        row["server_role"],
        row["disabled_at"],
        row["groups"],
        [(project, role) for project, role in row["roles"]],
    )
