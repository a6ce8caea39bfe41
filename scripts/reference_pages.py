"""Write the reference pages that are made from the code: docs/settings.md, docs/tools.md, docs/cli.md.

What stands between the markers `<!-- generated -->` and `<!-- /generated -->` of a page is made here; the rest is
written by hand.

usage: reference_pages.py           write the pages
       reference_pages.py --check   only say which page is out of date, and exit 1 if one is
"""

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from errands.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
GENERATED = re.compile(r"(?<=<!-- generated -->\n).*(?=<!-- /generated -->\n)", re.DOTALL)


def main(arguments: list[str]) -> int:
    stale = [
        name for name, make in PAGES.items() if refresh(ROOT / "docs" / name, make(), write="--check" not in arguments)
    ]
    for name in stale:
        print(f"docs/{name} {'is out of date: run `make pages`' if '--check' in arguments else 'written'}")
    print(f"{len(PAGES)} pages made from the code: {', '.join(PAGES)}")
    return 1 if stale and "--check" in arguments else 0


def refresh(page: Path, generated: str, *, write: bool) -> bool:
    """Put the generated part into the page; whether that changed it."""
    old = page.read_text(encoding="utf-8")
    new, found = GENERATED.subn(lambda _: f"\n{generated.strip()}\n\n", old)
    if not found:
        raise SystemExit(f"{page} has no <!-- generated --> part")
    if write and new != old:
        page.write_text(new, encoding="utf-8")
    return new != old


def settings_page() -> str:
    """One row for each setting, in the order of the class."""
    rows = ((f"`{doc.variable}`", doc.kind, code(doc.default), doc.description) for doc in Settings.describe())
    return table(("Variable", "Kind", "Default", "Meaning"), rows)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *([cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    return f"`{text}`" if text else ""


PAGES: dict[str, Callable[[], str]] = {"settings.md": settings_page}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
