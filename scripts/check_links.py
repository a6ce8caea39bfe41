"""Every link in the docs leads somewhere: a file that exists, a heading that exists.

Links to other sites are not followed: the checks need no network.

usage: check_links.py [ROOT]      prints `file:line link what is wrong` for each that leads nowhere
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"#{1,6}\s+(.+)")
FENCE = re.compile(r"\s*(```|~~~)")


def main(root: Path) -> int:
    files = sorted(root.glob("*.md")) + sorted((root / "docs").rglob("*.md"))
    links = [(file, line, target) for file in files for line, target in links_of(file)]
    findings = [
        f"{file.relative_to(root)}:{line} {target} {problem}"
        for file, line, target in links
        if (problem := lost(file, target))
    ]
    print(*findings, sep="\n", end="\n" if findings else "")
    print(f"{len(files)} documents, {len(links)} links: each leads to a file and a heading that exist")
    return 1 if findings else 0


def links_of(file: Path) -> Iterator[tuple[int, str]]:
    """Line and target of each link in a document that points into the project."""
    for number, line in prose(file):
        for target in LINK.findall(line):
            if "://" not in target and not target.startswith("mailto:"):
                yield number, target


def lost(file: Path, target: str) -> str | None:
    """Why the link leads nowhere; `None` where it leads somewhere."""
    name, _, anchor = target.partition("#")
    destination = (file.parent / name).resolve() if name else file
    if not destination.exists():
        return "no such file"
    if anchor and destination.suffix == ".md" and anchor not in anchors(destination):
        return "no such heading"
    return None


def anchors(file: Path) -> set[str]:
    """The anchors that GitHub and most renderers make of a document's headings."""
    headings = (match[1] for _, line in prose(file) if (match := HEADING.fullmatch(line.rstrip())))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def prose(file: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines outside fenced blocks."""
    fenced = False
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield number, line


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent))
