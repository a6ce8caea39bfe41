"""Shell as the docs show it, taken apart into simple commands. Nothing is executed."""

import re
import shlex
from collections.abc import Iterator

_HEREDOC = re.compile(r"<<-?\s*'?(\w+)'?[^\n]*\n.*?^\s*\1[ ]*$", re.MULTILINE | re.DOTALL)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_BEFORE_COMMANDS = {"then", "else", "do", "if", "elif", "while", "until", "!", "{", "time"}
_ALONE = {"fi", "done", "}", "esac"}
_COMMENT = re.compile(r"(?:^|\s\s)#\s.*$", re.MULTILINE)
_DESCRIPTOR = re.compile(r"(?<=\s)\d(?=[<>])")
_FUNCTION = re.compile(r"^(\w+)\(\) *\{", re.MULTILINE)
_PROMPT = re.compile(r"^\$ ((?:.*\\\n)*.*)$", re.MULTILINE)


def typed(console: str) -> str:
    """What was typed in a record of a console: the lines after `$ `, and those that go on after a backslash."""
    return "\n".join(match[1] for match in _PROMPT.finditer(console))


def functions(script: str) -> set[str]:
    """Names of the functions that a script defines."""
    return set(_FUNCTION.findall(script))


def commands(script: str) -> Iterator[list[str]]:
    """The words of each simple command, those inside `$(...)` too; without assignments and redirections before it."""
    script = _HEREDOC.sub("< HERE", script).replace("\\\n", " ")
    script, inner = _substitutions(script)
    for one in inner:
        yield from commands(one)
    script = _DESCRIPTOR.sub("", _COMMENT.sub("", script))
    splitter = shlex.shlex(script, posix=True, punctuation_chars="();<>|&\n")
    splitter.whitespace = " \t"
    splitter.whitespace_split = True
    splitter.commenters = ""
    yield from _simple(list(splitter))


def _substitutions(script: str) -> tuple[str, list[str]]:
    """The script with a word in place of each `$(...)`, and what stood in them."""
    inner: list[str] = []
    while (start := script.find("$(")) >= 0:
        depth, end = 1, start + 2
        while depth and end < len(script):
            depth += {"(": 1, ")": -1}.get(script[end], 0)
            end += 1
        inner.append(script[start + 2 : end - 1])
        script = f"{script[:start]}OUTPUT{script[end:]}"
    return script, inner


def _simple(tokens: list[str]) -> Iterator[list[str]]:
    words: list[str] = []
    skip = False
    for token in [*tokens, "\n"]:
        if skip:
            skip = False
        elif set(token) <= set("<>") or token in (">&", "<&", "&>"):
            skip = True
        elif set(token) <= set("();|&\n"):
            if words := _command(words):
                yield words
            words = []
        else:
            words.append(token)


def _command(words: list[str]) -> list[str]:
    while words and (words[0] in _BEFORE_COMMANDS or _ASSIGNMENT.match(words[0])):
        words = words[1:]
    if words and words[0] == "sudo":
        rest = words[1:]
        while rest and (rest[0].startswith("-") or _ASSIGNMENT.match(rest[0])):
            rest = rest[2:] if rest[0] == "-u" else rest[1:]
        return rest
    return [] if not words or words[0] in _ALONE else words
