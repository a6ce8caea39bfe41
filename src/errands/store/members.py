"""Groups, roles in projects, and what tasks narrow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.store.identifiers import new_id
from errands.store.rows import affected, fetch_all, fetch_one
from errands.store.tables import projects
from errands.store.tables_people import group_members, groups, members, task_access, users


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A role in a project. One of the two names is set."""

    person: str | None
    group: str | None
    title: str | None
    role: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group of people."""

    id: UUID
    name: str
    title: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AccessRow:
    """Who alone may run a task and answer for it; empty narrows nothing."""

    runners: Sequence[str]
    answerers: Sequence[str]


async def of_project(connection: AsyncConnection, project_id: UUID) -> list[MemberRow]:
    """Roles in a project, by name, people first."""
    query = (
        select(
            users.c.name.label("person"),
            groups.c.name.label("group"),
            func.coalesce(users.c.title, groups.c.title).label("title"),
            members.c.role,
            members.c.created_at,
        )
        .outerjoin(users, users.c.id == members.c.user_id)
        .outerjoin(groups, groups.c.id == members.c.group_id)
        .where(members.c.project_id == project_id)
        .order_by(users.c.name, groups.c.name)
    )
    return await fetch_all(connection, MemberRow, query)


async def role_of(
    connection: AsyncConnection, project_id: UUID, *, user_id: UUID | None = None, group_id: UUID | None = None
) -> str | None:
    """The role that a person or a group was given in a project; None: none."""
    who = members.c.user_id == user_id if user_id is not None else members.c.group_id == group_id
    found = await connection.scalar(select(members.c.role).where(members.c.project_id == project_id, who))
    return None if found is None else str(found)


async def put(
    connection: AsyncConnection,
    project_id: UUID,
    role: str,
    *,
    user_id: UUID | None = None,
    group_id: UUID | None = None,
) -> None:
    """Give a role, in place of an earlier one."""
    row = insert(members).values(id=new_id(), project_id=project_id, user_id=user_id, group_id=group_id, role=role)
    column = members.c.user_id if user_id is not None else members.c.group_id
    await connection.execute(
        row.on_conflict_do_update(
            index_elements=[members.c.project_id, column], index_where=column.is_not(None), set_={"role": role}
        )
    )


async def remove(
    connection: AsyncConnection, project_id: UUID, *, user_id: UUID | None = None, group_id: UUID | None = None
) -> bool:
    """Take the role away; False where there is none."""
    which = members.c.user_id == user_id if user_id is not None else members.c.group_id == group_id
    return await affected(connection, delete(members).where(members.c.project_id == project_id, which)) > 0


async def owners(connection: AsyncConnection, project_id: UUID) -> int:
    """How many people who can sign in own the project, by themselves or by a group."""
    by_group = select(group_members.c.user_id).join(members, members.c.group_id == group_members.c.group_id)
    by_self = select(members.c.user_id).where(members.c.project_id == project_id, members.c.role == "owner")
    either = or_(
        users.c.id.in_(by_self.where(members.c.user_id.is_not(None))),
        users.c.id.in_(by_group.where(members.c.project_id == project_id, members.c.role == "owner")),
    )
    query = select(func.count()).select_from(users).where(users.c.disabled_at.is_(None), either)
    counted: int = (await connection.execute(query)).scalar_one()
    return counted


async def owned_by_group(connection: AsyncConnection, group_id: UUID) -> list[tuple[UUID, str]]:
    """Projects (id and name) that a group owns; locked, in the order of their ids."""
    owned = select(members.c.project_id).where(members.c.role == "owner", members.c.group_id == group_id)
    query = select(projects.c.id, projects.c.name).where(projects.c.id.in_(owned)).order_by(projects.c.id)
    return [(row[0], row[1]) for row in (await connection.execute(query.with_for_update())).all()]


async def find_group(connection: AsyncConnection, name: str) -> GroupRow | None:
    """The group of this name."""
    columns = [groups.c[field] for field in GroupRow.__dataclass_fields__]
    return await fetch_one(connection, GroupRow, select(*columns).where(groups.c.name == name))


async def every_group(connection: AsyncConnection) -> list[tuple[GroupRow, list[str]]]:
    """All groups by name, with the names of their people."""
    columns = [groups.c[field] for field in GroupRow.__dataclass_fields__]
    found = await fetch_all(connection, GroupRow, select(*columns).order_by(groups.c.name))
    query = select(group_members.c.group_id, users.c.name).join(users, users.c.id == group_members.c.user_id)
    people = (await connection.execute(query.order_by(users.c.name))).all()
    return [(group, [row[1] for row in people if row[0] == group.id]) for group in found]


async def make_group(connection: AsyncConnection, name: str, title: str | None) -> bool:
    """A new group; False where the name is taken."""
    return (
        await affected(connection, insert(groups).values(id=new_id(), name=name, title=title).on_conflict_do_nothing())
        > 0
    )


async def remove_group(connection: AsyncConnection, group_id: UUID) -> None:
    """Remove a group and the roles that it has."""
    await connection.execute(delete(groups).where(groups.c.id == group_id))


async def join(connection: AsyncConnection, group_id: UUID, user_id: UUID) -> bool:
    """Put a person into a group; False where that was so."""
    row = insert(group_members).values(group_id=group_id, user_id=user_id).on_conflict_do_nothing()
    return await affected(connection, row) > 0


async def leave(connection: AsyncConnection, group_id: UUID, user_id: UUID) -> bool:
    """Take a person out of a group; False where that was so."""
    which = (group_members.c.group_id == group_id, group_members.c.user_id == user_id)
    return await affected(connection, delete(group_members).where(*which)) > 0


async def access_of(connection: AsyncConnection, task_id: UUID) -> AccessRow:
    """What a task narrows."""
    query = select(task_access.c.runners, task_access.c.answerers).where(task_access.c.task_id == task_id)
    return await fetch_one(connection, AccessRow, query) or AccessRow((), ())


async def narrow(connection: AsyncConnection, task_id: UUID, runners: Sequence[str], answerers: Sequence[str]) -> None:
    """Say who alone may run a task and answer for it."""
    changed = {"runners": list(runners), "answerers": list(answerers)}
    row = insert(task_access).values(task_id=task_id, **changed)
    await connection.execute(row.on_conflict_do_update(index_elements=["task_id"], set_=changed))
