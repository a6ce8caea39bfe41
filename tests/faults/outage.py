"""Takes the embedded server of a home folder away, as a crash of the machine would, and brings it back."""

import os
import signal
from pathlib import Path

from errands.store import embedded
from errands.store.embedded import EmbeddedServer


def stop_at_once(home: Path) -> None:
    """Immediate shutdown: sessions are cut, and the next start has to recover from the log."""
    lines = (home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
    os.kill(int(lines[0]), signal.SIGQUIT)


def restart(home: Path) -> None:
    """Start the server again; a further user of the home, so that the first one stops it at the end."""
    again = EmbeddedServer(home, keep_running=True)
    folders = embedded._folders(home.resolve())
    while embedded._listens(folders):
        pass
    again.acquire()
    again.release()
