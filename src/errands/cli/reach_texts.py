"""What commands say of tools, tool servers, models and agents."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from errands.cli.given import BadInput
from errands.cli.tables import Column, table
from errands.core.values import Json, JsonObject
from errands.services.tool_views import AgentView, ModelTried, ModelView, ToolServerView, ToolView

if TYPE_CHECKING:
    from rich.console import Group


def connection_of(
    url: str | None,
    command: str | None,
    bearer: str | None,
    headers: Sequence[str],
    env: Sequence[str],
    oauth: JsonObject | None = None,
) -> JsonObject:
    """How a server is reached, from options. Raises BadInput."""
    if (url is None) == (command is None):
        raise BadInput("Say how the server is reached", hint="Give either --url or --command.")
    if url is not None:
        way: dict[str, Json] = {"kind": "http", "url": url, "headers": _pairs(headers, "--header")}
        if oauth is not None:
            way["oauth"] = oauth
        return way if bearer is None else {**way, "bearer": f"secret:{bearer.removeprefix('secret:')}"}
    try:
        program, *args = shlex.split(command or "")
    except ValueError as error:
        raise BadInput(f"--command cannot be read: {error}", hint="Close what is quoted.") from None
    return {"kind": "program", "command": program, "args": args, "env": _pairs(env, "--env")}


def oauth_of(*, wanted: bool, scope: str | None, client_id: str | None, client_secret: str | None) -> JsonObject | None:
    """How people sign in at the server, from options; None: they do not. Raises BadInput."""
    given = {"scope": scope, "client_id": client_id, "client_secret": client_secret and f"secret:{client_secret}"}
    told: dict[str, Json] = {name: value for name, value in given.items() if value is not None}
    if told and not wanted:
        raise BadInput("--scope, --client-id and --client-secret are about a sign-in", hint="Give --oauth as well.")
    return told if wanted else None


def _pairs(given: Sequence[str], option: str) -> dict[str, Json]:
    pairs: dict[str, Json] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise BadInput(f"{option} {one!r} is no NAME=VALUE", hint=f"Write {option} NAME=VALUE.")
        pairs[name] = value
    return pairs


def tool_table(views: Sequence[ToolView], width: int) -> "Group":
    """Every tool with what it does; where packages bring some, with the package."""
    columns = [Column("Tool", "accent", rank=-1), Column("Effect", rank=-1), Column("What it does", rank=2)]
    rows = [[view.name, view.effect, view.description] for view in views]
    if any(view.package for view in views):
        columns.append(Column("Package", "faint", rank=1))
        rows = [[*row, view.package or ""] for row, view in zip(rows, views, strict=True)]
    return table(columns, rows, width)


def server_table(views: Sequence[ToolServerView], width: int) -> "Group":
    """Tool servers and how they are."""
    columns = [Column("Server", "accent", rank=-1), Column("Whose"), Column("Health", rank=-1), Column("Tools", rank=2)]
    rows = [
        (
            view.name,
            "server" if view.shared else "project",
            view.health if view.enabled else "off",
            view.problem or f"{len(view.tools)} accepted, {len(view.changes)} changed",
        )
        for view in views
    ]
    return table(columns, rows, width)


def server_lines(view: ToolServerView) -> list[str]:
    """A tool server in full."""
    lines = [f"{view.name}: {view.problem or view.health}"]
    if view.sign_in is not None and view.sign_in.connected:
        lines.append(f"  connected by {view.sign_in.by} at {view.sign_in.issuer}")
    elif view.sign_in is not None:
        lines.append(f"  not connected: errands servers connect {view.name}")
    for tool in view.tools:
        whose = " (set by a person)" if tool.effect_from == "person" else ""
        lines.append(f"  {tool.name}  {tool.effect}{whose}  {' '.join(tool.description.split())[:120]}")
    for change in view.changes:
        parts = f": {', '.join(change.parts)}" if change.parts else ""
        lines.append(f"  {change.change}: {view.name}/{change.tool}{parts}")
        if change.change == "changed" and "description" in change.parts:
            before, after = change.before or {}, change.after or {}
            lines += [f"    - {before.get('description')}", f"    + {after.get('description')}"]
    if view.changes:
        lines.append(f"What has changed is refused until somebody accepts it: errands servers accept {view.name}")
    return lines


def model_table(views: Sequence[ModelView], width: int) -> "Group":
    """Models with their prices, in US dollars for a million tokens."""
    columns = [
        Column("Model", "accent", rank=-1),
        Column("Whose"),
        Column("Provider", rank=1),
        Column("In / out", align="right"),
        Column("Price from"),
        Column("A minute", rank=2),
        Column("Falls back on", rank=2),
    ]
    rows = [
        (
            view.name,
            "server" if view.shared else "project",
            f"{view.provider} {view.provider_name or ''}".strip(),
            f"${view.usd_per_million_input:g} / ${view.usd_per_million_output:g}",
            view.price_from,
            _rate(view),
            ", ".join(view.fallback),
        )
        for view in views
    ]
    return table(columns, rows, width)


def _rate(view: ModelView) -> str:
    parts = [
        f"{bound:,} {unit}"
        for bound, unit in ((view.requests_per_minute, "requests"), (view.tokens_per_minute, "tokens"))
        if bound is not None
    ]
    return ", ".join(parts)


def tried_text(name: str, tried: ModelTried) -> str:
    """What came of a tiny request."""
    if tried.ok:
        return f"{name} answered {tried.said!r} in {tried.seconds:.1f} s ({tried.tokens} tokens, ${tried.usd:f})."
    return f"{name} does not answer: {tried.problem}" + (f"\n{tried.hint}" if tried.hint else "")


def agent_table(views: Sequence[AgentView], width: int) -> "Group":
    """Agents and who uses them."""
    columns = [Column("Agent", "accent", rank=-1), Column("Model"), Column("Tools", rank=2), Column("Used by", rank=1)]
    rows = [
        (
            view.name,
            view.model or "(default)",
            ", ".join(view.tools),
            ", ".join(f"{one.task} v{one.version}{'' if one.current else ' (earlier)'}" for one in view.used_by),
        )
        for view in views
    ]
    return table(columns, rows, width)


def use_lines(view: AgentView) -> list[str]:
    """Which published versions keep the agent."""
    lines = []
    for one in view.used_by:
        kept = (
            "keeps it as it is" if one.current else f"keeps an earlier one; apply the task again to change {one.task}"
        )
        lines.append(f"{one.task} version {one.version} {kept}.")
    return lines
