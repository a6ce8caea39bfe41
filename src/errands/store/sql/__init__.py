"""Hot-path SQL, a file per verb. Each names the index it needs."""

from functools import cache
from importlib.resources import files


@cache
def statement(verb: str) -> str:
    """The text of `verb.sql`, read once."""
    return files(__package__).joinpath(f"{verb}.sql").read_text()
