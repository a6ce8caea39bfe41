"""Tool servers: added, looked at, accepted, removed. Programs are for administrators, addresses for editors."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.access import Principal, ProjectResource, Resource, ServerResource, Verb
from errands.core.catalog import ToolSpec
from errands.core.outcomes import StepFailed
from errands.core.ports import Effect
from errands.core.redaction import Redactor
from errands.core.tool_servers import (
    OAUTH_TOKEN,
    SECRET_REFERENCE,
    SERVER_NAME,
    HttpConnection,
    OAuth,
    ProgramConnection,
    RemoteTool,
    changes,
    secrets_of,
)
from errands.core.values import Json, JsonObject
from errands.services.authority import Authority
from errands.services.edits import check_edited, digest_of_value
from errands.services.errors import Conflict, Invalid, NotFound
from errands.services.lookup import find_project
from errands.services.server_sign_ins import SignIns
from errands.services.tool_server_directory import read_connection, read_tools, remote_specs, served, stored
from errands.services.tool_views import (
    EffectName,
    ServerToolView,
    SignInView,
    ToolChangeView,
    ToolServerView,
    ToolView,
)
from errands.services.vault import Vault
from errands.store import tool_servers
from errands.store.database import Database
from errands.store.tool_servers import ToolServerRow

Look = Callable[[str, ProgramConnection | HttpConnection, Mapping[str, str]], Awaitable[Mapping[str, RemoteTool]]]
"""Asks a server what it has: name, connection, secrets. Raises StepFailed."""

_OF_SIGN_IN = ("by", "at", "issuer", "scope")
_CREDENTIAL = re.compile(r"auth|cookie|key|token|secret|password|credential", re.IGNORECASE)
"""Names of headers and variables whose value is taken for a credential."""


@dataclass(frozen=True, slots=True)
class ToolServerParts:
    """What the service is made of."""

    database: Database
    authority: Authority
    vault: Vault
    look: Look
    builtin: Mapping[str, ToolSpec]
    sign_ins: SignIns


class ToolServerService:
    """What a caller may ask of tool servers. Without a project they are the installation's."""

    def __init__(self, parts: ToolServerParts) -> None:
        self._database = parts.database
        self._authority = parts.authority
        self._vault = parts.vault
        self._look = parts.look
        self._builtin = parts.builtin
        self._sign_ins = parts.sign_ins

    async def tools(self, caller: Principal, project: str) -> Sequence[ToolView]:
        """Every tool that tasks of the project can be granted, by name. Raises NotFound, Denied."""
        await self._authority.authorise(caller, Verb.TOOL_READ, ProjectResource(project, "tool"))
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            specs = {**self._builtin, **await remote_specs(connection, owner.id)}
        return [_tool_view(specs[name]) for name in sorted(specs)]

    async def list(self, caller: Principal, project: str | None) -> Sequence[ToolServerView]:
        """By name: those that the project may use, or all of the installation. Raises NotFound, Denied."""
        await self._authority.authorise(caller, *_reading(project, ""))
        async with self._database.reader.connect() as connection:
            if project is None:
                rows = await tool_servers.every(connection, None)
            else:
                owner = await find_project(connection, project)
                own = await tool_servers.every(connection, owner.id)
                names = {row.name for row in own}
                shared = await tool_servers.usable(connection, owner.id)
                rows = sorted([*own, *(row for row in shared if row.name not in names)], key=lambda row: row.name)
        return [_view(row) for row in rows]

    async def get(self, caller: Principal, project: str | None, name: str) -> ToolServerView:
        """One of them. Raises NotFound, Denied."""
        await self._authority.authorise(caller, *_reading(project, name))
        async with self._database.reader.connect() as connection:
            return _view(await find_server(connection, project, name, shared_too=True))

    async def put(
        self,
        caller: Principal,
        project: str | None,
        name: str,
        connection: JsonObject,
        *,
        projects: Sequence[str] | None = None,
        enabled: bool = True,
        edited: Sequence[str] | None = None,
    ) -> ToolServerView:
        """Add a server, or reach it in another way; then look at it.

        All tools of a new one are accepted with it. `projects`: of a shared one, who may use it. `edited`: digests,
        one of which what is there must have; none: it must not be there yet. None: whatever is there. Raises Denied,
        Invalid, NotFound, ChangedMeanwhile.
        """
        verb, resource = editing(project, name)
        await self._authority.authorise(caller, verb, resource)
        way = _checked(name, connection, projects if project is None else None)
        await self._check_program(caller, way, name)
        async with self._database.engine.begin() as opened:
            owner = None if project is None else (await find_project(opened, project)).id
            known = await tool_servers.find(opened, owner, name, lock=True)
            check_edited("tool server", name, None if known is None else _digest(known), edited)
            kept = way.model_dump(mode="json")
            if known is None:
                await tool_servers.add(opened, owner, name, kept, projects, caller.reference)
            else:
                await self._check_program(caller, read_connection(known.connection), name)
                allowed = None if projects is None else [*projects]
                set_now = {"connection": kept, "projects": allowed, "enabled": enabled}
                await tool_servers.change(opened, known.id, set_now)
                if _where(read_connection(known.connection)) != _where(way):
                    # A token is for the server at which the person has signed in, and for no other.
                    await self._sign_ins.forget(opened, owner, str(known.id))
            told: JsonObject = {"act": "added" if known is None else "changed", **_told(way)}
            await self._authority.record(opened, caller, verb, resource, told)
        return await self._looked_at(caller, project, name)

    async def look(self, caller: Principal, project: str | None, name: str) -> ToolServerView:
        """Ask the server what it has now, and say what is not as it was accepted. Raises NotFound, Denied."""
        await self._authority.authorise(caller, *editing(project, name))
        return await self._looked_at(caller, project, name)

    async def accept(
        self, caller: Principal, project: str | None, name: str, tools: Sequence[str] | None = None
    ) -> ToolServerView:
        """Accept these tools as the server describes them now; None: all.

        Raises NotFound, Denied, Conflict, Invalid.
        """
        verb, resource = editing(project, name)
        await self._authority.authorise(caller, verb, resource)
        async with self._database.engine.begin() as connection:
            row = await self._owned(connection, caller, project, name)
            if row.found is None:
                raise Conflict(f"All tools of {name} are accepted already.", f"Look again: errands servers look {name}")
            accepted, found = read_tools(row.tools), read_tools(row.found)
            waiting = [one.tool for one in changes(accepted, found)]
            chosen = waiting if tools is None else [*tools]
            if unknown := [tool for tool in chosen if tool not in waiting]:
                raise Invalid(f"{unknown[0]!r} is not among what has changed: {', '.join(waiting)}.")
            after = {tool: one for tool, one in accepted.items() if tool not in chosen}
            after |= {tool: found[tool] for tool in chosen if tool in found}
            left = None if after == found else row.found
            await tool_servers.change(connection, row.id, {"tools": stored(after), "found": left})
            told: list[Json] = [*chosen]
            await self._authority.record(connection, caller, verb, resource, {"act": "accepted", "tools": told})
            return _view(await find_server(connection, project, name))

    async def set_effect(
        self, caller: Principal, project: str | None, name: str, tool: str, effect: EffectName | None
    ) -> ToolServerView:
        """Say what a tool does to the outside, in place of the server's hints; None: as the server says.

        Raises NotFound, Denied.
        """
        verb, resource = editing(project, name)
        await self._authority.authorise(caller, verb, resource)
        async with self._database.engine.begin() as connection:
            row = await self._owned(connection, caller, project, name)
            if tool not in (row.tools or {}):
                raise NotFound(f"tool of {name}", tool, hint=f"See them: errands servers show {name}")
            effects = {one: said for one, said in row.effects.items() if one != tool}
            if effect is not None:
                effects[tool] = Effect(effect).value
            await tool_servers.change(connection, row.id, {"effects": effects})
            told: JsonObject = {"act": "effect", "tool": tool, "effect": effect}
            await self._authority.record(connection, caller, verb, resource, told)
            return _view(await find_server(connection, project, name))

    async def remove(self, caller: Principal, project: str | None, name: str) -> None:
        """Forget a server; tasks that call its tools fail from now on. Raises NotFound, Denied."""
        verb, resource = editing(project, name)
        await self._authority.authorise(caller, verb, resource)
        async with self._database.engine.begin() as connection:
            row = await self._owned(connection, caller, project, name)
            await self._sign_ins.forget(connection, row.project_id, str(row.id))
            await tool_servers.remove(connection, row.id)
            await self._authority.record(connection, caller, verb, resource, {"act": "removed"})

    async def _owned(
        self, connection: AsyncConnection, caller: Principal, project: str | None, name: str
    ) -> ToolServerRow:
        """The row, locked, where the caller may change it. Raises NotFound, Denied."""
        row = await find_server(connection, project, name, lock=True)
        await self._check_program(caller, read_connection(row.connection), name)
        return row

    async def _check_program(self, caller: Principal, way: ProgramConnection | HttpConnection, name: str) -> None:
        """A program runs on this machine, whoever's project it serves. Raises Denied."""
        if isinstance(way, ProgramConnection):
            await self._authority.authorise(caller, Verb.TOOL_PROGRAM_EDIT, ServerResource("tool_server", name))

    async def _looked_at(self, caller: Principal, project: str | None, name: str) -> ToolServerView:
        """Ask it, outside any transaction, and keep what came of it."""
        async with self._database.reader.connect() as connection:
            row = await find_server(connection, project, name)
        await self._check_program(caller, read_connection(row.connection), name)
        found, problem = await self._asked(row)
        async with self._database.engine.begin() as connection:
            await _keep(connection, row.id, found, problem)
            return _view(await find_server(connection, project, name))

    async def _asked(self, row: ToolServerRow) -> tuple[Mapping[str, RemoteTool] | None, str | None]:
        """What it has, or what is wrong with it, without any secret."""
        way, redactor = read_connection(row.connection), Redactor()
        names = secrets_of(way)
        try:
            values = await self._vault.reveal(None if row.project_id is None else str(row.project_id), names)
            for secret in names:
                if secret not in values:
                    where = " --server" if row.project_id is None else ""
                    return None, f"There is no secret {secret}. Set it: errands secrets set {secret}{where}"
                redactor.add(secret, values[secret])
            if isinstance(way, HttpConnection) and way.oauth is not None:
                token = await self._sign_ins.token(served(row), str(row.project_id))
                values = {**values, OAUTH_TOKEN: token}
                redactor.add(row.name, token)
            return await self._look(row.name, way, values), None
        except StepFailed as failure:
            hint = f" ({failure.error.hint})" if failure.error.hint else ""
            return None, redactor.text(f"{failure.error.message}{hint}")


