"""Which server a command talks to, and with which token. Without one, it works on the database of this machine.

`--server` wins over ERRANDS_URL, that over the server of the last `errands login`. ERRANDS_TOKEN wins over the token
that is kept for the server; a kept token is only ever sent to the server it was kept for.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from errands.cli.given import BadInput

LOCAL = "local"
"""Stands for no server."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Server:
    """An address and what lets us in."""

    url: str
    token: str | None = field(default=None, repr=False)
    """None: nobody is signed in."""

    @property
    def in_the_clear(self) -> bool:
        """Whether what is sent, the token too, can be read on its way."""
        parts = urlsplit(self.url)
        return parts.scheme == "http" and parts.hostname not in _LOOPBACK


def chosen_server(option: str | None, environment: Mapping[str, str] = os.environ) -> Server | None:
    """The server to talk to; None: none. Raises BadInput."""
    kept = Logins.load()
    named = option or environment.get("ERRANDS_URL") or kept.current
    if named is None or named == LOCAL:
        return None
    url = address(named)
    return Server(url, environment.get("ERRANDS_TOKEN") or kept.tokens.get(url))


def address(text: str) -> str:
    """The address as it is kept: scheme, host and port, without a path of the API's own. Raises BadInput."""
    hint = f"Give one such as https://errands.example.com, or: {LOCAL}"
    try:
        parts = urlsplit(text.strip() if "://" in text else f"https://{text.strip()}")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise BadInput("An address of a server holds no name, password or question", hint=hint)
        port = parts.port
    except ValueError as error:
        raise BadInput(f"{text!r} is no address of a server: {error}", hint=hint) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"{text!r} is no address of a server", hint=hint)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = parts.path.rstrip("/").removesuffix("/api/v1")
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{path}"


@dataclass(frozen=True, slots=True)
class Logins:
    """What `errands login` has kept, in a file that only its owner may read."""

    current: str | None = None
    """Address of the server that commands talk to."""
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By address."""

    @classmethod
    def load(cls) -> "Logins":
        """What is kept; nothing where there is no file. Raises BadInput where it cannot be read."""
        path = logins_file()
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            tokens = {str(url): str(token) for url, token in kept.get("tokens", {}).items()}
            return cls(kept.get("current"), tokens)
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, AttributeError) as error:
            raise BadInput(
                f"{path} cannot be read: {error}", hint="Remove it, and sign in again: errands login"
            ) from None

    def with_login(self, server: Server) -> "Logins":
        """The same with this server as the one to talk to."""
        return Logins(server.url, {**self.tokens, server.url: server.token or ""})

    def without(self, url: str) -> "Logins":
        """The same without this server."""
        left = {other: token for other, token in self.tokens.items() if other != url}
        return Logins(None if self.current == url else self.current, left)

    def save(self) -> Path:
        """Keep it. Raises BadInput where that cannot be."""
        path = logins_file()
        text = json.dumps({"current": self.current, "tokens": dict(self.tokens)}, indent=2)
        beside = path.with_suffix(f".{os.getpid()}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Made with its mode from the beginning: nobody else may open it in between.
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text + "\n")
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise BadInput(f"{path} cannot be written: {error.strerror or error}") from None
        return path


def logins_file() -> Path:
    """Where logins are kept: in the user's folder for configuration."""
    import typer

    return Path(typer.get_app_dir("errands")) / "logins.json"
