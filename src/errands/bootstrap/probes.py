"""What the doctor looks at beyond the database: the embedded model, packages of tools, the page, the port for mail."""

import asyncio
import platform
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from errands.bootstrap.parts import look_at_model
from errands.services.views import Check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from errands.core.catalog import ToolPackage
    from errands.services.doctor import Probe
    from errands.settings import Settings
    from errands.store.database import Database

_PATIENCE_SECONDS = 3.0


def probes(settings: "Settings", packages: "Sequence[ToolPackage]", database: "Database") -> "Sequence[Probe]":
    """Each gives one finding. `packages` are those of tools, as this process has loaded them."""

    async def page() -> Check:
        from errands.api.page import page_folder

        return look_at_page(page_folder())

    async def variables() -> Check:
        return look_at_variables(settings)

    return [
        variables,
        lambda: look_at_sharing(settings, database),
        lambda: look_at_model(settings),
        lambda: look_at_tool_packages(packages, settings),
        page,
        lambda: look_at_mail(settings),
    ]


def look_at_variables(settings: "Settings") -> Check:
    """Whether every variable that was set is one that is read: a mistyped one changes nothing, and says nothing."""
    strangers = settings.strangers()
    if not strangers:
        return Check("settings", True, "every variable that is set is one")
    told = ", ".join(f"{name} (meant is {near}?)" if near else name for name, near in strangers.items())
    return Check(
        "settings", False, f"nothing reads {told}", "Correct the name, or take it out: docs/reference/settings.md"
    )


async def look_at_tool_packages(packages: "Sequence[ToolPackage]", settings: "Settings") -> Check:
    """What became of the packages that were to bring tools, and which others could."""
    from errands.tools.packages import packages_not_allowed

    name, told = "tool packages", [_became(package) for package in packages]
    others = await asyncio.to_thread(packages_not_allowed, settings.tool_packages)
    told += [
        f"{other.name} {other.version} ({', '.join(other.tools)}) is not allowed by ERRANDS_TOOL_PACKAGES"
        for other in others
    ]
    if any(package.problems for package in packages):
        hint = "Mend, update or install it and start again, or take it out of ERRANDS_TOOL_PACKAGES."
        return Check(name, False, "; ".join(told), hint)
    names = ",".join([*settings.tool_packages, *(other.name for other in others)])
    hint = f"Tools run with the rights of this process. If you trust all of them: ERRANDS_TOOL_PACKAGES={names}"
    return Check(name, True, "; ".join(told) or "none is installed", hint if others else None)


def _became(package: "ToolPackage") -> str:
    whole = f"{package.name} {package.version}".strip()
    there = f"{whole}: {', '.join(package.tools) or 'no tool'}"
    return "; ".join([there, *package.problems]) if package.version else "; ".join(package.problems)


async def look_at_sharing(settings: "Settings", database: "Database") -> Check:
    """Whether workers on other machines use what this one does, as far as the settings of this one can tell."""
    from errands.store.figures import hosts

    name, others = "other machines", sorted({*await hosts(database.pool)} - {platform.node()})
    if not others:
        return Check(name, True, "none is at work")
    shared = {
        "ERRANDS_SECRET_KEY": settings.secret_key or settings.secret_key_file,
        "ERRANDS_ARTIFACTS_URL": settings.artifacts_url,
        "ERRANDS_WORKSPACES": settings.workspaces,
    }
    own = [variable for variable, value in shared.items() if value is None]
    told = f"workers on {', '.join(others)}"
    if not own:
        return Check(name, True, f"{told}; key, artifacts and workspaces are set to be shared")
    hint = "Set on every machine to the same, as docs/how-to/many-machines.md says: " + ", ".join(own)
    return Check(name, False, f"{told}, but what is in {settings.home} they do not see", hint)


def look_at_page(folder: Path) -> Check:
    """Whether a server would have a page to show."""
    if (folder / "index.html").is_file():
        return Check("page", True, "built")
    hint = "Build it: make setup, or python scripts/page.py build. The API works without it."
    return Check("page", False, f"there is none in {folder}", hint)


async def look_at_mail(settings: "Settings") -> Check:
    """Whether mail for triggers is taken where the settings say."""
    name, host, port = "mail for triggers", settings.mail_host, settings.mail_port
    if port is None:
        return Check(name, True, "not taken (ERRANDS_MAIL_PORT is not set)")
    if port == 0:
        return Check(name, True, "taken at whatever port was free when the server began")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    greeting = await _greeting(host, port)
    if greeting.startswith(b"220"):
        return Check(name, True, f"taken at {host}:{port}")
    hint = "`errands start` or `errands serve` takes it while it runs, with the same ERRANDS_MAIL_PORT."
    return Check(name, False, f"nothing takes mail at {host}:{port}", hint)


async def _greeting(host: str, port: int) -> bytes:
    """The first line of a mail server; empty where there is none."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                return await reader.readline()
            finally:
                writer.close()
    return b""
