"""Which hosts may be reached: host patterns, forbidden addresses, and URLs that are refused as such.

Standard library only: child processes import it.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from errands.tools.refusal import Refusal

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Cloud metadata and host agents that live on addresses which look public.
_METADATA = frozenset({ipaddress.ip_address("168.63.129.16"), ipaddress.ip_address("192.0.0.192")})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NUMBER = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)")
_KEPT = "%/:?#[]@!$&'()*+,;=~"
_SCHEMES = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """What the administrator allows, whatever a task was granted."""

    allow_private: frozenset[str] = frozenset()
    """Patterns (`host` or `host:port`) of hosts that may have loopback, private or link-local addresses."""

    def allows_private(self, host: str, port: int) -> bool:
        return any(host_matches(pattern, host, port) for pattern in self.allow_private)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads."""

    scheme: str
    host: str
    """Lower case, without brackets or a final dot."""
    port: int

    @property
    def label(self) -> str:
        """`host`, or `host:port` where the port is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if _SCHEMES.get(self.scheme) == self.port else f"{host}:{self.port}"


def target_of(url: str) -> Target:
    """Where an HTTP URL leads. Raises Refusal for one that is malformed or could be read in two ways."""
    shown = shown_url(url)
    if re.search(r"[\x00-\x20\x7f\\]", url):
        raise Refusal("input", f"{shown!r} holds a space, a backslash or a control character", "percent-encode it")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refusal("input", f"{shown!r} is not a URL: {error}") from None
    if parts.scheme.lower() not in _SCHEMES:
        raise Refusal("input", f"{shown!r}: only http and https URLs can be requested", "begin it with https://")
    if "@" in parts.netloc:
        raise Refusal(
            "input",
            f"{shown!r} carries a user name or password",
            'pass them as auth: {basic: {username: ..., password: "secret:NAME"}}',
        )
    host = _plain_host(parts, shown)
    return Target(parts.scheme.lower(), host, port or _SCHEMES[parts.scheme.lower()])


def shown_url(url: str) -> str:
    """A URL fit for an error message: no user, no query, no fragment, at most 200 characters."""
    bare = re.split(r"[?#]", url, maxsplit=1)[0]
    return re.sub(r"//[^/]*@", "//", bare)[:200]


def ascii_url(url: str) -> str:
    """The URL with what is not ASCII encoded: the host by IDNA, the rest in percent form. Raises Refusal."""
    if url.isascii():
        return url
    try:
        parts = urlsplit(url)
        host = parts.netloc.encode("idna").decode()
    except ValueError as error:
        raise Refusal("input", f"{shown_url(url)!r} is not a URL: {error}") from None
    return urlunsplit((parts.scheme, host, quote(parts.path, _KEPT), quote(parts.query, _KEPT), ""))


def check_granted(target: Target, granted: Iterable[str]) -> None:
    """Raises Refusal (denied) unless a pattern of the task's `grants.hosts` covers the target."""
    if not any(host_matches(pattern, target.host, target.port) for pattern in granted):
        raise Refusal(
            "denied",
            f"the task was not granted the host {target.label}",
            f"add `{target.label}` to grants.hosts",
        )


def host_matches(pattern: str, host: str, port: int) -> bool:
    """Whether `api.example.com`, `*.example.com`, `localhost:8080`, `[::1]:8080` or `*` covers a host.

    A pattern without a port covers every port; `*.example.com` covers all below `example.com`, not itself.
    """
    name, wanted_port = _split_pattern(pattern.strip().lower())
    if wanted_port is not None and wanted_port != str(port):
        return False
    if name == "*":
        return True
    if name.startswith("*."):
        return host.endswith(name[1:]) and len(host) > len(name[1:])
    return _canonical(name) == _canonical(host)


def check_addresses(host: str, port: int, addresses: Iterable[str], policy: HostPolicy) -> None:
    """Raises Refusal (denied) where a host has an address inside our own network and is not allowed to."""
    if policy.allows_private(host, port):
        return
    for text in addresses:
        kind = private_kind(ipaddress.ip_address(text.split("%", 1)[0]))
        if kind:
            such = f"an {kind}" if kind == "unspecified" else f"a {kind}"
            what = f"{host} is {such} address" if text == host else f"{host} resolves to {text}, {such} address"
            named = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            raise Refusal(
                "denied",
                f"{what}; such hosts are refused",
                f"if it is meant, an administrator sets ERRANDS_ALLOW_PRIVATE_HOSTS={named} and restarts",
            )


def private_kind(address: Address) -> str | None:
    """`loopback`, `private`, `link-local`, ... for an address that is not a public one, else `None`.

    IPv4 addresses inside IPv6 ones (mapped, 6to4, Teredo, NAT64) are judged as what they lead to.
    """
    inner = _embedded(address)
    if inner is not None:
        return private_kind(inner)
    checks: tuple[tuple[str, bool], ...] = (
        ("loopback", address.is_loopback),
        ("metadata", address in _METADATA),
        ("link-local", address.is_link_local),
        ("multicast", address.is_multicast),
        ("unspecified", address.is_unspecified),
        ("private", address.is_private),
        ("reserved", address.is_reserved or not address.is_global),
    )
    return next((name for name, applies in checks if applies), None)


def guard_resolver(policy: HostPolicy, refused: Callable[[Refusal], None]) -> None:
    """From now on, name look-ups of this process give only addresses that may be reached.

    For child processes whose libraries open connections themselves: they connect to what this look-up gave, so
    a name cannot turn into another address between check and connection.
    """
    look_up = socket.getaddrinfo

    def guarded(host: str | bytes | None, port: str | int | None, *rest: int, **options: int) -> list[object]:
        found = look_up(host, port, *rest, **options)
        name = host.decode() if isinstance(host, bytes) else (host or "localhost")
        try:
            check_addresses(name.lower().rstrip("."), int(port or 0), [str(each[4][0]) for each in found], policy)
        except Refusal as refusal:
            refused(refusal)
            raise OSError(refusal.message) from refusal
        return list(found)

    socket.getaddrinfo = guarded  # type: ignore[assignment]


def _plain_host(parts: SplitResult, shown: str) -> str:
    host = (parts.hostname or "").rstrip(".")
    if not host:
        raise Refusal("input", f"{shown!r} names no host", "write it as https://host/path")
    if ":" in host or "[" in parts.netloc:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise Refusal("input", f"{shown!r}: {host} is not an IPv6 address") from None
    if all(_NUMBER.fullmatch(label) for label in host.split(".")):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            # 2130706433, 0177.0.0.1 and 0x7f.1 all mean 127.0.0.1 to a resolver, and something else to a reader.
            raise Refusal(
                "input", f"{host} is not a plain IPv4 address", "write four decimal numbers, such as 192.0.2.1"
            ) from None
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise Refusal("input", f"{shown!r}: {host!r} is not a host name") from None


def _split_pattern(pattern: str) -> tuple[str, str | None]:
    if pattern.startswith("["):
        name, _, rest = pattern[1:].partition("]")
        return name, rest[1:] if rest.startswith(":") else None
    if pattern.count(":") == 1:
        name, port = pattern.split(":")
        return name.rstrip("."), port
    return pattern.rstrip("."), None


def _canonical(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return host


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
