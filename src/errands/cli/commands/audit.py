"""Commands that read, check and export the audit log."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from errands.cli.desk import Desk, perform
from errands.cli.exits import ExitCode
from errands.cli.options import AsJson

Actor = Annotated[str | None, typer.Option("--actor", metavar="WHO", help="Whose doings, such as user:ana.")]
Verb = Annotated[str | None, typer.Option("--verb", metavar="VERB", help="Which acts, such as task.publish.")]
Noun = Annotated[str | None, typer.Option("--noun", metavar="NOUN", help="On what, such as task or secret.")]
Named = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Name of what it was done to.")]
InProject = Annotated[str | None, typer.Option("--project", "-P", metavar="NAME", help="In which project.")]
Outcome = Annotated[str | None, typer.Option("--outcome", metavar="OUTCOME", help="done, denied or failed.")]
Since = Annotated[datetime | None, typer.Option("--since", metavar="MOMENT", help="From then on, your time.")]
Until = Annotated[datetime | None, typer.Option("--until", metavar="MOMENT", help="Before then, your time.")]

audit = typer.Typer(no_args_is_help=True)


@audit.callback()
def _audit() -> None:
    """Read, check and export the audit log."""


@audit.command("list")
def list_(
    context: typer.Context,
    *,
    actor: Actor = None,
    verb: Verb = None,
    noun: Noun = None,
    name: Named = None,
    project: InProject = None,
    outcome: Outcome = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="Entries at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what was done and refused, newest first."""

    async def act(desk: Desk) -> None:
        from errands.cli.audit_texts import entry_table
        from errands.cli.displays import local_now

        wanted = _wanted(actor, verb, noun, name, project, outcome, since, until)
        async with desk.open() as room:
            page = await room.client.server.audit(wanted, limit=limit)
        desk.screen.document(page)
        desk.screen.show(entry_table(page.items, local_now(), desk.screen.out.width))

    perform(context, act, as_json=as_json)


@audit.command("export")
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file of JSON lines.", show_default=False)],
    *,
    actor: Actor = None,
    verb: Verb = None,
    noun: Noun = None,
    name: Named = None,
    project: InProject = None,
    outcome: Outcome = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Write the log to a file, signed; errands audit verify FILE checks it anywhere."""

    async def act(desk: Desk) -> None:
        from errands.cli.given import BadInput

        wanted = _wanted(actor, verb, noun, name, project, outcome, since, until)
        count = -2
        async with desk.open() as room:
            lines = room.client.server.export_audit(wanted)
            try:
                with file.open("x", encoding="utf-8", newline="\n") as written:
                    async for line in lines:
                        written.write(f"{line}\n")
                        count += 1
            except OSError as error:
                raise BadInput(f"Cannot write {file}: {(error.strerror or str(error)).lower()}") from None
        desk.screen.document({"file": file, "entries": count})
        desk.screen.say(f"{file}: {count} entries, signed. Check it with: errands audit verify {file}")

    perform(context, act, as_json=as_json)


@audit.command("verify")
def verify(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="An exported log. [default: the server's own]")
    ] = None,
    head: Annotated[
        str | None, typer.Option("--head", metavar="HEAD", help="Head that an earlier check or export told.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help="With FILE: the public key that must have signed it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that the log is as it was written; exits with 1 and names the entry where not.

    An exported FILE is checked without a server, by its signature.
    """

    async def act(desk: Desk) -> ExitCode:
        return _verify_file(desk, file, key) if file is not None else await _verify_log(desk, head)

    perform(context, act, as_json=as_json)


async def _verify_log(desk: Desk, head: str | None) -> ExitCode:
    async with desk.open() as room:
        verdict = await room.client.server.verify_audit(head)
    desk.screen.document(verdict)
    if verdict.intact:
        desk.screen.say(f"The log is intact: {verdict.entries} entries. Its head, to keep elsewhere: {verdict.head}")
        return ExitCode.SUCCEEDED
    where = "" if verdict.first_wrong is None else f" at entry {verdict.first_wrong}"
    desk.screen.say(f"The log was changed{where}: {verdict.reason}. {verdict.entries} entries before it are right.")
    return ExitCode.FAILED


def _verify_file(desk: Desk, file: Path, key: str | None) -> ExitCode:
    from errands.cli.given import BadInput
    from errands.services.audit_file import verify_export

    try:
        with file.open(encoding="utf-8") as lines:
            verdict = verify_export(lines, key=key)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"Cannot read {file}: {error}") from None
    desk.screen.document(verdict)
    if not verdict.intact:
        desk.screen.say(f"{file} is not as it was signed: {verdict.reason}.")
        return ExitCode.FAILED
    desk.screen.say(f"{file} is as it was signed: {verdict.entries} entries, head {verdict.head}, key {verdict.key}")
    if key is None:
        desk.screen.remark("Whose key that is, this file cannot prove: compare it with the server's, or give --key.")
    return ExitCode.SUCCEEDED


def _wanted(
    actor: str | None,
    verb: str | None,
    noun: str | None,
    name: str | None,
    project: str | None,
    outcome: str | None,
    since: datetime | None,
    until: datetime | None,
) -> dict[str, object]:
    """The filter as the API takes it; moments are in the zone of this machine."""
    return {
        "actor": actor,
        "verb": verb,
        "noun": noun,
        "name": name,
        "project": project,
        "outcome": outcome,
        "since": since and since.astimezone(),
        "until": until and until.astimezone(),
    }
