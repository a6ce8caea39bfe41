"""A shell in a terminal, and what a person sees there."""

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_COLUMNS, _ROWS = 118, 60
_PROMPT = "\x1b]133;A\x07"
"""Sent before each prompt, as terminals are told where one begins; it takes no room."""
_CONTROL = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|\x1b\][^\x07]*\x07|\x1b[=>]")
_BEGUN = re.compile(r"\x1b(\[[?0-9;]*|\][^\x07]*)?$")
_PATIENCE_SECONDS = 60.0


class Screen:
    """Text as a terminal shows it: what is drawn over is gone. Lines are as long as they are."""

    def __init__(self) -> None:
        self.lines = [""]
        self._row = 0
        self._column = 0

    def take(self, text: str) -> None:
        place = 0
        for control in _CONTROL.finditer(text):
            self._write(text[place : control.start()])
            self._obey(control[1] or "", control[2] or "")
            place = control.end()
        self._write(text[place:])

    def _write(self, text: str) -> None:
        for sign in text:
            match sign:
                case "\n":
                    self._row += 1
                    self.lines += [""] * (self._row + 1 - len(self.lines))
                case "\r":
                    self._column = 0
                case "\b":
                    self._column = max(self._column - 1, 0)
                case "\x07":
                    pass
                case _:
                    line = self.lines[self._row].ljust(self._column)
                    self.lines[self._row] = line[: self._column] + sign + line[self._column + 1 :]
                    self._column += 1

    def _obey(self, given: str, act: str) -> None:
        count = int(given) if given.isdigit() else None
        match act:
            case "A":
                self._row = max(self._row - (count or 1), 0)
            case "K":
                self.lines[self._row] = "" if count == 2 else self.lines[self._row][: self._column]
            case "m" | "h" | "l" | "":
                pass
            case _:
                raise AssertionError(f"this terminal does not know the control {given}{act}")


class Terminal:
    """`bash` in a terminal of its own: commands are typed into it, and its screen is read as a person would."""

    def __init__(self, line: int) -> None:
        self._line = line
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._unread = ""
        self._screen = Screen()
        self._at_prompt = False
        self._wait(lambda: self._at_prompt, "no prompt came")

    def run(self, command: str) -> None:
        """Type a command at the prompt."""
        assert self._at_prompt
        self._screen, self._at_prompt = Screen(), False
        self.type(f"{command}\n")

    def type(self, text: str) -> None:
        os.write(self._line, text.encode())

    @property
    def lines(self) -> list[str]:
        """What stands below the command, as far as it has been read."""
        return self._screen.lines[1:]

    def wait_for(self, wanted: Callable[[list[str]], bool], what: str) -> None:
        """Read on until the lines are as wanted. Fails where the command ends before."""
        self._wait(lambda: wanted(self.lines) or self._at_prompt, f"{what} never came")
        assert wanted(self.lines), "\n".join([f"{what} never came; there was:", *self.lines])

    def end(self) -> list[str]:
        """Read to the next prompt; gives what stands below the command."""
        self._wait(lambda: self._at_prompt, "the command did not end")
        return self.lines[:-1]

    def _wait(self, arrived: Callable[[], bool], failure: str) -> None:
        until = time.monotonic() + _PATIENCE_SECONDS
        while not arrived():
            left = until - time.monotonic()
            if left <= 0 or not self._read(left):
                raise AssertionError("\n".join([f"{failure}; there was:", *self.lines]))

    def _read(self, seconds: float) -> bool:
        """Take what has come; whether the terminal is still there."""
        if not select.select([self._line], [], [], seconds)[0]:
            return True
        try:
            came = os.read(self._line, 65_536)
        except OSError:  # The shell has gone.
            return False
        text = self._unread + self._decoder.decode(came)
        begun = _BEGUN.search(text)
        self._unread = begun[0] if begun else ""
        text = text.removesuffix(self._unread) if self._unread else text
        self._at_prompt = self._at_prompt or _PROMPT in text
        self._screen.take(text)
        return bool(came)


@contextmanager
def terminal(folder: Path, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """A terminal in a folder. When it is left, everything that was started in it is killed."""
    line, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    process = subprocess.Popen(
        ["setsid", "--ctty", "bash", "--noprofile", "--norc", "-i"],
        cwd=folder,
        env={**environment, "TERM": "xterm", "NO_COLOR": "1", "PS1": r"\[\e]133;A\a\]$ ", "INPUTRC": "/dev/null"},
        stdin=inner,
        stdout=inner,
        stderr=inner,
    )
    os.close(inner)
    try:
        yield Terminal(line)
    finally:
        _hang_up(process)
        os.close(line)


def _hang_up(process: "subprocess.Popen[bytes]") -> None:
    """End the shell's whole session, jobs that have process groups of their own included."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            session = int((entry / "stat").read_text().rpartition(")")[2].split()[3])
        except OSError:
            continue
        if session == process.pid:
            try:
                os.kill(int(entry.name), signal.SIGKILL)
            except ProcessLookupError:
                continue
    process.wait()
