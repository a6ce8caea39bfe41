"""Fetch programs of the MCP project, for the tests that use them: two of its tool servers, and its Inspector.

usage: mcp_programs.py     prints the node_modules folder, for the variable ERRANDS_TEST_NODE_MODULES

Node comes from PATH, or else from a wheel, as for the page. A link to it lies beside the programs, in .bin.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts import page

FOLDER = page.ROOT / ".cache" / "mcp"
NEEDED = {"server-everything": "latest", "server-filesystem": "latest", "inspector": "1.0.3"}
"""By name, which release. The Inspector's command line takes `--header`, which carries our token, from 0.16 on; it runs
on Node 20 until 1.x, though it says that it wants 22."""


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "package.json").write_text('{"private": true}\n')
    modules = FOLDER / "node_modules"
    try:
        missing = {name: release for name, release in NEEDED.items() if not installed(modules, name, release)}
        wanted = [f"@modelcontextprotocol/{name}@{release}" for name, release in missing.items()]
        if wanted:
            install(wanted)
        link_node(modules / ".bin" / "node")
    except page.CannotBuild as reason:
        print(f"mcp: {reason}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as failure:
        print(failure.stdout, failure.stderr, sep="\n", file=sys.stderr)
        return 1
    print(modules)
    return 0


def installed(modules: Path, name: str, release: str) -> bool:
    manifest = modules / "@modelcontextprotocol" / name / "package.json"
    return manifest.is_file() and release in ("latest", json.loads(manifest.read_text())["version"])


def install(packages: list[str]) -> None:
    """With npm, without the scripts that packages bring. Raises CalledProcessError, CannotBuild."""
    command = [*page.npm(), "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *packages]
    subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, text=True)


def link_node(link: Path) -> None:
    if not shutil.which("node") and not link.exists():
        link.symlink_to(page.node())


if __name__ == "__main__":
    sys.exit(main())
