"""What docs/how-to/deploy.md says of a proxy: whom it believes about where a request came from."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from errands.api.serving import listening, take_address
from errands.bootstrap import make_api, open_services
from errands.settings import Settings

PROXIED = {"Host": "errands.example.com", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}


@pytest.fixture
async def server(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """A server on its first start: its address, and the secret of the link that makes the administrator."""
    settings = Settings.load(home=tmp_path, database_url=database_url)
    async with open_services(settings, worker=False) as runtime:
        link = await runtime.services.sign_in.first_start_link()
        assert link is not None
        async with listening(make_api(runtime), take_address("127.0.0.1", 0), timedelta(seconds=5)) as found:
            yield found.url, link.secret


async def _first_cookie(server: tuple[str, str], headers: dict[str, str]) -> str:
    url, link = server
    async with httpx.AsyncClient(trust_env=False) as client:
        body = {"link": link, "name": "ana", "password": "a long enough password"}
        answer = await client.post(f"{url}/api/v1/setup", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.headers["set-cookie"]


async def test_behind_a_proxy_with_tls_the_cookie_is_for_tls_alone(server: tuple[str, str]) -> None:
    cookie = await _first_cookie(server, PROXIED)
    assert cookie.startswith("__Host-")
    assert "Secure" in cookie


async def test_a_proxy_elsewhere_is_believed_only_where_it_is_named(
    monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> None:
    monkeypatch.setenv("ERRANDS_TRUSTED_PROXIES", "10.0.0.5")
    settings = Settings.load(home=tmp_path, database_url=database_url)
    async with open_services(settings, worker=False) as runtime:
        link = await runtime.services.sign_in.first_start_link()
        assert link is not None
        app, proxies = make_api(runtime), settings.trusted_proxies
        async with listening(app, take_address("127.0.0.1", 0), timedelta(seconds=5), proxies=proxies) as found:
            cookie = await _first_cookie((found.url, link.secret), PROXIED)
    assert "Secure" not in cookie
