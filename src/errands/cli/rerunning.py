"""What a rerun would do, told before it is done."""

from errands.cli.desk import Room
from errands.cli.figures import plural
from errands.cli.given import BadInput, json_values, named_values
from errands.cli.neutral import one_line
from errands.cli.prompts import confirm
from errands.cli.screen import Screen
from errands.core.values import Json
from errands.services.views import RerunView

_SHOWN = 20
_FAILED = "@failed"


def first_step(named: str | None, *, failed: bool) -> str | None:
    """What the API is told of where to begin. Raises BadInput where both were given."""
    if failed and named is not None:
        raise BadInput("--from and --failed exclude each other", hint="Give one of them")
    return _FAILED if failed else named


async def agree(screen: Screen, plan: RerunView, *, yes: bool) -> bool:
    """Show the plan and ask for a yes. Raises BadInput where nobody is there to ask and `yes` was not given."""
    for line in plan_lines(plan):
        screen.remark(line, "")
    if yes:
        return True
    if not screen.asks:
        raise BadInput("A rerun asks before it begins, and nobody is here to answer", hint="Add --yes")
    return await confirm(screen, "Run it?")


async def chosen_version(room: Room, run: str, named: str | None) -> int | None:
    """The version named: a number, `latest`, or `None` for the one that the run had. Raises BadInput."""
    if named is None:
        return None
    if named == "latest":
        view = await room.client.runs.get(run)
        return (await room.client.tasks.get(view.project, view.task)).latest
    if not named.isdecimal():
        raise BadInput(f"{named!r} is no version", hint="Give its number, or: --version latest")
    return int(named)


async def edited(
    room: Room, run: str, version: int | None, params: tuple[str, ...], outputs: tuple[str, ...]
) -> tuple[dict[str, Json], dict[str, Json]]:
    """Arguments in place of the run's, and outputs of earlier steps in place of the recorded. Raises BadInput."""
    written = json_values(outputs, what="the output of", example="""--output 'orders={"rows": []}'""")
    if not params:
        return {}, written
    view = await room.client.runs.get(run)
    definition = await room.client.tasks.definition(view.project, view.task, version or view.version)
    return named_values(params, {param.name: param.schema_ for param in definition.params}), written


def plan_lines(plan: RerunView) -> list[str]:
    """Which records are kept and which outside effects would happen a second time."""
    lines = [f"Rerun of {plan.run}{begun(plan.from_step)} with version {plan.version}."]
    if plan.kept:
        lines.append(f"Kept, not done again: {_listed(plan.kept)}")
    if plan.repeated_effects:
        lines.append(f"Repeated outside, with new effect keys: {_listed(plan.repeated_effects)}")
    else:
        lines.append("Nothing outside is repeated.")
    return lines


def begun(from_step: str | None) -> str:
    """Where a rerun begins, after the words for it."""
    if from_step == _FAILED:
        return " of what failed"
    return f" from {one_line(from_step)}" if from_step else ""


def _listed(paths: tuple[str, ...]) -> str:
    shown = ", ".join(one_line(path) for path in paths[:_SHOWN])
    rest = len(paths) - _SHOWN
    return f"{plural(len(paths), 'step')} ({shown}{f', and {rest} more' if rest > 0 else ''})"
