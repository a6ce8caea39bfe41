"""Public ids: a readable prefix and a UUIDv7, such as `run_0192f3c4a1b27c3e8d5f6a7b8c9d0e1f`."""

from uuid import UUID

PREFIXES = {
    "run": "run",
    "task": "task",
    "version": "ver",
    "approval": "apr",
    "artifact": "art",
    "project": "prj",
    "person": "usr",
    "session": "ses",
    "token": "tok",
    "trigger": "trg",
    "backfill": "bkf",
    "thread": "thr",
    "message": "msg",
    "card": "crd",
    "attachment": "att",
    "alarm": "alm",
    "notice": "ntc",
}


def encode(noun: str, value: UUID) -> str:
    """The public id of a row. `noun` is a key of `PREFIXES`."""
    return f"{PREFIXES[noun]}_{value.hex}"


def decode(noun: str, text: str) -> UUID:
    """The row's UUID. Raises ValueError that shows what an id of this noun looks like."""
    prefix, _, digits = text.partition("_")
    if prefix == PREFIXES[noun] and len(digits) == 32:
        try:
            return UUID(hex=digits)
        except ValueError:
            pass
    an = "an" if noun[0] in "aeiou" else "a"
    raise ValueError(f"{text!r} is not the id of {an} {noun}; one looks like {PREFIXES[noun]}_ and 32 hex digits")
