"""How a service refuses: a closed set, told apart by who must act. Faces translate them and add nothing."""

from collections.abc import Mapping, Sequence

from errands.core.problems import Problem


class ServiceError(Exception):
    """Base of all refusals. `message` says what happened with the offending value, `hint` the next move."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class NotFound(ServiceError):
    """The caller named something that is not there."""

    def __init__(self, noun: str, name: str, suggestions: Sequence[str] = (), hint: str | None = None) -> None:
        if hint is None and suggestions:
            hint = f"Did you mean {' or '.join(suggestions)}?"
        super().__init__(f"There is no {noun} {name!r}.", hint)
        self.noun = noun
        self.name = name
        self.suggestions = tuple(suggestions)


class Conflict(ServiceError):
    """What is there does not allow it now; the caller looks again and decides."""


class ChangedMeanwhile(Conflict):
    """What the caller has edited is not what is there any more; the caller reads it again."""


class GateClosed(Conflict):
    """A version is not published, for what it would have made of past runs. Carries each of them, and why."""

    def __init__(self, message: str, hint: str, runs: Sequence[tuple[str, str]]) -> None:
        super().__init__(message, hint)
        self.runs = tuple(runs)


class Invalid(ServiceError):
    """The caller's input is wrong; nothing was changed. Wrong arguments raise `core.params.ArgumentsInvalid`."""

    def __init__(self, message: str, hint: str | None = None, *, field: str | None = None) -> None:
        """`field`: path of the one value that is wrong, such as `connection.url`."""
        super().__init__(message, hint)
        self.field = field


class FilesInvalid(Invalid):
    """Files were refused as a whole. Carries every problem, by file; files without a finding are absent."""

    def __init__(self, problems: Mapping[str, Sequence[Problem]]) -> None:
        count = sum(problem.severity == "error" for found in problems.values() for problem in found)
        super().__init__(
            f"{count} problem{'s' if count != 1 else ''} in {len(problems)} file{'s' if len(problems) != 1 else ''}; "
            "nothing was changed."
        )
        self.problems = {name: tuple(found) for name, found in problems.items()}


class PayloadInvalid(Invalid):
    """What was delivered to a trigger does not fit its schema. Carries every problem: path, message, hint."""

    def __init__(self, problems: Sequence[tuple[str, str, str | None]]) -> None:
        super().__init__(f"The payload does not fit the trigger's schema: {problems[0][1]}. Nothing was started.")
        self.problems = tuple(problems)


class TooLarge(ServiceError):
    """What the caller sends is larger than is taken here; nothing was changed."""


class Denied(ServiceError):
    """The caller has no right to it; an owner of the project can give it."""


class Unauthenticated(ServiceError):
    """Nobody is signed in, or what was shown lets nobody in; the caller signs in."""


class NotAccepted(ServiceError):
    """A delivery comes from nobody who is known here. It does not say whether the address or the proof is wrong."""

    def __init__(self) -> None:
        super().__init__(
            "The delivery is not accepted: its address or its signature is not one that is known here.",
            "Compare the address, the secret and the signature's style with those of the trigger; its deliveries say "
            "what was wrong.",
        )


class MailRefused(ServiceError):
    """A mail is not taken, by a rule of its trigger; whoever brings it tells the sender."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The mail is not taken: {reason}.")


class TooMany(ServiceError):
    """The caller tries too often, and waits."""

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        minutes = -(-retry_after_seconds // 60)
        super().__init__(message, f"Try again in {minutes} minute{'s' if minutes != 1 else ''}.")
        self.retry_after_seconds = retry_after_seconds


class Unavailable(ServiceError):
    """Errands cannot work now: the database, a folder, a key. The operator acts."""
