"""Commands that find out whether task files are right, without running anything for real."""

from typing import Annotated, Literal

import typer

from errands.cli.desk import Desk, perform
from errands.cli.exits import ExitCode
from errands.cli.options import AsJson, Files, Project


def validate(context: typer.Context, files: Files, as_json: AsJson = False) -> None:
    """Show every problem of task, agent and model files. Needs no database; exits with 1 if there is an error."""

    async def act(desk: Desk) -> ExitCode:
        from errands.cli.diagnostics import problem_lines, summary
        from errands.cli.source_files import read_sources

        sources = read_sources(files)
        found = await desk.wiring.check(sources)
        problems = [problem for several in found.values() for problem in several]
        desk.screen.document([{"file": file.name, "problems": found.get(file.name, ())} for file in sources])
        for file in sources:
            for problem in found.get(file.name, ()):
                desk.screen.show(*problem_lines(file.name, file.source, problem, width=desk.screen.out.width))
        desk.screen.say(summary(problems, len(sources)))
        return ExitCode.FAILED if any(problem.severity == "error" for problem in problems) else ExitCode.SUCCEEDED

    perform(context, act, as_json=as_json)


def schema(
    context: typer.Context,
    kind: Annotated[
        Literal["task", "agent", "model"], typer.Option("--kind", "-k", help="task is the whole format.")
    ] = "task",
) -> None:
    """Print the JSON Schema of task files, for editors."""

    async def act(desk: Desk) -> None:
        from errands.cli.schemas import schema_of
        from errands.cli.screen import json_text

        desk.screen.out.file.write(json_text(schema_of(kind), indent=2) + "\n")

    perform(context, act)


def test(
    context: typer.Context,
    task: Annotated[str, typer.Argument(metavar="TASK|FILE", help="Name of a task, or its file.")],
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Run the tests that a task's file holds. They are dry runs with stubs; exits with 1 if one fails."""

    async def act(desk: Desk) -> ExitCode:
        from errands.cli.source_files import task_or_file
        from errands.cli.test_results import result_lines

        subject = task_or_file(task)
        async with desk.open(project) as room:
            results = await room.client.tasks.test(room.project, subject)
        desk.screen.document(results)
        desk.screen.show(*result_lines(results, task, unicode=desk.screen.unicode))
        return ExitCode.SUCCEEDED if all(result.passed for result in results) else ExitCode.FAILED

    perform(context, act, as_json=as_json)


def backtest(
    context: typer.Context,
    task: Annotated[str, typer.Argument(metavar="TASK|FILE", help="Name of a task, or its file.")],
    *,
    version: Annotated[int | None, typer.Option("--version", "-v", help="[default: the newest]", min=1)] = None,
    runs: Annotated[int, typer.Option("--runs", "-n", help="How many of the last runs.", min=1, max=200)] = 20,
    live_models: Annotated[
        bool, typer.Option("--live-models", help="Ask real models for what the record cannot answer. Costs money.")
    ] = False,
    max_usd: Annotated[
        float, typer.Option("--max-usd", help="With --live-models: what all requests together may cost.", min=0)
    ] = 0.5,
    max_requests: Annotated[
        int, typer.Option("--max-requests", help="With --live-models: how many requests in all.", min=1)
    ] = 100,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Walk the last runs again with a draft, to see what differs.

    The draft is a file or a version. Exits with 1 unless every run comes out the same. Calls of tools and agents are
    answered from the record of each run, so nothing is asked of the world. What the record cannot answer, because it
    is new or has changed, is listed, and what follows from it is unknown; or, for agents, asked of their real models
    with --live-models, whose tool calls are answered from the record.
    """

    async def act(desk: Desk) -> ExitCode:
        from errands.cli.backtests import backtest_lines
        from errands.cli.source_files import task_or_file

        subject = task_or_file(task)
        async with desk.open(project) as room:
            live = {"usd": max_usd, "requests": max_requests} if live_models else None
            found = await room.client.tasks.backtest(room.project, subject, version=version, runs=runs, live=live)
        desk.screen.document(found)
        desk.screen.show(*backtest_lines(found, unicode=desk.screen.unicode))
        return ExitCode.SUCCEEDED if found.clean else ExitCode.FAILED

    perform(context, act, as_json=as_json)
