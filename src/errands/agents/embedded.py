"""The embedded model: a small one on this machine, for a first run without any account.

Its server (llama.cpp) runs in a child process: a crash in native code, or the memory it takes, is not the worker's.
"""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from errands.agents.weights import pull
from errands.core.outcomes import ErrorKind, StepFailed

_INSTALL = "pip install 'errands[local]'"
_LONGEST_START = 120.0
"""Seconds for loading the weights; large files from a slow disk take a while."""
_STOP_GRACE = 5.0


@dataclass(frozen=True, slots=True)
class EmbeddedSettings:
    """How the embedded model runs."""

    folder: Path
    """Where weights are kept: `models` in the Errands home folder."""
    weights: str | None = None
    """Path or http(s) URL of a GGUF file. `None`: SmolLM2-135M-Instruct, pulled on first use."""
    context_tokens: int = 4096
    """Longest request and answer together, in tokens."""
    parallel: int = 2
    """Requests answered at once; others queue."""
    threads: int = max(1, min(4, (os.cpu_count() or 2) // 2))
    """Processor threads. Half of the cores: llama.cpp's threads wait for each other by spinning, so on a busy machine
    one for each core is ten times slower (two cores: 43 s for what one thread does in 5 s; idle, 1.3 s and 2.3 s)."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the server listens, and the key without which it refuses other users of this machine."""

    base_url: str
    api_key: str


class EmbeddedModel:
    """Starts the server on first use, shares it between all runs of the process, and stops it with the process."""

    def __init__(
        self, settings: EmbeddedSettings, *, pull: Callable[[Path, str | None], Awaitable[Path]] = pull
    ) -> None:
        self._settings = settings
        self._pull = pull
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._endpoint: Endpoint | None = None

    async def endpoint(self) -> Endpoint:
        """The server's address; starts it, or starts it again if it has died.

        Raises StepFailed: not_found (the extra or the weights are missing), crash (the server did not come up).
        """
        async with self._starting:
            if self._endpoint is None or self._process is None or self._process.returncode is not None:
                self._endpoint = await self._start()
            return self._endpoint

    @property
    def process_id(self) -> int | None:
        """Of the server, while it runs."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    async def aclose(self) -> None:
        """Stop the server."""
        process, self._process, self._endpoint = self._process, None, None
        if process is not None:
            await _stop(process)

    async def _start(self) -> Endpoint:
        if find_spec("xllamacpp") is None:
            raise StepFailed(
                ErrorKind.NOT_FOUND,
                "the embedded model is not installed on this server",
                hint=f"install it with: {_INSTALL}; or name another model in the step, the agent or the settings",
            )
        weights = await self._pull(self._settings.folder, self._settings.weights)
        key = secrets.token_urlsafe(24)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "errands.agents.embedded_server",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_bare_environment(),
            start_new_session=True,
        )
        try:
            address = await _address(process, replace(self._settings, weights=str(weights)), key)
        except BaseException:
            await _stop(process)
            raise
        self._process = process
        return Endpoint(f"{address}/v1", key)


async def _address(process: asyncio.subprocess.Process, settings: EmbeddedSettings, key: str) -> str:
    """Tell the child what to serve; it tells where. Its stdin stays open: when we are gone, it ends."""
    assert process.stdin is not None
    assert process.stdout is not None
    order = {
        "weights": settings.weights,
        "context_tokens": settings.context_tokens,
        "parallel": settings.parallel,
        "threads": settings.threads,
        "key": key,
    }
    process.stdin.write(json.dumps(order).encode() + b"\n")
    try:
        async with asyncio.timeout(_LONGEST_START):
            await process.stdin.drain()
            said = await process.stdout.readline()
    except (TimeoutError, ConnectionError):
        said = b""
    if not said.startswith(b"http://"):
        reason = said.decode(errors="replace").strip() or f"no answer within {_LONGEST_START:g} s"
        raise StepFailed(
            ErrorKind.CRASH,
            f"the embedded model did not start with {settings.weights}: {reason}",
            hint="check that the file is a GGUF model that fits into memory",
        )
    return said.decode().strip()


def _bare_environment() -> dict[str, str]:
    """What the child needs to find Python and nothing that a secret could be in."""
    kept = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "SYSTEMROOT", "TMPDIR", "VIRTUAL_ENV")
    return {name: os.environ[name] for name in kept if name in os.environ}


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_STOP_GRACE):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
