"""The options and arguments that several commands share, so that each is named and explained once."""

from pathlib import Path
from typing import Annotated

import typer

Project = Annotated[
    str | None,
    typer.Option("--project", "-P", metavar="NAME", help="Project to work on. [default: the setting default_project]"),
]
Shared = Annotated[
    bool, typer.Option("--server", help="The whole server's, for administrators, instead of the project's.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document (JSON lines where the command follows).")]
AsPerson = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Act as this person. [default: you]")]
TaskName = Annotated[str, typer.Argument(metavar="TASK", help="Name of a task.", show_default=False)]
RunId = Annotated[
    str, typer.Argument(metavar="RUN", help="Id of a run, or enough of its digits; 'last' is the newest.")
]
Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Task, agent or model files, or folders.", show_default=False)
]
