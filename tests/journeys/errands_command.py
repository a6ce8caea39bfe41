"""The real `errands`, on a database of the test's own."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
import structlog

from errands import bootstrap

EXECUTABLE = Path(sys.executable).with_name("errands")


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Errands:
    """A home folder, a database, and the command that works on them."""

    folder: Path
    environment: Mapping[str, str]

    def __call__(self, *arguments: str, typed: str = "") -> Ended:
        """Run a command to its end, in this process: everything but the start of the interpreter is the real thing."""
        out, err = _stream(), _stream()
        code: str | int | None = 0
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("ERRANDS_")]:
                patch.delenv(name)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["errands", *arguments])
            patch.setattr(sys, "stdin", io.StringIO(typed))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            try:
                bootstrap.main()
            except SystemExit as end:
                code = end.code
        structlog.reset_defaults()
        return Ended(int(code or 0), _text(out), _text(err))

    @contextmanager
    def started(self, *arguments: str) -> Iterator["Started"]:
        """A command that goes on while the test looks; killed if the test leaves it running."""
        process = subprocess.Popen(
            [EXECUTABLE, *arguments],
            cwd=self.folder,
            env={**_plain_environment(), **self.environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield Started(process)
        finally:
            process.kill()
            process.wait()

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


@dataclass(frozen=True)
class Started:
    """A command under way."""

    process: "subprocess.Popen[str]"

    def line_with(self, text: str) -> str:
        """Read on until a line holds the text. Fails at the end of output."""
        stream: IO[str] | None = self.process.stdout
        assert stream is not None
        seen = []
        for line in stream:
            seen.append(line)
            if text in line:
                return line
        raise AssertionError(f"{text!r} never came; it said:\n{''.join(seen)}")

    def lines_with(self, *texts: str) -> None:
        """Read on until each of the texts was in a line, in whatever order. Fails at the end of output."""
        left = set(texts)
        while left:
            line = self.line_with("")
            left -= {text for text in left if text in line}

    def rest(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.read()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def code(self) -> int:
        return self.process.wait(timeout=30)


_PLAIN = {"NO_COLOR": "1", "COLUMNS": "160"}


def client_of(folder: Path, url: str, token: str, project: str) -> Errands:
    """The command as a client: it knows a server, a token and a project, and nothing of any database."""
    server = {"ERRANDS_URL": url, "ERRANDS_TOKEN": token, "ERRANDS_DEFAULT_PROJECT": project}
    home = {"ERRANDS_HOME": str(folder / "home"), "XDG_CONFIG_HOME": str(folder / "config")}
    return Errands(folder, {**server, **home, **_PLAIN})


def made(folder: Path, database_url: str) -> Errands:
    """A fresh home on this database, without colour, without anything from the caller's own settings."""
    home = {"ERRANDS_URL": "local", "ERRANDS_HOME": str(folder / "home"), "ERRANDS_DATABASE_URL": database_url}
    return Errands(folder, {**home, "XDG_CONFIG_HOME": str(folder / "config"), **_PLAIN})


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ERRANDS_")}


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
