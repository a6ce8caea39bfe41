"""Everything that can be set, from environment variables `ERRANDS_...` or a file `errands.env` in the home folder."""

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from errands.core.definition.units import Duration, Size

PREFIX = "ERRANDS_"
KIB, MIB = 2**10, 2**20
_ASSIGNED = re.compile(r"^\s*(?:export\s+)?(\w+)\s*=", re.MULTILINE)
_OF_CLIENTS = ("URL", "TOKEN")
"""Which server a command talks to; no setting of a process."""

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[Duration, Field(gt=timedelta(0))]


class SettingsInvalid(Exception):
    """Settings were refused. Each problem names its variable, the value (unless secret) and what is wanted."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SettingDoc:
    """A setting as the reference describes it."""

    variable: str
    kind: str
    default: str
    description: str


class Settings(BaseSettings):
    """The settings of one process. Durations are written like `90s` or `1h30m`, sizes like `512MiB`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    home: Path = Field(default_factory=lambda: Path("~/.errands"), validate_default=True)
    """Folder of the embedded database, artifacts, the key file and downloaded models. Made on first use."""

    database_url: SecretStr | None = None
    """URL of a PostgreSQL server (15 or newer): `postgresql://USER:PASSWORD@HOST:5432/DATABASE`.
    None: the embedded PostgreSQL, with its data in the home folder."""
    database_pool: Annotated[int, Field(ge=7, le=1000)] = 20
    """Database connections that one process may hold for running tasks, five of which it keeps to listen and to take
    jobs; up to 10 more serve everything else."""
    embedded_keep_running: bool = False
    """Leave the embedded PostgreSQL running when the last process that uses it ends. Saves about 0.2 s at the next
    start; without it nothing stays behind."""

    host: str = "127.0.0.1"
    """Address that the API listens on. `0.0.0.0`: all of this machine's; put TLS in front of it then."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8420
    """Port that the API listens on. 0: any that is free."""

    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ("127.0.0.1", "::1")
    """Reverse proxies that are believed when they say who asks and whether by TLS (`X-Forwarded-For`,
    `X-Forwarded-Proto`): addresses or networks, separated by commas, such as `10.0.0.0/24`."""
    public_url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")] | None = None
    """Where others reach this server, such as `https://errands.example.com`; the addresses of webhooks and
    links in messages begin with it.
    None: `host` and `port`."""
    smtp_url: SecretStr | None = None
    """Mail account of the server: `smtp://USER:PASSWORD@HOST:587?from=errands@example.com`, or `smtps://`. Questions
    and reminders go out by it, and alarms to channels that mail. None: no mail is sent."""

    mail_port: Annotated[int, Field(ge=0, le=65_535)] | None = None
    """Port on which a server takes mail (SMTP) for triggers. None: it takes none. 0: any that is free."""
    mail_host: str = "127.0.0.1"
    """Address that it takes mail on. Put a mail server of yours before it, which checks where mail comes from."""
    mail_domain: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")] = "localhost"
    """Domain of the triggers' mail addresses."""
    mail_max_size: Annotated[Size, Field(ge=KIB)] = 25 * MIB
    """Size of one mail; a larger one is refused while it comes."""
    mail_relays: Annotated[tuple[str, ...], NoDecode] = ()
    """Mail servers that are believed when they say (`Authentication-Results`) that SPF or DKIM holds, separated by
    commas: `ADDRESS=NAME`, such as `10.0.0.5=mx.example.com`, an address or network and the name under which the server
    writes. Empty: none."""

    max_upload: Annotated[Size, Field(ge=KIB)] = 100 * MIB
    """Size of a request that brings files for a run."""

    artifacts_url: str | None = None
    """Where large outputs and files are kept: a folder or any URL that fsspec knows, such as `s3://bucket/errands`.
    None: the folder `artifacts` in the home folder."""

    workspaces: Path | None = None
    """Folder of the runs' workspaces. With workers on several machines: one that they share, so that a run which goes
    on at another one finds its files. None: the folder `workspaces` in the home folder."""

    secret_key: SecretStr | None = None
    """Key that encrypts stored secrets: 32 bytes in base64. Several, separated by commas, during a rotation: the
    first encrypts, all decrypt. None: the key file."""
    secret_key_file: Path | None = None
    """File with that key, made with mode 0600 when first needed. None: `secret.key` in the home folder."""

    default_project: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")] = "default"
    """Project that commands work on when they name none. Made on first use."""
    default_model: str = "embedded"
    """Model of agents that name none: `embedded`, or the name of a model of the project."""
    embedded_model: str | None = None
    """Path or URL of the GGUF file of the embedded model. None: SmolLM2-135M-Instruct, fetched on first use."""
    openai_base_url: str | None = None
    """Address of an OpenAI-compatible server for models with the provider `openai` that name none.
    None: the provider's own."""

    timezone: str = "UTC"
    """Zone of schedules that name none: an IANA name such as `Europe/Berlin`."""

    concurrency: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Runs that one worker advances at the same time. A waiting run takes none of them."""
    heartbeat: Annotated[Duration, Field(ge=timedelta(seconds=1))] = timedelta(seconds=30)
    """A worker that has not been heard of for this long is taken for dead, and others take over its runs."""
    shutdown_grace: Annotated[Duration, Field(ge=timedelta(0))] = timedelta(seconds=30)
    """Time that running steps get to end when a worker is told to stop; then their runs are handed over."""

    run_timeout: Positive = timedelta(hours=24)
    """Running time of a run whose task sets no `limits.timeout`. Waiting does not count."""
    finally_timeout: Positive = timedelta(seconds=60)
    """Time for all `finally` steps of a run together."""
    max_chain: Count = 10
    """Runs that may start one another in a row, by triggers and as sub-tasks. A longer chain is taken for a loop: its
    next start is refused."""
    max_loop_items: Count = 10_000
    """Items that a `for_each` without `batch` may have."""
    inline_output: Annotated[Size, Field(ge=0)] = 64 * KIB
    """Outputs up to this size are kept in the database, larger ones in the artifact store."""
    max_output: Annotated[Size, Field(ge=KIB)] = 50 * MIB
    """Size of one step's output, as JSON."""
    expression_timeout: Positive = timedelta(seconds=1)
    """Time for the expressions of one step."""
    expression_memory: Annotated[Size, Field(ge=MIB)] = 64 * MIB
    """Memory for the expressions of one step."""
    transform_timeout: Positive = timedelta(seconds=30)
    """Time for one transform (`python:`)."""
    transform_memory: Annotated[Size, Field(ge=MIB)] = 512 * MIB
    """Memory for one transform or child process of a run whose task sets no `limits.memory`."""

    keep_runs: Positive | None = timedelta(days=90)
    """Ended runs are removed this long after their end, with their records and files. None (`never`): they stay."""

    keep_deleted: Annotated[Duration, Field(ge=timedelta(0))] = timedelta(days=30)
    """A deleted task or project can be brought back for this long; then it is removed with everything of it."""

    session_idle: Positive = timedelta(days=7)
    """A person who has not used the page for this long signs in again."""
    session_lifetime: Positive = timedelta(days=30)
    """A person signs in again after this long in any case."""
    oidc_issuer: str | None = None
    """Issuer of the OpenID Connect provider that people may sign on with, exactly as it names itself, such as
    `https://login.example.com`. None: people sign in with passwords alone."""
    oidc_client_id: str | None = None
    """What the provider knows this server by. None: no sign-on."""
    oidc_client_secret: SecretStr | None = None
    """The secret that the provider has given with it. None: a public client, with PKCE alone."""
    oidc_create_accounts: bool = True
    """Make an account, without any right, for somebody who signs on for the first time. Otherwise an administrator
    makes it first, with the person's e-mail address and without a password."""

    allow_private_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Hosts on loopback, private or link-local addresses that tasks may be granted, separated by commas, such as
    `localhost:8080,10.0.0.7`; `*` for all. Empty: none."""

    tool_packages: Annotated[tuple[str, ...], NoDecode] = ()
    """Installed packages whose tools are taken into the catalog, separated by commas; `*` for every one that has some.
    They run with the rights of this process. Empty: none."""

    metrics_address: Annotated[str, Field(pattern=r"^[^:\s]+:[0-9]{1,5}$")] | None = None
    """`HOST:PORT` where a process that advances runs tells its own figures to Prometheus, without a token, such as
    `127.0.0.1:9420`: for workers, which have no API. None: nowhere."""
    traces_url: Annotated[str, Field(pattern=r"^https?://[^\s?#@]+$")] | None = None
    """Where processes that advance runs send traces: the address of an OpenTelemetry collector that takes OTLP over
    HTTP, such as `http://127.0.0.1:4318`. Needs the extra `telemetry`. None: nowhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level of log lines on stderr."""
    log_format: Literal["auto", "console", "json"] = "auto"
    """How log lines look. `auto`: `console` in a terminal, otherwise `json`."""

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """The settings of this process. `overrides` (by field) win over variables, those over `errands.env`.

        Raises SettingsInvalid that lists every problem.
        """
        home = Path(str(overrides.get("home") or os.environ.get(f"{PREFIX}HOME") or "~/.errands")).expanduser()
        file = home / "errands.env"
        try:
            return cls(_env_file=file, **overrides)  # type: ignore[arg-type]
        except ValidationError as error:
            raise SettingsInvalid([_problem(detail) for detail in error.errors(include_url=False)]) from None
        except UnicodeDecodeError as error:
            raise SettingsInvalid([f"{file} is not UTF-8 (byte {error.start})"]) from None
        except OSError as error:
            raise SettingsInvalid([f"{file} cannot be read: {error.strerror}"]) from None

    def strangers(self) -> dict[str, str | None]:
        """Variables that nothing reads, each with the one that may be meant: those in `errands.env`, and of the
        environment, where others may have theirs, those that look mistyped.
        """
        file = self.home.expanduser() / "errands.env"
        in_file = set(_ASSIGNED.findall(file.read_text("utf-8"))) if file.is_file() else set()
        given = {name for name in (*os.environ, *in_file) if name.startswith(PREFIX)}
        known = [name.upper() for name in type(self).model_fields]
        found: dict[str, str | None] = {}
        for name in sorted(given - {f"{PREFIX}{one}" for one in (*known, *_OF_CLIENTS)}):
            near = next(iter(get_close_matches(name.removeprefix(PREFIX), known, 1, 0.8)), None)
            if near or name in in_file:
                found[name] = near and f"{PREFIX}{near}"
        return found

    @classmethod
    def describe(cls) -> list[SettingDoc]:
        """All settings in order, for the reference."""
        return [
            SettingDoc(
                variable=f"{PREFIX}{name.upper()}",
                kind=(kind := _kind(name, cls)),
                default=_shown(field.get_default(call_default_factory=True), kind),
                description=" ".join((field.description or "").split()),
            )
            for name, field in cls.model_fields.items()
        ]

    @property
    def base_url(self) -> str:
        """Where this server is reached, without a slash at the end."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        own = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        return (self.public_url or own).rstrip("/")

    @property
    def artifacts(self) -> str:
        """Where artifacts are kept."""
        return self.artifacts_url or str(self.home / "artifacts")

    @property
    def workspace_folder(self) -> Path:
        """Where runs have their workspaces."""
        return self.workspaces or self.home / "workspaces"

    @property
    def key_file(self) -> Path:
        """The file that holds the key of the secrets, if `secret_key` is not set."""
        return self.secret_key_file or self.home / "secret.key"

    @field_validator("home", "secret_key_file", "workspaces", mode="after")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("timezone", mode="after")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{value!r} is no time zone; name one such as Europe/Berlin") from None
        return value

    @field_validator("keep_runs", mode="before")
    @classmethod
    def _never(cls, value: object) -> object:
        return None if value == "never" else value

    @field_validator("trusted_proxies", mode="after")
    @classmethod
    def _known_proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            try:
                ip_network(proxy)
            except ValueError:
                raise ValueError(f"{proxy!r} is no address or network; write 10.0.0.5 or 10.0.0.0/24") from None
        return value

    @field_validator("mail_relays", mode="after")
    @classmethod
    def _known_relays(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for relay in value:
            network, _, name = relay.partition("=")
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"{network!r} is no address or network; write 10.0.0.5=mx.example.com") from None
            if not name.strip():
                raise ValueError(f"{relay!r} names no server; write {network}=mx.example.com")
        return value

    @field_validator("allow_private_hosts", "mail_relays", "tool_packages", "trusted_proxies", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(item.strip() for item in value.split(",") if item.strip()) if isinstance(value, str) else value


def _problem(detail: ErrorDetails) -> str:
    name = str(detail["loc"][0]) if detail["loc"] else ""
    variable = f"{PREFIX}{name.upper()}"
    message = detail["msg"].removeprefix("Value error, ")
    field = Settings.model_fields.get(name)
    shown = os.environ.get(variable)
    secret = field is None or "Secret" in str(field.annotation)
    return f"{variable}{'' if shown is None or secret else f'={shown!r}'}: {message}"


def _kind(name: str, model: type[Settings]) -> str:
    schema = model.model_json_schema()["properties"][name]
    found = [part["type"] for part in schema.get("anyOf", [schema]) if part.get("type") not in (None, "null")]
    annotation = str(model.model_fields[name].annotation)
    if "timedelta" in annotation:
        return "duration"
    if "enum" in schema:
        return " | ".join(schema["enum"])
    if found == ["string", "integer"]:
        return "size"
    return "path" if "Path" in annotation else found[0]


def _shown(value: object, kind: str) -> str:
    match value:
        case None:
            return "none"
        case int() if kind == "size":
            return f"{value // MIB}MiB" if value % MIB == 0 else f"{value // KIB}KiB"
        case timedelta():
            return _duration(value)
        case bool():
            return str(value).lower()
        case ():
            return "empty"
        case tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)


def _duration(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
