"""`:name` in SQL, found as a database would: not in quotes, comments, casts or dollar quotes."""

import re

from errands.tools.refusal import Refusal

_TOKEN = re.compile(
    r"""
      '(?:[^']|'')*'                                   # text
    | "(?:[^"]|"")*"                                   # identifier
    | --[^\n]*                                         # comment to the end of the line
    | /\*.*?\*/                                        # comment
    | \$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$           # dollar quotes of Postgres
    | ::                                               # cast
    | (?<![\w:\[]):(?P<name>[A-Za-z_]\w*)              # parameter; not a bound of a slice, a[i:j]
    """,
    re.DOTALL | re.VERBOSE,
)


def numbered(sql: str) -> tuple[str, list[str]]:
    """The statement with `$1`, `$2`, ... for `:name`, and the names in that order; a repeated name keeps its number."""
    names: list[str] = []

    def replace(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return match[0]
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return _TOKEN.sub(replace, sql), names


def check_names(wanted: list[str], given: list[str]) -> None:
    """Raises Refusal (input) where a `:name` has no value, or a value has no `:name`."""
    missing = [name for name in wanted if name not in given]
    if missing:
        raise Refusal("input", f"the statement uses :{missing[0]}, and params has no {missing[0]!r}")
    unused = [name for name in given if name not in wanted]
    if unused:
        raise Refusal("input", f"params has {unused[0]!r}, and the statement does not use :{unused[0]}")
