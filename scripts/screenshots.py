"""Take the pictures of docs/images: every screen from seeded data, 1440 and 390 wide, light and dark.

usage: screenshots.py [--into FOLDER] [NAME ...]     NAME: only these, such as `home` or `run`

Beside them, as PNG and 1280 wide, the few that README and the docs show. Needs Chromium.
"""

import argparse
import io
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect, sync_playwright

from tests.page.album import SHOTS, VIEWER, filled
from tests.page.conftest import BROWSER_ARGUMENTS, browser_program, sign_in
from tests.page.past import remember
from tests.page.seeding import seed
from tests.page.serving import ADMIN, PASSWORD, Served, serve

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
SHOWN = ("home", "step", "edit", "inbox", "thread")
"""What the README and the docs show."""
SHOWN_SIZE = (1280, 800)
SIZES = {1440: (900, 1500), 390: (844, 1900)}
"""Of each width: the least height and the most, which a picture takes where the content asks for it."""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
COLOURS = 64
"""Of a picture: a screen has few, and without loss in these text stays sharp at the bytes of a blurred one."""


def main(arguments: Sequence[str]) -> int:
    asked = argparse.ArgumentParser(prog="screenshots.py")
    asked.add_argument("--into", type=Path, default=IMAGES)
    asked.add_argument("names", nargs="*", choices=[[], *SHOTS], metavar="NAME")
    given = asked.parse_args(arguments)
    given.into.mkdir(parents=True, exist_ok=True)
    program = browser_program()
    if program is None:
        print("screenshots: no Chromium on PATH", file=sys.stderr)
        return 1
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="errands-shots-")))
        served = stack.enter_context(serve(None, home, settings={"ERRANDS_DEFAULT_MODEL": "told"}))
        seeded = seed(served)
        remember(home)
        found = stack.enter_context(filled(served, seeded))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=program, args=BROWSER_ARGUMENTS)
        sessions = {who: session_of(browser, served, who) for who in ("administrator", "viewer", "nobody")}
        for name in given.names or SHOTS:
            with open_for(browser, served, sessions[SHOTS[name].who]) as context:
                take(context.new_page(), name, found, given.into)
    files = list(given.into.iterdir())
    print(f"screenshots: {len(files)} in {given.into}, {sum(file.stat().st_size for file in files) / 1e6:.1f} MB")
    return 0


def session_of(browser: Browser, served: Served, who: str) -> StorageState | None:
    """What a browser knows in which one of them is signed in."""
    if who == "nobody":
        return None
    with browser.new_context(base_url=served.url) as context:
        sign_in(context, served, VIEWER if who == "viewer" else ADMIN, PASSWORD)
        return context.storage_state()


def open_for(browser: Browser, served: Served, session: StorageState | None) -> BrowserContext:
    """A browser of its own for a picture."""
    context = browser.new_context(
        base_url=served.url,
        storage_state=session,
        timezone_id="Europe/Berlin",
        locale="en-GB",
        reduced_motion="reduce",
    )
    context.set_default_timeout(20_000)
    return context


def take(page: Page, name: str, found: dict[str, str], folder: Path) -> None:
    """One screen in each width and scheme: opened once, so what was done there is done once."""
    shot = SHOTS[name]
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(shot.path.format_map(found))
    settle(page)
    if name in SHOWN:
        page.set_viewport_size({"width": SHOWN_SIZE[0], "height": SHOWN_SIZE[1]})
        page.screenshot(path=folder / f"{name}.png", animations="disabled")
    if shot.act is not None:
        shot.act(page)
    for width, (least, most) in SIZES.items():
        page.set_viewport_size({"width": width, "height": least})
        if shot.full:
            page.set_viewport_size({"width": width, "height": min(max(least, needed(page)), most)})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.mouse.move(0, 0)
            write(page, folder / f"{name}-{width}-{scheme}.webp")
    page.emulate_media(color_scheme="light")


def settle(page: Page) -> None:
    """Wait until nothing is loading any more."""
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    expect(page.get_by_role("status", name="Loading")).to_have_count(0)
    page.evaluate("document.fonts.ready")
    # What is told beside the content, such as counts and the next firings, comes a little later.
    page.wait_for_timeout(400)


def needed(page: Page) -> int:
    """How high the window must be for the content not to scroll."""
    more = page.evaluate("[...document.querySelectorAll('#content')].map((one) => one.scrollHeight - one.clientHeight)")
    return int(page.evaluate("innerHeight")) + max(more, default=0)


def write(page: Page, path: Path) -> None:
    """The window as WebP."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    taken = Image.open(io.BytesIO(page.screenshot(animations="allow"))).convert("RGB")
    few = taken.quantize(COLOURS, Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE)
    few.convert("RGB").save(path, "WEBP", lossless=True, method=6)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
