"""Calls of tools that tool servers offer: found, granted, checked, made, and told apart when they fail."""

import asyncio
import difflib
from collections.abc import Mapping
from typing import Protocol

from errands.core.catalog import ToolSpec
from errands.core.json_schema import SchemaInvalid, compile_schema
from errands.core.outcomes import ErrorKind, Performed, StepFailed
from errands.core.ports import Effect, StepContext
from errands.core.tool_servers import (
    OAUTH_TOKEN,
    HttpConnection,
    RemoteTool,
    ToolServer,
    secrets_of,
    sign_in_secret,
    split_name,
)
from errands.core.values import Json, JsonObject
from errands.tools.grants import check_argument_grants, covering_grants
from errands.tools.secret_text import Scrubber, references
from errands.tools.servers.faults import is_unauthorised
from errands.tools.servers.sessions import Sessions

_MOST_PROBLEMS = 5


class ServerDirectory(Protocol):
    """Finds the tool servers that a project may use."""

    async def server(self, project_id: str, name: str) -> ToolServer | None:
        """The one of this name: the project's own, or the installation's where the project may use it."""
        ...

    async def servers(self, project_id: str) -> list[ToolServer]:
        """All that the project may use."""
        ...

    async def seen(self, server: ToolServer, found: Mapping[str, RemoteTool] | None, problem: str | None) -> None:
        """Note how it is: what it says that it has, where that is known, and what is wrong with it, if anything."""
        ...

    async def token(self, server: ToolServer, project_id: str, refused: str | None = None) -> str:
        """A token of its sign-in that is good for a call; another one than what it has `refused`. Raises StepFailed."""
        ...


