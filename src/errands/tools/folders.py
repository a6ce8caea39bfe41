"""The one way from a path in a call to a file: the run's workspace, or a folder that the task was granted."""

from collections.abc import Sequence
from pathlib import Path

from errands.core.ports import Effect
from errands.tools.paths import Place, parts_of
from errands.tools.refusal import Refusal

_WRITE = ":write"


def locate(path: str, *, workspace: Path, granted: Sequence[str], write: bool = False) -> Place:
    """Where a path leads. Relative: in the workspace. Absolute: in a granted folder (`/data/in`, `/data/out:write`).

    Raises Refusal (denied) outside of both, for `..`, and for writing to a folder that was granted to read only.
    """
    if not path.startswith("/"):
        return Place(str(workspace), parts_of(path), path)
    wanted = parts_of(path.lstrip("/"))
    covering = [(folder, may_write) for folder, may_write in map(_granted, granted) if _covers(folder, wanted)]
    if not covering:
        raise Refusal(
            "denied",
            f"the task was not granted a folder that holds {path}",
            f"add `{_parent(path)}{_WRITE if write else ''}` to grants.folders, or use a path in the workspace",
        )
    # A narrower grant decides over a wider one.
    folder, may_write = max(covering, key=lambda each: (len(each[0]), each[1]))
    if write and not may_write:
        shown = "/" + "/".join(folder)
        raise Refusal(
            "denied", f"the folder {shown} was granted to read only", f"grant `{shown}{_WRITE}` to write there"
        )
    return Place("/" + "/".join(folder), wanted[len(folder) :], path)


def write_effect(*paths: object) -> Effect:
    """What writing to these paths does: a granted folder is outside the run, its workspace is not."""
    return Effect.CHANGES if any(_outside(path) for path in paths) else Effect.NONE


def read_effect(*paths: object) -> Effect:
    """What reading these paths does: nothing in the workspace, a read in a granted folder."""
    return Effect.READS if any(_outside(path) for path in paths) else Effect.NONE


def _outside(path: object) -> bool:
    return isinstance(path, str) and path.startswith("/")


def _granted(grant: str) -> tuple[tuple[str, ...], bool]:
    folder = grant.removesuffix(_WRITE)
    return parts_of(folder.lstrip("/")), grant.endswith(_WRITE)


def _covers(folder: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return wanted[: len(folder)] == folder


def _parent(path: str) -> str:
    return str(Path(path).parent)
