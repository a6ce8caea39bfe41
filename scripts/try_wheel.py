"""Build the wheel as the image does, install it into an empty environment, and use it there, without Node.

usage: try_wheel.py [--keep FOLDER]

1. What git knows is copied to an empty folder, and the wheel is built there from requirements/wheel.txt alone.
2. Two environments are made: one for building, one with requirements/base.txt and the wheel, all of it by hash.
3. Elsewhere, in a home of its own, with neither Node nor this project on the path, and where this is root as a user
   without rights: `errands start`, the page and each file that it names, a task on the command line, SIGTERM.

The last line says as JSON what was found; ends with 0 if everything was.
"""

import argparse
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NOBODY = "nobody"
"""A user without rights and without a home, if this is root: as in the image, Errands is not to need more."""
TASK = """
task: hello
description: Says hello.
steps:
  - {id: say, python: "'hello ' + 'there'"}
output: "{{ say }}"
"""
NODE = ("node", "nodejs", "npm", "npx", "corepack")
PAGE = re.compile(r'(?:src|href)="(/[^"]+)"')


def main(keep: Path | None) -> int:
    with tempfile.TemporaryDirectory(prefix="errands-wheel-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        uv = said([str(ROOT / "scripts" / "setup"), "--print-uv"], cwd=ROOT)
        began = time.monotonic()
        wheel = build(uv, folder)
        built = time.monotonic() - began
        errands = install(uv, folder, wheel)
        found: dict[str, Any] = {"wheel": wheel.name, "bytes": wheel.stat().st_size, "build_seconds": round(built, 1)}
        found |= used(errands, folder)
        if keep is not None:
            shutil.copy(wheel, keep)
    right = all(found[name] for name in ("page", "assets", "healthy", "ran", "ended_in_order", "without_node"))
    print(json.dumps({**found, "kept": right}))
    return 0 if right else 1


def build(uv: str, folder: Path) -> Path:
    """The wheel, made from what git knows and nothing that lies about here."""
    source = folder / "source"
    for file in said(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT).split("\0"):
        if file and (ROOT / file).is_file():
            (source / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, source / file)
    python = environment(uv, folder / "build", ROOT / "requirements" / "wheel.txt")
    command = [
        uv,
        "build",
        "--wheel",
        "--no-build-isolation",
        "--python",
        str(python),
        "--out-dir",
        str(folder / "dist"),
    ]
    run([*command, str(source)], cwd=source, env=plain(folder, folder))
    return next((folder / "dist").glob("*.whl"))


def install(uv: str, folder: Path, wheel: Path) -> Path:
    """The command in an environment that holds nothing else than what it needs."""
    python = environment(uv, folder / "errands", ROOT / "requirements" / "base.txt")
    run([uv, "pip", "install", "--python", str(python), "--no-deps", "--no-index", str(wheel)], cwd=folder)
    return python.with_name("errands")


def environment(uv: str, place: Path, requirements: Path) -> Path:
    """A fresh environment with what a file locks; gives its Python."""
    run([uv, "venv", "--quiet", "--python", sys.executable, str(place)], cwd=place.parent)
    python = place / "bin" / "python"
    install = [uv, "pip", "install", "--quiet", "--python", str(python), "--compile-bytecode"]
    run([*install, "--require-hashes", "-r", str(requirements)], cwd=place.parent)
    return python


def used(errands: Path, folder: Path) -> dict[str, Any]:
    """What a user of the command finds."""
    home = folder / "home"
    home.mkdir()
    (home / "hello.yaml").write_text(TASK)
    environment = plain(home, folder) | {"ERRANDS_HOME": str(home / "errands"), "ERRANDS_URL": "local"}
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        account = pwd.getpwnam(NOBODY)
        os.chown(home, account.pw_uid, account.pw_gid)
        who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    without_node = shutil.which("node", path=environment["PATH"]) is None
    with started([str(errands), "start", "--port", "0", "--json"], home, environment, who) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        page, assets = pages(url)
        healthy = fetched(f"{url}/healthz")[0] == 200 and fetched(f"{url}/readyz?worker=true")[0] == 200
        command = [str(errands), "run", "hello.yaml", "--json", "--wait"]
        told = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False, **who)
        process.send_signal(signal.SIGTERM)
        ended = process.wait(60)
    if told.returncode:
        print(told.stderr, file=sys.stderr)
    return {
        "version": said([str(errands), "version"], cwd=home, env=environment),
        "as_user": who.get("user", os.geteuid()),
        "without_node": without_node,
        "page": page,
        "assets": assets,
        "healthy": healthy,
        "ran": told.returncode == 0 and json.loads(told.stdout)["output"] == "hello there",
        "ended_in_order": ended == 0,
    }


def pages(url: str) -> tuple[bool, int]:
    """Whether the page is served, and how many of the files that it names are, or 0 if one is missing."""
    status, kind, text = fetched(f"{url}/")
    named = sorted(set(PAGE.findall(text)))
    there = [fetched(f"{url}{path}")[0] == 200 for path in named]
    return status == 200 and kind.startswith("text/html"), len(there) if there and all(there) else 0


def fetched(url: str) -> tuple[int, str, str]:
    """Status, kind and text of an answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as answer:
        return answer.status, answer.headers.get("content-type", ""), answer.read().decode(errors="replace")


def plain(home: Path, folder: Path) -> dict[str, str]:
    """An environment that knows nothing of this project, nor of any Node: a path with every program but those."""
    programs = folder / "programs"
    if not programs.exists():
        programs.mkdir()
        for place in map(Path, os.environ["PATH"].split(":")):
            for program in place.iterdir() if place.is_dir() and not place.is_relative_to(ROOT) else ():
                if program.name not in NODE and not (programs / program.name).is_symlink():
                    (programs / program.name).symlink_to(program)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ERRANDS_", "PYTHON", "VIRTUAL"))}
    return {**kept, "PATH": str(programs), "HOME": str(home)}


@contextmanager
def started(
    command: Sequence[str], home: Path, environment: Mapping[str, str], who: Mapping[str, Any]
) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on; killed if it is left running."""
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=home, env=environment, stdout=subprocess.PIPE, stderr=log, text=True, **who
        )
    try:
        yield process
    except BaseException:
        print((home / "log").read_text()[-3000:], file=sys.stderr)
        raise
    finally:
        process.kill()
        process.wait()


def run(command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> None:
    """Run to the end. Raises SystemExit with what it said."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")


def said(command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """What a command writes on stdout."""
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, help="copy the wheel into this folder")
    sys.exit(main(parser.parse_args().keep))
