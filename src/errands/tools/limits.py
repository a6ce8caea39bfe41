"""Bounds on what the built-in tools do; `bootstrap` fills them from the settings."""

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True, slots=True)
class ToolLimits:
    """Every bound that an administrator can set. Sizes are in bytes."""

    http_bytes: int = 10 * MIB
    """Body of an HTTP answer, after decompression. A call may ask for less."""
    http_seconds: float = 60.0
    """Time for one HTTP request with all its redirects, where the call names none."""
    sql_rows: int = 10_000
    """Rows that one query gives where the call names no `max_rows`."""
    sql_bytes: int = 32 * MIB
    """Result of one query, as JSON."""
    sql_seconds: float = 120.0
    """Time for one statement, where the call names none."""
    dump_seconds: float = 3600.0
    """Time to dump or restore one database, where the call names none."""
    sql_connections: int = 4
    """Connections that a process keeps for one database."""
    file_bytes: int = 32 * MIB
    """One file that is read into a result or written from one."""
    copy_bytes: int = 4096 * MIB
    """One file that is copied, moved or kept."""
    list_entries: int = 10_000
    """Entries that `files.list` gives."""
    data_bytes: int = 32 * MIB
    """Text that `data.parse` reads or `data.format` makes."""
    yaml_bytes: int = 2 * MIB
    """YAML text; its parser is a hundred times slower than the others."""
    document_bytes: int = 100 * MIB
    """A document before conversion."""
    document_text: int = 20 * MIB
    """A document's Markdown."""
    document_seconds: float = 120.0
    archive_members: int = 100_000
    """Files in one archive."""
    archive_bytes: int = 4096 * MIB
    """What an archive unpacks to, all files together."""
    archive_ratio: int = 200
    """How many times its packed size an archive may unpack to (archives that unpack to under 1 MiB excepted)."""
    archive_seconds: float = 600.0
    mail_bytes: int = 25 * MIB
    """One mail with its attachments, before encoding."""
    mail_seconds: float = 60.0
    notify_seconds: float = 60.0
    children: int = 4
    """Child processes that run at once in one worker process."""
