"""Compares what a page shows of a terminal with what a terminal showed.

Words must be the same. What is another on each machine and each day (ids, times, counts of tokens, a model's own words)
may differ, but ids that are the same on the page must be the same in the terminal.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

ELIDED = "..."
"""A line on the page that stands for any number of lines."""
_ID = re.compile(r"\b(?:run|apr|art)_[0-9a-f]{32}\b|\b[0-9a-f]{64}\b")
_VARYING = (
    (re.compile(r"\b\d{4}-\d{2}-\d{2}\b"), "<date>"),
    (re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b"), "<day>"),
    (re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?\b"), "<clock>"),
    (re.compile(r"\b(?:queued|running|waiting) \d[\w.]*"), ""),  # Left out where it is nothing.
    (re.compile(r"\b\d+(?:\.\d+)?(?:ms|s|m|h|d)(?:\d+[smh])?\b"), "<span>"),
    (re.compile(r"\b[\d.]+k? (tok|tokens)\b"), r"<count> \1"),
    (re.compile(r"\buser:[\w.-]+"), "user:<name>"),
    (re.compile(r"\b(?:CES?T|UTC)\b"), "<zone>"),
    (re.compile(r"\S*/\.errands/"), "<home>/"),
    (re.compile(r"\b\d+ B\b"), "<size>"),
    (re.compile(r"\b[0-9a-f]{8}\b"), "<short id>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:<port>"),
    (re.compile(r"link=[\w.-]+"), "link=<link>"),
    (re.compile(r"\s+"), " "),
)


@dataclass
class Shown:
    """What the page has shown so far: its ids, and those that they stand for."""

    words: Sequence[str] = ()
    """What the model says on the page."""
    ids: dict[str, str] = field(default_factory=dict)

    def real(self, command: str) -> str:
        """A command of the page with the ids of this machine."""
        return _ID.sub(lambda found: self.ids.get(found[0], found[0]), command)

    def difference(self, page: Sequence[str], terminal: Sequence[str]) -> str | None:
        """Where the terminal differs from the page first; None: nowhere."""
        left = [line for line in terminal if line.strip()]
        elided = False
        for shown in (line for line in page if line.strip()):
            if shown.strip() == ELIDED:
                elided = True
                continue
            while left and elided and not self.same(shown, left[0]):
                left.pop(0)
            if not left or not self.same(shown, left[0]):
                return f"the page shows\n  {shown}\nand the terminal\n  {left[0] if left else '(nothing more)'}"
            left.pop(0)
            elided = False
        return f"the page does not show\n  {left[0]}" if left and not elided else None

    def same(self, page: str, terminal: str) -> bool:
        """Whether one line fits. Learns which id of the page stands for which of the terminal."""
        pattern = re.escape(_plain(page))
        for words in self.words:
            pattern = pattern.replace(re.escape(_plain(words)), ".+")
            pattern = next((cut for cut in _cut_words(pattern, _plain(words)) if cut != pattern), pattern)
        if not re.fullmatch(pattern, _plain(terminal)):
            return False
        pairs = list(zip(_ID.findall(page), _ID.findall(terminal), strict=False))
        if any(self.ids.get(shown, real) != real for shown, real in pairs):
            return False
        self.ids.update(pairs)
        return True


def _cut_words(pattern: str, words: str) -> Iterator[str]:
    """The pattern with words that a table had no room for, as far as they stand there."""
    for end in range(len(words), 0, -1):
        yield pattern.replace(re.escape(f" {words[:end].strip()} …"), " .*")
        yield pattern.replace(re.escape(f" {words[:end]}…"), " .*")


def _plain(line: str) -> str:
    line = _ID.sub("<id>", line)
    for varying, mark in _VARYING:
        line = varying.sub(mark, line)
    return line.strip()
