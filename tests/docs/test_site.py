"""The documentation site is built strictly, and loads nothing from elsewhere: what breaks that is noticed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.site import looked_at
from tests.docs.blocks import ROOT


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def small_site(tmp_path: Path) -> Path:
    """A checkout with this project's way of building a site, and three pages."""
    for name in ("scripts/site.py", "scripts/site_pages.py"):
        write(tmp_path, name, (ROOT / name).read_text(encoding="utf-8"))
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    nav = "nav:\n  - README.md\n  - how-to/walk.md\n  - templates/README.md\n"
    write(tmp_path, "mkdocs.yml", re.sub(r"^nav:\n(?:  .*\n)+", nav, settings, flags=re.MULTILINE))
    shutil.copytree(ROOT / "docs" / "stylesheets", tmp_path / "docs" / "stylesheets")
    write(tmp_path, "docs/README.md", "# Top\n\n[Walk](how-to/walk.md#far-and-wide) [all](../templates/README.md)\n")
    write(
        tmp_path,
        "docs/how-to/walk.md",
        "# Walk\n\n## Far, and wide\n\n[templates](../../templates/README.md)\n\n| A |\n|---|\n| `a\\|b` |\n",
    )
    write(tmp_path, "templates/README.md", "# Templates\n\n[back](../docs/how-to/walk.md) [code](../scripts/site.py)\n")
    return tmp_path


def built(folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "scripts/site.py", "build"], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_pages_beside_the_docs_and_links_between_both_are_on_the_site(small_site: Path) -> None:
    assert built(small_site)[0] == 0
    page = (small_site / "site" / "how-to" / "walk.html").read_text(encoding="utf-8")
    assert 'href="../templates/index.html"' in page
    assert "<code>a|b</code>" in page
    back = (small_site / "site" / "templates" / "index.html").read_text(encoding="utf-8")
    assert 'href="../how-to/walk.html"' in back
    assert "site.py" not in back, "what stands in the repository alone is named, not linked"
    assert "code" in back


def test_broken_links_missing_headings_and_pages_that_no_menu_names_are_refused(small_site: Path) -> None:
    write(small_site, "docs/how-to/walk.md", "# Walk\n\n## Near\n\n[gone](gone.md)\n")
    write(small_site, "docs/how-to/run.md", "# Run\n")
    failed, said = built(small_site)
    assert (failed, [told for told in ("gone.md", "far-and-wide", "run.md") if told not in said]) == (1, []), said


def test_a_list_that_is_shown_as_running_text_is_noticed(tmp_path: Path) -> None:
    write(tmp_path, "page.html", "<p>Such as:\n- one\n- two</p>")
    write(tmp_path, "fine.html", "<p>Such as - one</p><ul><li>two</li></ul><pre>x\n- y</pre>")
    assert [found.split()[0] for found in looked_at(tmp_path)] == ["page.html"]


def test_whatever_would_be_loaded_from_elsewhere_is_noticed(tmp_path: Path) -> None:
    write(tmp_path, "font.html", '<link rel="stylesheet" href="https://fonts.example/inter.css">')
    write(tmp_path, "script.html", '<p>x</p><script defer src="//cdn.example/a.js"></script>')
    write(tmp_path, "style.css", "@import url(https://fonts.example/inter.css);")
    write(tmp_path, "fine.html", '<a href="https://example.com">out</a><img src="images/a.png">')
    assert [found.split()[0] for found in looked_at(tmp_path)] == ["font.html", "script.html", "style.css"]
