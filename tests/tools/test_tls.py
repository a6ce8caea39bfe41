"""TLS over pinned connections: the certificate must be for the name, though the connection goes to an address."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from errands.core.outcomes import ErrorKind
from tests.tools.bench import Bench, MakeBench
from tests.tools.loopback import response


def certificate(folder: Path, host: str) -> Path:
    """A self-signed certificate and its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / f"{host}.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
async def names_asked(
    make_bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Bench, int, list[str | None]]]:
    """A TLS server for `secure.example` on loopback, and the server names that its clients asked for."""
    file = certificate(tmp_path, "secure.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **options: look_up(
            "127.0.0.1" if str(host).endswith(".example") else host, *rest, **options
        ),
    )
    asked: list[str | None] = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response("over TLS"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    bench = make_bench(allow_private=frozenset({"*.example"}))
    async with server:
        yield bench, server.sockets[0].getsockname()[1], asked


async def test_the_server_is_asked_for_by_name(names_asked: tuple[Bench, int, list[str | None]]) -> None:
    bench, port, asked = names_asked
    output = await bench.call("http.request", url=f"https://secure.example:{port}/")
    assert output["text"] == "over TLS"
    assert asked == ["secure.example"]


async def test_a_certificate_for_another_name_is_refused(names_asked: tuple[Bench, int, list[str | None]]) -> None:
    bench, port, _ = names_asked
    error = await bench.refused("http.request", url=f"https://other.example:{port}/")
    assert error.kind is ErrorKind.NETWORK
    assert "certificate" in error.message.lower()
