"""Which hosts may be reached, whatever way their names and addresses are written."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errands.tools.hosts import HostPolicy, check_addresses, host_matches, private_kind, target_of
from errands.tools.refusal import Refusal

NOTHING_PRIVATE = HostPolicy()


@pytest.mark.parametrize(
    ("pattern", "host", "port", "matches"),
    [
        ("api.example.com", "api.example.com", 443, True),
        ("API.Example.com", "api.example.com", 8443, True),
        ("api.example.com", "api.example.com.evil.org", 443, False),
        ("*.example.com", "a.b.example.com", 443, True),
        ("*.example.com", "example.com", 443, False),
        ("*.example.com", "evilexample.com", 443, False),
        ("localhost:8080", "localhost", 8080, True),
        ("localhost:8080", "localhost", 8081, False),
        ("*", "anything.org", 80, True),
        ("*:443", "anything.org", 80, False),
        ("[::1]:8080", "::1", 8080, True),
        ("[::1]:8080", "::1", 80, False),
        ("::1", "::1", 80, True),
        ("münchen.example", "xn--mnchen-3ya.example", 443, True),
    ],
)
def test_host_patterns(pattern: str, host: str, port: int, matches: bool) -> None:
    assert host_matches(pattern, host, port) is matches


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("127.9.9.9", "loopback"),
        ("10.1.2.3", "private"),
        ("192.168.0.1", "private"),
        ("172.16.0.1", "private"),
        ("169.254.169.254", "link-local"),
        ("168.63.129.16", "metadata"),
        ("100.64.0.1", "reserved"),
        ("0.0.0.0", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "private"),
        ("::1", "loopback"),
        ("::", "unspecified"),
        ("fe80::1", "link-local"),
        ("fd00:ec2::254", "private"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("64:ff9b::7f00:1", "loopback"),
        ("2002:7f00:1::", "loopback"),
        ("8.8.8.8", None),
        ("2606:4700::1111", None),
        ("::ffff:8.8.8.8", None),
    ],
)
def test_addresses_of_our_own_network_are_told_from_public_ones(address: str, kind: str | None) -> None:
    assert private_kind(ipaddress.ip_address(address)) == kind


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://010.0.0.1/",
        "http://1.2.3.4.5/",
        "http://user@example.com/",
        "http://user:pass@example.com/",
        "http://example.com@127.0.0.1/",
        "http://example.com\\@127.0.0.1/",
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://example.com/",
        "//example.com/",
        "example.com",
        "http:///path",
        "http://",
        "http://[::1/",
        "http://[v1.x]/",
        "http://example.com:99999/",
        "http://example.com:port/",
        "http://exa mple.com/",
        "http://example.com/\r\nHost: evil",
        "javascript:alert(1)",
        "",
    ],
)
def test_urls_that_could_be_read_in_two_ways_are_refused(url: str) -> None:
    with pytest.raises(Refusal) as refused:
        target_of(url)
    assert refused.value.kind == "input"
    assert "pass@" not in refused.value.message


@pytest.mark.parametrize(
    ("url", "host", "port", "label"),
    [
        ("https://API.Example.com./x?y=1", "api.example.com", 443, "api.example.com"),
        ("http://example.com:8080", "example.com", 8080, "example.com:8080"),
        ("http://[::1]:8080/", "::1", 8080, "[::1]:8080"),
        ("http://127.0.0.1/", "127.0.0.1", 80, "127.0.0.1"),
    ],
)
def test_a_plain_url_leads_where_it_says(url: str, host: str, port: int, label: str) -> None:
    target = target_of(url)
    assert (target.host, target.port, target.label) == (host, port, label)


@given(st.ip_addresses(v=4).filter(lambda each: each.is_private or each.is_loopback or each.is_link_local))
def test_no_private_address_passes_in_any_disguise(address: ipaddress.IPv4Address) -> None:
    mapped = f"::ffff:{address}"
    nat64 = str(ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) + int(address)))
    for disguise in (str(address), mapped, nat64):
        with pytest.raises(Refusal):
            check_addresses("public.example", 443, ["8.8.8.8", disguise], NOTHING_PRIVATE)


def test_a_private_host_is_reached_only_if_the_administrator_allows_it() -> None:
    policy = HostPolicy(frozenset({"db.internal:5432"}))
    check_addresses("db.internal", 5432, ["10.0.0.5"], policy)
    with pytest.raises(Refusal, match="a private address"):
        check_addresses("db.internal", 80, ["10.0.0.5"], policy)
    with pytest.raises(Refusal):
        check_addresses("other.internal", 5432, ["10.0.0.5"], policy)


@given(st.text(max_size=60))
def test_any_text_is_a_target_or_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"https://{text}/x"):
        try:
            target = target_of(url)
        except Refusal:
            continue
        assert target.host
        assert 0 < target.port < 65536
