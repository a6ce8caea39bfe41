"""The entry of a tool server's process: `python -I -m errands.tools.servers.launch PARENT LIMITS COMMAND ARG...`.

Limits itself, ties its life to the worker's, and becomes the command. Standard library only.
"""

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_NOT_FOUND = 127


def main() -> None:
    """Become the command. `LIMITS` is `memory bytes:CPU seconds`."""
    parent, limits, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    memory, cpu = (int(part) for part in limits.split(":"))
    _die_with(parent)
    # Data, not address space: runtimes such as Node reserve gigabytes that they never use.
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.exit(_NOT_FOUND)


def _die_with(parent: int) -> None:
    """A worker that is killed outright cannot clean up; the kernel does it instead."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
