"""A browser, and a server that holds a seeded project. The browser is Debian's Chromium; CI fails without one."""

import asyncio
import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from errands.api.page import page_folder
from tests.page.seeding import seed
from tests.page.serving import ADMIN, PASSWORD, Served, serve

_NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
NewDatabase = Callable[[], str]
# A machine that is busy with other things is no defect of the page.
expect.set_options(timeout=20_000)


def _missing(what: str) -> None:
    """Skip, and say why; in CI nothing may be missing."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def browser_program() -> str | None:
    """Path of a Chromium on PATH; None where there is none."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="package")
def browser(postgres: str) -> Iterator[Browser]:
    """Closed with this folder's tests: while it is open its event loop runs, and no other can (hence `postgres`)."""
    program = browser_program()
    if program is None:
        _missing(f"no browser on PATH ({', '.join(_NAMES)}): the page is not tried")
    if not (page_folder() / "index.html").exists():
        _missing("the page is not built: run `make setup`")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=BROWSER_ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def new_database(postgres: str) -> NewDatabase:
    """Makes databases with all tables and no rows; the session's server takes them along when it ends."""
    made = 0

    def make() -> str:
        nonlocal made
        made += 1
        name = f"page_{made}"
        # In a thread of its own: the browser's event loop runs in this one.
        with ThreadPoolExecutor(1) as aside:
            aside.submit(asyncio.run, _create(postgres, name)).result()
        return postgres.format(name)

    return make


async def _create(postgres: str, name: str) -> None:
    connection = await asyncpg.connect(postgres.format("postgres"))
    await connection.execute(f"create database {name} template errands_template strategy file_copy")
    await connection.close()


@pytest.fixture(scope="package")
def served(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests: each leaves the project as it found it, or works on a task of its own."""
    with serve(new_database(), tmp_path_factory.mktemp("home")) as started:
        yield started


@pytest.fixture(scope="package")
def seeded(served: Served) -> dict[str, str]:
    """Ids of runs by what they show."""
    return seed(served)


@pytest.fixture
def context(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    """A browser in which the administrator is signed in."""
    with browser.new_context(base_url=served.url, timezone_id="Europe/Berlin", viewport=SCREEN) as opened:
        opened.set_default_timeout(15_000)
        sign_in(opened, served)
        yield opened


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab that may complain about nothing: no error in the console, nothing refused by the page's policy."""
    opened, complaints = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
    yield opened
    # The browser notes every answer of 4xx by itself: those are tried on purpose.
    assert [one for one in complaints if not re.match(r"Failed to load resource.*status of 4\d\d", one)] == []


SCREEN: ViewportSize = {"width": 1440, "height": 900}


def sign_in(context: BrowserContext, served: Served, name: str = ADMIN, password: str = PASSWORD) -> None:
    """Let the browser have a session, without its form."""
    answer = context.request.post(
        "/api/v1/session", data={"name": name, "password": password}, headers={"Origin": served.url}
    )
    assert answer.ok, answer.text()


_ARRIVED = """() => {
    const { status, resolvedLocation } = __TSR_ROUTER__.state
    return status === 'idle' && resolvedLocation?.href === location.pathname + location.search
}"""


def visit(page: Page, path: str) -> None:
    """Go to another screen as a link does: the page, which has been opened, is not loaded anew."""
    page.evaluate("path => history.pushState({}, '', path)", path)
    page.wait_for_function(_ARRIVED)


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core."""
    script = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        _missing("web/node_modules has no axe-core: run `make setup`")
    return script.read_text()