async def _keep(
    connection: AsyncConnection, server_id: UUID, found: Mapping[str, RemoteTool] | None, problem: str | None
) -> None:
    """The first look accepts what it finds: whoever adds a server means its tools."""
    now = datetime.now(UTC)
    if found is None:
        await tool_servers.note_problem(connection, server_id, problem or "", now)
        return
    row = await tool_servers.by_id(connection, server_id, lock=True)
    if row is not None and row.tools is None:
        await tool_servers.change(connection, server_id, {"tools": stored(found)})
    unlike = row is not None and row.tools is not None and read_tools(row.tools) != found
    await tool_servers.note(connection, server_id, found=stored(found) if unlike else None, problem=None, at=now)


async def find_server(
    connection: AsyncConnection, project: str | None, name: str, *, lock: bool = False, shared_too: bool = False
) -> ToolServerRow:
    """The project's own server, or the installation's. Raises NotFound."""
    owner = None if project is None else (await find_project(connection, project)).id
    row = None if "\0" in name else await tool_servers.find(connection, owner, name, lock=lock)
    if row is None and owner is not None and shared_too:
        row = next(iter(await tool_servers.usable(connection, owner, name)), None)
    if row is None:
        where = "the server; shared ones take no --project" if project is None else f"project {project}"
        raise NotFound("tool server", name, hint=f"`errands servers list` shows those of {where}.")
    return row


