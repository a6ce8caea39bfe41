"""Commands that back everything up and bring it back."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from errands.cli.desk import Desk, Room, acting_as, perform, starter
from errands.cli.given import BadInput
from errands.cli.options import AsJson
from errands.cli.servers import chosen_server

File = Annotated[Path, typer.Argument(metavar="FILE", help="A tar file.", show_default=False)]


def backup(
    context: typer.Context,
    file: File,
    with_key: Annotated[
        bool, typer.Option("--with-key", help="Put the secret key in: whoever has the file can then read every secret.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write everything into one file, while work goes on.

    The database as it is at one moment, the artifacts, and a manifest with digests. The key that opens the secrets is
    left out unless asked for: keep it apart.
    """

    async def act(desk: Desk) -> None:
        from errands.cli.figures import plural, size

        if file.exists():
            raise BadInput(f"The file {file} is there already", hint="Name a new file; a backup overwrites none")
        async with desk.open() as room:
            if room.opened is None:
                await _download(desk, room, file, with_key=with_key)
                return
            made = await room.opened.services.backups.make(acting_as(starter()), file, with_keys=with_key)
        desk.screen.document(made)
        held = f"{plural(made.rows, 'row')}, {plural(made.artifacts, 'artifact')}"
        desk.screen.say(f"{file}: {size(made.size)}, {held}.")
        if made.has_keys:
            desk.screen.remark("It holds the secret key: whoever has this file can read every secret in it.")
        elif made.key_ids:
            desk.screen.remark("It does not hold the secret key. Keep that apart: without it the secrets are lost.")

    perform(context, act, as_json=as_json)


async def _download(desk: Desk, room: Room, file: Path, *, with_key: bool) -> None:
    from errands.cli.figures import size

    if with_key:
        raise BadInput("A server does not send its secret key", hint="Copy its key file on its own machine")
    try:
        written = await room.client.server.download_backup(file)
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {(error.strerror or str(error)).lower()}") from None
    except BaseException:
        await asyncio.to_thread(file.unlink, missing_ok=True)
        raise
    desk.screen.document({"file": file, "size": written})
    desk.screen.say(f"{file}: {size(written)}.")
    desk.screen.remark("It does not hold the secret key. Keep that apart: without it the secrets are lost.")


def restore(
    context: typer.Context,
    file: File,
    replace: Annotated[
        bool, typer.Option("--replace", help="Even if the database holds something: that is lost then.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a backup back, into an empty place.

    The file is checked first, and the database changes wholly or not at all. Stop all workers and servers before.
    Runs that were under way go on where the backup has them.
    """

    async def act(desk: Desk) -> None:
        from errands.cli.figures import plural

        if chosen_server(desk.server_option) is not None:
            hint = "On the server's own machine: errands --server local restore FILE"
            raise BadInput("A server is not restored from afar", hint=hint)
        came = await desk.wiring.restore(acting_as(starter()), file, replace=replace)
        desk.screen.document(came)
        held = f"{plural(came.rows, 'row')}, {plural(came.artifacts, 'artifact')}, {plural(came.keys, 'key')}"
        desk.screen.say(f"Restored what Errands {came.release} backed up at {came.made_at:%Y-%m-%d %H:%M} UTC: {held}.")
        if came.missing_keys:
            desk.screen.remark(
                f"Secrets need the key {', '.join(came.missing_keys)}, which is not at hand: put it into the key file "
                "or ERRANDS_SECRET_KEY, or set those secrets again."
            )

    perform(context, act, as_json=as_json)