class RemoteTools:
    """The tools of tool servers."""

    def __init__(self, directory: ServerDirectory, sessions: Sessions) -> None:
        self._directory = directory
        self._sessions = sessions

    async def specs(self, project_id: str) -> dict[str, ToolSpec]:
        """Every accepted tool of the project's servers by `server/tool`."""
        found = await self._directory.servers(project_id) if project_id else []
        return {name: spec for server in found for name, spec in server.specs().items()}

    async def effect(self, name: str, project_id: str) -> Effect:
        """What a call does to the outside. Where no project is known, the worst is taken."""
        if not project_id:
            return Effect.CHANGES
        server, tool = await self._find(name, project_id)
        return server.effect(tool.name)

    async def version(self, name: str, project_id: str) -> str:
        """The accepted tool's mark. Raises StepFailed (not_found)."""
        _, tool = await self._find(name, project_id)
        return tool.mark

    async def call(self, name: str, arguments: JsonObject, context: StepContext) -> Performed:
        """Do one call. Raises StepFailed: not_found, denied, input, secret, and what the server or the way to it do."""
        server, tool = await self._find(name, context.run.project_id)
        grants = covering_grants(name, context.grants)
        _check_arguments(name, tool, arguments)
        check_argument_grants(name, arguments, grants)
        scrubber = Scrubber()
        try:
            secrets = await self._secrets(server, context, scrubber)
            try:
                return await self._made(server, tool, arguments, context, secrets)
            except StepFailed as failure:
                if OAUTH_TOKEN not in secrets or not is_unauthorised(failure):
                    raise
            # A token can end before its time. What was refused for it has done nothing, so it may be asked again.
            secrets = await self._secrets(server, context, scrubber, refused=secrets[OAUTH_TOKEN])
            return await self._made(server, tool, arguments, context, secrets)
        except StepFailed as failure:
            raise scrubber.scrubbed(failure) from None

    async def _made(
        self,
        server: ToolServer,
        tool: RemoteTool,
        arguments: JsonObject,
        context: StepContext,
        secrets: Mapping[str, str],
    ) -> Performed:
        from errands.tools.servers.results import output_of

        name = f"{server.name}/{tool.name}"
        try:
            async with self._sessions.use(server, context.run.project_id, secrets) as session:
                found = await session.look()
                await self._check_unchanged(server, tool, found)
                seconds = server.connection.timeout.total_seconds()
                result = await session.call(tool.name, arguments, seconds=seconds, key=context.effect_key)
        except StepFailed as failure:
            if failure.error.kind in (ErrorKind.CRASH, ErrorKind.NETWORK, ErrorKind.TIMEOUT):
                await self._directory.seen(server, None, failure.error.message)
            raise
        output = await asyncio.to_thread(output_of, result, name, context)
        return Performed(output, untrusted=True)

    async def _check_unchanged(self, server: ToolServer, tool: RemoteTool, found: Mapping[str, RemoteTool]) -> None:
        """Raises StepFailed (denied) where the server's tool is not the one that was accepted."""
        if found != server.tools:
            await self._directory.seen(server, found, None)
        now = found.get(tool.name)
        if now is None:
            raise StepFailed(
                ErrorKind.NOT_FOUND,
                f"tool server {server.name} has no tool {tool.name} any more",
                hint=f"see what it has now: errands servers show {server.name}",
            )
        if now.mark != tool.mark:
            raise StepFailed(
                ErrorKind.DENIED,
                f"the tool {server.name}/{tool.name} is not what it was when it was accepted: its server describes it "
                "otherwise now",
                hint=f"look at the change and accept it: errands servers show {server.name}",
            )

    async def _find(self, name: str, project_id: str) -> tuple[ToolServer, RemoteTool]:
        parts = split_name(name)
        assert parts is not None, name
        server = await self._directory.server(project_id, parts[0]) if project_id else None
        if server is None:
            raise StepFailed(
                ErrorKind.NOT_FOUND,
                f"there is no tool server {parts[0]!r} here, so no tool {name!r}",
                hint="errands servers list shows those of the project",
            )
        tool = server.tools.get(parts[1])
        if tool is None:
            near = difflib.get_close_matches(parts[1], server.tools, n=1)
            hint = f"did you mean {server.name}/{near[0]}?" if near else f"see: errands servers show {server.name}"
            raise StepFailed(ErrorKind.NOT_FOUND, f"tool server {server.name} has no tool {parts[1]!r}", hint=hint)
        return server, tool

    async def _secrets(
        self, server: ToolServer, context: StepContext, scrubber: Scrubber, refused: str | None = None
    ) -> Mapping[str, str]:
        """What the connection needs; from now on it is redacted from what the run records."""
        values = {}
        for name in secrets_of(server.connection):
            values[name] = await context.credential(name, of_server=server.of_server)
            scrubber.learn(name, values[name])
        if isinstance(server.connection, HttpConnection) and server.connection.oauth is not None:
            await self._directory.token(server, context.run.project_id, refused)
            kept = sign_in_secret(server.id, "access")
            values[OAUTH_TOKEN] = await context.credential(kept, of_server=server.of_server)
            scrubber.learn(server.name, values[OAUTH_TOKEN])
        return values


def _check_arguments(name: str, tool: RemoteTool, arguments: JsonObject) -> None:
    """Raises StepFailed (input) for arguments that do not fit, or that refer to a secret."""
    for path, secret, _ in references(arguments):
        raise StepFailed(
            ErrorKind.INPUT,
            f"{path}: `secret:{secret}` stands in an argument of {name}, and a tool server is told no secret",
            hint="secrets that the server itself needs are named in its `env` or `headers`",
        )
    try:
        misfits = compile_schema(tool.input_schema).misfits(arguments, subject="the arguments")
    except SchemaInvalid as invalid:
        raise StepFailed(ErrorKind.TOOL, f"the server's schema for {name} is none: {invalid.message}") from None
    if misfits:
        problems: list[Json] = [
            {"path": ".".join(str(part) for part in one.path), "message": one.message} for one in misfits
        ]
        told = "; ".join(one.message for one in misfits[:_MOST_PROBLEMS])
        hint = next((one.hint for one in misfits if one.hint), None)
        raise StepFailed(ErrorKind.INPUT, f"the arguments of {name} are wrong: {told}", hint=hint, detail=problems)
