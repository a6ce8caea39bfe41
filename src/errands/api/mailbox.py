"""Where mail arrives: an SMTP server for the secret addresses of triggers. It keeps no mail and sends none."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from errands.api.problems import Translate
from errands.services.errors import Conflict, Invalid, MailRefused, ServiceError, TooLarge, TooMany, Unavailable
from errands.services.mailroom import MailService

log = structlog.get_logger()

_MOST_CONNECTIONS = 50
_SILENCE_SECONDS = 60
_LONGEST_LINE = 2**20
"""Bytes. The standard says 1,000, and many programs have not heard of it."""
_LONGEST_REPLY = 400


class Mailbox:
    """Answers at each step of a delivery. aiosmtpd calls the `handle_` methods."""

    def __init__(self, mail: MailService, domain: str, translate: Translate) -> None:
        """`translate` makes of a library's exception what it means, as for the API."""
        self._mail = mail
        self.domain = domain.lower()
        self._translate = translate

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """One address of ours for each delivery: each may have its own answer."""
        local, _, domain = address.rpartition("@")
        try:
            known = domain.lower() == self.domain and await self._mail.knows(local)
        except Exception as error:
            return self._answer(error)
        if not known:
            return "550 5.1.1 There is no such address here"
        if envelope.rcpt_tos:
            return "452 4.5.3 One address at a time; deliver to the others after it"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """The mail as a whole; 250 means that its run is recorded."""
        content = envelope.original_content or b""
        local = envelope.rcpt_tos[0].rpartition("@")[0]
        sender = "" if envelope.mail_from in (None, "<>") else str(envelope.mail_from)
        peer = str(session.peer[0]) if isinstance(session.peer, tuple) else ""
        try:
            taken = await self._mail.receive(local, content, envelope_sender=sender, peer=peer)
        except Exception as error:
            return self._answer(error)
        return f"250 2.0.0 {'Taken before as' if taken.existing else 'Taken as'} {taken.run}"

    def _answer(self, error: Exception) -> str:
        """A refusal as SMTP knows it (RFC 3463): 4 for what may be tried again later, 5 for good."""
        found = error if isinstance(error, ServiceError) else self._translate(error)
        if found is None:
            log.error("mail.defect", exc_info=error)
            return "451 4.3.0 Errands has a defect; its log tells of it"
        return f"{_code(found)} {_line(found)}"


def _code(error: ServiceError) -> str:
    match error:
        case MailRefused():
            return "550 5.7.1"
        case TooLarge():
            return "552 5.3.4"
        case Invalid():
            return "554 5.6.0"
        case TooMany() | Conflict():
            return "450 4.7.1"
        case Unavailable():
            return "451 4.3.0"
        case _:
            return "550 5.7.0"


def _line(error: ServiceError) -> str:
    said = " ".join(f"{error.message} {error.hint or ''}".split())
    return said.encode("ascii", errors="replace").decode()[:_LONGEST_REPLY]


class _Full(asyncio.Protocol):
    """Sends one connection too many away."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"421 4.3.2 Too many connections, try again later\r\n")
        transport.close()


@asynccontextmanager
async def listening_for_mail(mailbox: Mailbox, host: str, port: int, largest: int) -> AsyncIterator[str]:
    """Take mail while this is entered; gives where. `largest` in bytes. Raises Unavailable: the address is taken."""
    connections: set[asyncio.BaseTransport] = set()

    class Door(SMTP):
        """One connection, counted: each may hold a mail in memory."""

        line_length_limit = _LONGEST_LINE

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            connections.add(transport)
            self._own = transport
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            connections.discard(self._own)
            super().connection_lost(error)

    def door() -> asyncio.Protocol:
        if len(connections) >= _MOST_CONNECTIONS:
            return _Full()
        return Door(
            mailbox,
            data_size_limit=largest,
            enable_SMTPUTF8=True,
            hostname=mailbox.domain,
            ident="Errands",
            timeout=_SILENCE_SECONDS,
        )

    try:
        server = await asyncio.get_running_loop().create_server(door, host, port, family=socket.AF_UNSPEC)
    except OSError as error:
        hint = "Choose another: the setting ERRANDS_MAIL_PORT."
        raise Unavailable(f"{host}:{port} cannot take mail: {error.strerror or error}.", hint) from None
    try:
        taken_host, taken_port = server.sockets[0].getsockname()[:2]
        yield f"{taken_host}:{taken_port}"
    finally:
        server.close()
        for transport in list(connections):
            transport.close()
        await server.wait_closed()
