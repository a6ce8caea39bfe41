"""A server in the foreground: says where it listens, and ends in good order."""

import asyncio
import signal

from errands.cli.desk import Desk
from errands.cli.exits import ExitCode
from errands.cli.interrupts import interrupts
from errands.cli.wiring import Listening


async def serve(desk: Desk, host: str | None, port: int | None, *, worker: bool) -> ExitCode:
    """Serve until SIGTERM or Ctrl-C; once more ends it at once."""
    orders: asyncio.Queue[signal.Signals] = asyncio.Queue()
    stopping = False

    def order(number: signal.Signals) -> None:
        if stopping:
            raise KeyboardInterrupt
        orders.put_nowait(number)

    with interrupts(order, signal.SIGINT, signal.SIGTERM):
        async with desk.wiring.serve(host=host, port=port, worker=worker) as server:
            _greet(desk, server, worker=worker)
            ended = asyncio.create_task(server.ended())
            told = asyncio.create_task(orders.get())
            await asyncio.wait({ended, told}, return_when=asyncio.FIRST_COMPLETED)
            told.cancel()
            if ended.done():
                ended.result()
                return ExitCode.FAILED
            ended.cancel()
            stopping = True
            desk.screen.remark("Stopping: requests and running steps may end. Once more stops at once.")
    desk.screen.remark("Stopped.")
    return ExitCode.SUCCEEDED


def _greet(desk: Desk, server: Listening, *, worker: bool) -> None:
    """Where it listens; on a first start, how the administrator is made."""
    link = server.first_link
    setup = None if link is None else f"{server.url}/setup?link={link.secret}"
    desk.screen.record({"url": server.url, "worker": worker, "setup": setup, "mail": server.mail})
    desk.screen.say(f"Errands listens on {server.url}{'' if worker else ' (without a worker)'}; Ctrl-C stops it.")
    if server.mail is not None:
        desk.screen.say(f"It takes mail for triggers on {server.mail}.")
    if link is not None:
        desk.screen.say(f"Make the administrator, until {link.expires_at.astimezone():%Y-%m-%d %H:%M}: {setup}")
