"""The command line `errands`: names, help and order of its commands. What they do is in `commands/`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from errands.cli.commands import (
    access,
    agents,
    alarms,
    audit,
    calendars,
    checking,
    gate,
    grants,
    groups,
    lifecycle,
    models,
    people,
    porting,
    running,
    runs,
    safekeeping,
    schedule,
    secrets,
    servers,
    serving,
    signing,
    starting,
    talking,
    tasks,
    templates,
    triggers,
    upkeep,
)
from errands.cli.desk import Invocation
from errands.cli.wiring import Wiring

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter

_HELP = """Tasks that run unattended, survive crashes and leave a record of every step.

Begin with: errands init"""

_EPILOG = (
    "Exit codes: 0 succeeded, 1 failed, 2 wrong input, 3 cancelled, 4 timed out, 5 waiting and not followed, "
    "6 skipped, 130 interrupted. Settings: ERRANDS_HOME, ERRANDS_DATABASE_URL and others; NO_COLOR is honoured."
)
_MARGIN, _NARROWEST = 4, 30
"""Columns around the names in the list of commands, and the least that is left for what they do."""

_COMMANDS: tuple[tuple[str, tuple[tuple[str, Callable[..., None]], ...]], ...] = (
    (
        "Write",
        (
            ("init", starting.init),
            ("validate", checking.validate),
            ("test", checking.test),
            ("backtest", checking.backtest),
            ("schema", checking.schema),
        ),
    ),
    (
        "Keep",
        (
            ("apply", tasks.apply),
            ("tasks", tasks.tasks),
            ("versions", tasks.versions),
            ("diff", lifecycle.diff),
            ("publish", tasks.publish),
            ("pause", tasks.pause),
            ("resume", tasks.resume),
            ("archive", lifecycle.archive),
            ("unarchive", lifecycle.unarchive),
            ("delete", lifecycle.delete),
            ("export", tasks.export),
            ("tools", servers.tools),
        ),
    ),
    (
        "Run",
        (
            ("run", running.run),
            ("runs", runs.runs),
            ("show", runs.show),
            ("logs", runs.logs),
            ("cancel", runs.cancel),
            ("delete-run", lifecycle.delete_run),
            ("rerun", running.rerun),
            ("approve", people.approve),
            ("chat", talking.chat),
            ("simulate", schedule.simulate),
        ),
    ),
    (
        "Look after",
        (
            ("login", signing.login),
            ("logout", signing.logout),
            ("whoami", signing.whoami),
            ("start", serving.start),
            ("serve", serving.serve),
            ("worker", upkeep.worker),
            ("backup", safekeeping.backup),
            ("restore", safekeeping.restore),
            ("doctor", upkeep.doctor),
            ("version", upkeep.version),
        ),
    ),
)
_GROUPS = (
    ("event", people.event, "Run"),
    ("people", access.people, "Look after"),
    ("members", access.members, "Look after"),
    ("groups", groups.groups, "Look after"),
    ("tokens", access.tokens, "Look after"),
    ("schedule", schedule.schedule, "Run"),
    ("triggers", triggers.triggers, "Run"),
    ("backfill", schedule.backfill, "Run"),
    ("calendars", calendars.calendars, "Run"),
    ("secrets", secrets.secrets, "Keep"),
    ("grants", grants.grants, "Keep"),
    ("gate", gate.gate, "Keep"),
    ("project", porting.project, "Keep"),
    ("templates", templates.templates, "Write"),
    ("alarms", alarms.alarms, "Look after"),
    ("channels", alarms.channels, "Look after"),
    ("agents", agents.agents, "Keep"),
    ("servers", servers.servers, "Keep"),
    ("models", models.models, "Look after"),
    ("audit", audit.audit, "Look after"),
)


def _tell_version(asked: bool) -> None:
    """Print the version and end: what every other program calls it."""
    if asked:
        from importlib.metadata import version

        typer.echo(f"errands {version('errands')}")
        raise typer.Exit


class Chapters(TyperGroup):
    """Lists the commands by what a person comes to do."""

    def invoke(self, ctx: "Context") -> object:
        """Do the command. What was given wrong is told in words for people, without the name of an error class."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as refused:
            refused.message = refused.message.replace("Value error, ", "")
            raise

    def format_commands(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        width = max(len(name) for name in self.commands)
        chapters = {name: str(getattr(one, "rich_help_panel", "")) for name, one in self.commands.items()}
        for chapter in dict.fromkeys(chapters.values()):
            listed = [(name, one) for name, one in self.commands.items() if chapters[name] == chapter]
            room = max(formatter.width - width - _MARGIN, _NARROWEST)
            with formatter.section(chapter):
                formatter.write_dl([(f"{name:<{width}}", one.get_short_help_str(room)) for name, one in listed])


def make_app(wiring: Wiring) -> typer.Typer:
    """The application, wired to its services."""
    app = typer.Typer(
        name="errands",
        cls=Chapters,
        help=_HELP,
        epilog=_EPILOG,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )

    @app.callback()
    def errands(
        context: typer.Context,
        server: Annotated[
            str | None,
            typer.Option("--server", metavar="URL", help="Server to talk to; local: none. [default: the last login]"),
        ] = None,
        debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
        version: Annotated[
            bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Print the version.")
        ] = False,
    ) -> None:
        context.obj = Invocation(wiring, debug, server)

    for chapter, commands in _COMMANDS:
        for name, command in commands:
            app.command(name, rich_help_panel=chapter)(command)
    for name, group, chapter in _GROUPS:
        app.add_typer(group, name=name, rich_help_panel=chapter)
    return app
