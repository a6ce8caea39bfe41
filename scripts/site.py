"""Build the documentation site, strictly: a broken link, a missing heading or a page that no menu names fails.

usage: site.py build    into site/
       site.py check    into a folder that is thrown away
Both also fail where a page would load something from elsewhere, or shows a list or table as running text.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc=["'](?:https?:)?//[^"']+"""
    r"""|<link\b(?=[^>]*\brel=["'](?:stylesheet|preload|preconnect|icon)["'])[^>]*\bhref=["'](?:https?:)?//[^"']+"""
)
IN_STYLE = re.compile(r"""(?:url\(|@import\s+)["']?(?:https?:)?//[^"')]+""")
SCRIPT_OR_STYLE = re.compile(r"<(script|style)\b.*?</\1>", re.DOTALL)
RUNNING_TEXT = re.compile(r"<p>(?:(?!</p>).)*?\n(?:[-*] |\d+\. |\|)(?:(?!</p>).)*", re.DOTALL)


def main(arguments: list[str]) -> int:
    if arguments == ["build"]:
        return build(ROOT / "site")
    if arguments == ["check"]:
        with tempfile.TemporaryDirectory() as folder:
            return build(Path(folder))
    print(__doc__)
    return 2


def build(folder: Path) -> int:
    """Build into the folder and look at what came of it. The last line sums up."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if not line.startswith("INFO")]
    findings = said if done.returncode else list(looked_at(folder))
    if findings or done.returncode:
        print(*findings, sep="\n")
        return 1
    pages = sum(1 for _ in folder.rglob("*.html"))
    print(f"{pages} pages of the site: each link and heading is there, nothing is loaded from elsewhere")
    return 0


def looked_at(folder: Path) -> Iterator[str]:
    """What a reader, or a reader's privacy, would trip over."""
    for page in sorted(folder.rglob("*.html")):
        text, name = page.read_text(encoding="utf-8"), page.relative_to(folder)
        yield from (f"{name} loads {found[0]}" for found in LOADED.finditer(text))
        prose = SCRIPT_OR_STYLE.sub("", text)
        yield from (f"{name} shows as running text: {found[0][:120]!r}" for found in RUNNING_TEXT.finditer(prose))
    for sheet in sorted(folder.rglob("*.css")):
        found = IN_STYLE.search(sheet.read_text(encoding="utf-8"))
        if found:
            yield f"{sheet.relative_to(folder)} loads {found[0]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
