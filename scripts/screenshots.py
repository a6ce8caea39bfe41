"""Take the pictures of docs/images: every screen with seeded data, or the few that the docs show.

usage: screenshots.py [--all FOLDER]     --all: every screen, 1440 and 390 wide, light and dark, into FOLDER
"""

import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, ViewportSize, expect, sync_playwright

from tests.page.conftest import BROWSER_ARGUMENTS, browser_program, sign_in
from tests.page.seeding import seed
from tests.page.serving import Served, serve
from tests.page.test_screens import SCREENS

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
SHOWN = ("home", "step", "edit", "inbox", "thread")
"""What the README and the docs show."""
Scheme = Literal["light", "dark"]
BOTH: tuple[Scheme, ...] = ("light", "dark")


def main(arguments: list[str]) -> int:
    every = arguments[:1] == ["--all"]
    folder = Path(arguments[1]) if every else IMAGES
    folder.mkdir(parents=True, exist_ok=True)
    program = browser_program()
    if program is None:
        print("screenshots: no Chromium on PATH", file=sys.stderr)
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="errands-shots-") as home,
        sync_playwright() as playwright,
        serve(None, Path(home)) as served,
    ):
        runs = seed(served)
        browser = playwright.chromium.launch(executable_path=program, args=BROWSER_ARGUMENTS)
        for scheme in BOTH if every else BOTH[:1]:
            for width in (1440, 390) if every else (1280,):
                take(browser, served, runs, folder, scheme, width, tuple(SCREENS) if every else SHOWN)
    print(f"screenshots: {len(list(folder.glob('*.png')))} in {folder}")
    return 0


def take(
    browser: Browser,
    served: Served,
    runs: dict[str, str],
    folder: Path,
    scheme: Scheme,
    width: int,
    names: tuple[str, ...],
) -> None:
    """Each of these screens, in one width and scheme."""
    size: ViewportSize = {"width": width, "height": 844 if width < 640 else 800}
    with browser.new_context(
        base_url=served.url,
        color_scheme=scheme,
        viewport=size,
        timezone_id="Europe/Berlin",
    ) as context:
        sign_in(context, served)
        page = context.new_page()
        for name in names:
            page.goto(SCREENS[name].format_map(runs))
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            expect(page.get_by_role("status", name="Loading")).to_have_count(0)
            page.evaluate("document.fonts.ready")
            suffix = "" if width == 1280 else f"-{width}-{scheme}"
            page.screenshot(path=folder / f"{name}{suffix}.png", animations="disabled")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