def _reading(project: str | None, name: str) -> tuple[Verb, Resource]:
    if project is None:
        return Verb.SERVER_READ, ServerResource("tool_server", name)
    return Verb.TOOL_READ, ProjectResource(project, "tool_server", name)


def editing(project: str | None, name: str) -> tuple[Verb, Resource]:
    if project is None:
        return Verb.SERVER_EDIT, ServerResource("tool_server", name)
    return Verb.TOOL_SERVER_EDIT, ProjectResource(project, "tool_server", name)


def _checked(name: str, given: JsonObject, projects: Sequence[str] | None) -> ProgramConnection | HttpConnection:
    """Raises Invalid for a name, a connection or a credential that cannot be."""
    if not SERVER_NAME.fullmatch(name):
        raise Invalid(
            f"{name[:80]!r} cannot be the name of a tool server.",
            "Use lower-case letters, digits, `-` and `_`, a letter first, 63 characters at most.",
            field="server",
        )
    if projects is not None and not projects:
        said = "A tool server that no project may use serves nobody."
        raise Invalid(said, "Name a project, or leave them out.", field="projects")
    try:
        way = read_connection(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"][1:]) or "connection"
        said = f"{place}: {first['msg'].removeprefix('Value error, ')}."
        raise Invalid(said, field=f"connection.{place}".removesuffix(".connection")) from None
    texts = way.env if isinstance(way, ProgramConnection) else way.headers
    for key, value in texts.items():
        if _CREDENTIAL.search(key) and not SECRET_REFERENCE.fullmatch(value):
            raise Invalid(
                f"{key} looks like a credential and is written out.",
                f"Store it as a secret, and write `{key}: secret:NAME`.",
                field="connection.env" if isinstance(way, ProgramConnection) else "connection.headers",
            )
    return way


def _where(way: ProgramConnection | HttpConnection) -> tuple[str, OAuth | None] | None:
    """What a sign-in belongs to."""
    return (way.url, way.oauth) if isinstance(way, HttpConnection) else None


def _told(way: ProgramConnection | HttpConnection) -> JsonObject:
    """What the audit keeps of a connection."""
    if isinstance(way, ProgramConnection):
        return {"kind": "program", "command": way.command, "args": list(way.args)}
    return {"kind": "http", "url": way.url.partition("?")[0]}


def _view(row: ToolServerRow) -> ToolServerView:
    server, waiting = served(row), _changes(row)
    health: Literal["ok", "changed", "problem", "unknown"] = "changed" if waiting else "ok"
    if row.checked_at is None:
        health = "unknown"
    if row.problem:
        health = "problem"
    return ToolServerView(
        name=row.name,
        shared=row.project_id is None,
        connection=row.connection,
        projects=row.projects,
        enabled=row.enabled,
        sign_in=_sign_in(row),
        health=health,
        problem=row.problem or None,
        checked_at=row.checked_at,
        tools=[_server_tool(row, tool, server.effect(tool.name)) for tool in server.tools.values()],
        changes=waiting,
        created_by=row.created_by,
        updated_at=row.updated_at,
        digest=_digest(row),
    )


def _digest(row: ToolServerRow) -> str:
    projects = None if row.projects is None else list(row.projects)
    return digest_of_value({"connection": row.connection, "projects": projects, "enabled": row.enabled})


def _sign_in(row: ToolServerRow) -> SignInView | None:
    way = read_connection(row.connection)
    if isinstance(way, ProgramConnection) or way.oauth is None:
        return None
    kept = row.sign_in or {}
    by, at, issuer, scope = (None if kept.get(name) is None else str(kept[name]) for name in _OF_SIGN_IN)
    return SignInView(row.sign_in is not None, by, None if at is None else datetime.fromisoformat(at), issuer, scope)


def _changes(row: ToolServerRow) -> list[ToolChangeView]:
    if row.found is None:
        return []
    before, after = row.tools or {}, row.found
    return [
        ToolChangeView(one.tool, one.change, one.parts, before.get(one.tool), after.get(one.tool))
        for one in changes(read_tools(before), read_tools(after))
    ]


def _server_tool(row: ToolServerRow, tool: RemoteTool, effect: Effect) -> ServerToolView:
    return ServerToolView(
        name=f"{row.name}/{tool.name}",
        description=tool.description,
        effect=effect.value,
        effect_from="person" if tool.name in row.effects else "server",
        read_only=tool.read_only,
        destructive=tool.destructive,
        idempotent=tool.idempotent,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
    )


def _tool_view(spec: ToolSpec) -> ToolView:
    server, slash, _ = spec.name.partition("/")
    return ToolView(
        name=spec.name,
        description=spec.description,
        effect=spec.effect.value,
        returns_outside_data=spec.returns_outside_data,
        server=server if slash else None,
        package=spec.package,
        input_schema=spec.input_schema,
        output_schema=spec.output_schema,
    )
