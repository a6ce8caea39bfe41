"""The one exception of the parts that child processes import, too; the catalog turns it into a `StepFailed`."""

import errno


class Refusal(Exception):
    """Something cannot or may not be done.

    `kind` is a value of `core.outcomes.ErrorKind`, kept as text so that a child process need not import `core`.
    """

    def __init__(self, kind: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint


def refusal_of(error: OSError, what: str) -> Refusal:
    """What an operating system error means for the step. `what` names the file or the action."""
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return Refusal("not_found", f"{what} does not exist", "files.list shows what there is")
        case errno.ELOOP:
            return Refusal("denied", f"{what} is or leads through a symbolic link", "name the real file")
        case errno.EISDIR:
            return Refusal("input", f"{what} is a folder, not a file")
        case errno.EEXIST | errno.ENOTEMPTY:
            return Refusal("input", f"{what} exists already", "choose another name or delete it first")
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return Refusal("denied", f"{what}: the operating system refused access", "check the folder's permissions")
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return Refusal(
                "storage", f"{what}: the disk is full", "free some space, then rerun the task from this step"
            )
        case errno.ENAMETOOLONG:
            return Refusal("input", f"{what}: the name is too long")
        case errno.ENXIO:
            return Refusal("denied", f"{what} is not a regular file")
        case _:
            return Refusal("storage", f"{what}: {error.strerror or error}")
