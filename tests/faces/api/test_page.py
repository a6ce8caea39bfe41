"""The page as the API serves it: its files, its policy, and what stays with the API."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from errands.api.page import NONCE
from errands.bootstrap import Runtime, make_api

_HTML = {"Accept": "text/html,*/*;q=0.8"}
_INDEX = f'<script src="/assets/a-1.js" nonce="{NONCE}"></script>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    built = tmp_path / "page"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text(_INDEX)
    (built / "assets" / "a-1.js").write_text("alert(1)")
    (built / "assets" / "a-1.js.gz").write_bytes(gzip.compress(b"alert(1)"))
    (tmp_path / "secret.txt").write_text("secret")
    return built


@pytest.fixture
async def browser(runtime: Runtime, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_api(runtime, folder), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://errands.test") as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/p/default/runs", "/setup?link=x", "/p/default/tasks/a.b"])
async def test_every_address_of_the_page_begins_with_its_index(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path, headers=_HTML)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    nonce = answer.text.partition('nonce="')[2].partition('"')[0]
    assert f"'nonce-{nonce}'" in answer.headers["content-security-policy"]
    assert NONCE not in answer.text


async def test_files_with_a_hash_are_kept_for_a_year_and_sent_compressed(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/assets/a-1.js")
    assert answer.text == "alert(1)"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/javascript")
    plain = await browser.get("/assets/a-1.js", headers={"Accept-Encoding": "identity"})
    assert (plain.text, plain.headers.get("content-encoding")) == ("alert(1)", None)


@pytest.mark.parametrize(
    "path", ["/api/v1/none", "/api/none", "/metrics/x", "/assets/none.js", "/../secret.txt", "/assets/%2e%2e/x"]
)
async def test_what_is_not_the_pages_stays_not_found(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_only_reading_is_answered_with_the_page(browser: httpx.AsyncClient) -> None:
    assert (await browser.post("/p/default/runs", headers=_HTML)).status_code == 404
    assert (await browser.put("/api/v1/projects", headers=_HTML)).status_code == 405


async def test_without_a_page_the_address_says_how_to_build_it(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/", headers=_HTML)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "text/plain; charset=utf-8")
    assert "make setup" in answer.text
