"""Which server is talked to, and that its token goes nowhere else."""

import stat
from pathlib import Path

import pytest

from errands.cli import servers
from errands.cli.given import BadInput
from errands.cli.servers import Logins, Server, address, chosen_server
from errands.cli.versions import Versions

A, B = "https://a.example", "https://b.example"


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    kept = tmp_path / "config" / "errands" / "logins.json"
    monkeypatch.setattr(servers, "logins_file", lambda: kept)
    return kept


def test_nothing_set_means_no_server() -> None:
    assert chosen_server(None, {}) is None
    assert chosen_server("local", {"ERRANDS_URL": A}) is None
    assert chosen_server(None, {"ERRANDS_URL": "local"}) is None


def test_the_option_wins_over_the_variable_and_that_over_the_login() -> None:
    Logins().with_login(Server(A, "token-a")).save()
    assert chosen_server(None, {}) == Server(A, "token-a")
    assert chosen_server(None, {"ERRANDS_URL": B}) == Server(B, None)
    assert chosen_server(A, {"ERRANDS_URL": B}) == Server(A, "token-a")
    assert chosen_server(None, {"ERRANDS_TOKEN": "other"}) == Server(A, "other")
    assert chosen_server("local", {}) is None


def test_a_kept_token_is_for_its_own_server_alone() -> None:
    Logins().with_login(Server(A, "token-a")).with_login(Server(B, "token-b")).save()
    assert chosen_server(None, {}) == Server(B, "token-b")
    assert chosen_server(A, {}) == Server(A, "token-a")
    assert chosen_server("https://a.example.evil", {}) == Server("https://a.example.evil", None)
    Logins.load().without(B).save()
    assert (Logins.load().current, chosen_server(B, {})) == (None, Server(B, None))


def test_the_file_is_for_its_owner_alone_and_a_token_shows_in_no_repr(file: Path) -> None:
    Logins().with_login(Server(A, "token-a")).save()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in file.parent.iterdir()] == ["logins.json"]
    assert "token-a" not in repr(Logins.load()) + repr(Server(A, "token-a"))


def test_a_broken_file_is_named(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("{")
    with pytest.raises(BadInput, match=r"logins\.json cannot be read"):
        chosen_server(None, {})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://errands.example.com/", "https://errands.example.com"),
        ("errands.example.com", "https://errands.example.com"),
        ("http://localhost:8420/api/v1", "http://localhost:8420"),
        ("http://[::1]:8420", "http://[::1]:8420"),
        ("https://intern.example/errands/", "https://intern.example/errands"),
    ],
)
def test_an_address_is_kept_in_one_form(given: str, kept: str) -> None:
    assert address(given) == kept


@pytest.mark.parametrize(
    "given", ["ftp://x", "https://", "https://ana:secret@x", "https://x?a=1", "http://x:port", "http://ana:secret@x:p"]
)
def test_what_is_no_address_is_refused_without_repeating_a_password(given: str) -> None:
    with pytest.raises(BadInput) as refusal:
        address(given)
    assert "secret" not in str(refusal.value)


def test_only_loopback_may_go_unencrypted_without_a_word() -> None:
    assert Server("http://10.0.0.7:8420").in_the_clear
    assert not Server("http://127.0.0.1:8420").in_the_clear
    assert not Server(A).in_the_clear


def test_another_series_of_versions_is_said_once() -> None:
    said: list[str] = []
    versions = Versions("0.1.3", said.append)
    for other in (None, "0.1.9", "0.2.0", "0.3.0"):
        versions.saw(other)
    assert said == ["The server has Errands 0.2.0, this is 0.1.3: some commands may not fit."]
