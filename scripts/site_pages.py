"""For the documentation site: bring in the pages that stand beside docs/, and lead links between both to their place.

mkdocs calls these functions (`hooks:` in mkdocs.yml). On the site docs/ is the top; what is brought in keeps its path.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
BROUGHT_IN = ("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "templates/**/*", "examples/**/*")
LINK = re.compile(r"(?<!`)(\[[^\]`]*(?:`[^`]*`[^\]`]*)*\]\()([^)\s]+)(\))")
CELL = re.compile(r"<td>.*?</td>", re.DOTALL)
FENCED = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what stands beside docs/."""
    for path in sorted(found for pattern in BROUGHT_IN for found in ROOT.glob(pattern)):
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead the page's links to where their targets stand on the site."""
    here = page.file.src_uri
    home = here if (ROOT / here).exists() and not (ROOT / "docs" / here).exists() else f"docs/{here}"
    parts, at = [], 0
    for block in FENCED.finditer(markdown):
        parts += [_led(markdown[at : block.start()], here, home, files), block[0]]
        at = block.end()
    return "".join([*parts, _led(markdown[at:], here, home, files)])


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """In a table `\\|` in code is a bar, here as in the repository."""
    return CELL.sub(lambda cell: cell[0].replace("\\|", "|"), html)


def _led(text: str, here: str, home: str, files: Files) -> str:
    def place(link: re.Match[str]) -> str:
        target, hash_, anchor = link[2].partition("#")
        if not target or "://" in target or target.startswith("mailto:"):
            return link[0]
        there = posixpath.normpath(posixpath.join(posixpath.dirname(home), target))
        exists = (ROOT / there).exists()
        if (ROOT / there).is_dir():
            there = f"{there}/README.md"
        if exists and files.get_file_from_path(there.removeprefix("docs/")) is None:
            return link[1][1:-2]  # it stands in the repository alone: here only its name
        on_site = posixpath.relpath(there.removeprefix("docs/"), posixpath.dirname(here) or ".")
        return f"{link[1]}{on_site}{hash_}{anchor}{link[3]}"

    return LINK.sub(place, text)
