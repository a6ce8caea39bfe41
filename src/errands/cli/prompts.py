"""Questions on the terminal that can be withdrawn: a line is awaited, so Ctrl-C or an answer from elsewhere ends it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from errands.cli.screen import Screen


async def ask_line(screen: Screen, prompt: str) -> str:
    """Show a prompt on stderr and await a line. Raises EOFError at the end of input."""
    from errands.cli.neutral import safe

    screen.err.print(safe(prompt), end="", soft_wrap=True)
    async with _readable():
        line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\r\n")


async def confirm(screen: Screen, question: str) -> bool:
    """Whether the answer is yes; an empty line is no."""
    try:
        return (await ask_line(screen, f"{question} [y/N] ")).strip().casefold() in ("y", "yes")
    except EOFError:
        return False


@asynccontextmanager
async def _readable() -> AsyncIterator[None]:
    """Until stdin has a line. Where the loop cannot watch it (a file, Windows), reading blocks instead."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(sys.stdin.fileno(), ready.set)
    except (NotImplementedError, OSError, ValueError):
        yield
        return
    try:
        await ready.wait()
        yield
    finally:
        loop.remove_reader(sys.stdin.fileno())
