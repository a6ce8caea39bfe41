"""Signing in at tool servers over the API: who may begin, and what the page asks whoever comes back."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from errands.core.access import ProjectRole
from errands.services import Services
from errands.settings import Settings
from tests.faces.api.conftest import BASE, OPERATOR
from tests.tools.authorization_server import People, signing_in

_SERVER = "/api/v1/projects/default/tool-servers/crm"
_CALLBACK = "/api/v1/oauth/callback"
_PASSWORD = "correct horse battery staple"


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings.load(
        home=tmp_path / "home", database_url=database_url, allow_private_hosts=("127.0.0.1",), public_url=BASE
    )


@pytest.fixture
async def people() -> AsyncIterator[People]:
    async with signing_in(People()) as listening:
        yield listening


@pytest.fixture
async def editor(app: FastAPI, services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which Ed, an editor of the project, is signed in."""
    async with _signed_in(app, services, "ed", ProjectRole.EDITOR) as client:
        yield client


def _anybody(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, headers={"Origin": BASE})


@asynccontextmanager
async def _signed_in(
    app: FastAPI, services: Services, name: str, role: ProjectRole
) -> AsyncIterator[httpx.AsyncClient]:
    await services.people.create(OPERATOR, name)
    await services.members.put(OPERATOR, "default", f"user:{name}", role)
    link = await services.people.password_link(OPERATOR, name)
    async with _anybody(app) as browser:
        answer = await browser.post("/api/v1/password", json={"link": link.secret, "password": _PASSWORD})
        assert answer.status_code == 200
        yield browser


async def _begin(client: httpx.AsyncClient, people: People) -> Mapping[str, str]:
    """Add the server and come back from its authorization server."""
    way = {"connection": {"kind": "http", "url": people.mcp, "oauth": {}}}
    assert (await client.put(_SERVER, json=way)).json()["sign_in"]["connected"] is False
    begun = (await client.post(f"{_SERVER}/sign-in")).json()
    assert begun["comes_back_to"] == f"{BASE}{_CALLBACK}"
    back = await people.visit(begun["url"])
    return {name: back[name] for name in ("state", "code")}


async def _connected(client: httpx.AsyncClient) -> bool:
    return bool((await client.get(_SERVER)).json()["sign_in"]["connected"])


async def test_the_person_who_began_is_connected_at_once_and_may_disconnect(
    editor: httpx.AsyncClient, people: People
) -> None:
    back = await _begin(editor, people)
    page = await editor.get(_CALLBACK, params=back)
    assert (page.status_code, "is connected" in page.text) == (200, True)
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    view = (await editor.get(_SERVER)).json()
    assert (view["health"], view["sign_in"]["by"]) == ("ok", "user:ed")
    assert not any(token in str(view) for token in (*people.access, *people.refreshes))
    again = await editor.get(_CALLBACK, params=back)
    assert (again.status_code, "was not begun here" in again.text) == (400, True)
    assert (await editor.delete(f"{_SERVER}/sign-in")).json()["sign_in"]["connected"] is False


@pytest.mark.parametrize("whose", ["nobody's", "somebody else's"])
async def test_in_another_browser_the_person_is_asked_first(
    app: FastAPI, services: Services, editor: httpx.AsyncClient, people: People, whose: str
) -> None:
    back = await _begin(editor, people)
    somebody = _anybody(app) if whose == "nobody's" else _signed_in(app, services, "eve", ProjectRole.EDITOR)
    async with somebody as other:
        page = await other.get(_CALLBACK, params=back)
        assert "ed asked to connect the tool server <strong>crm</strong>" in " ".join(page.text.split())
        assert not await _connected(editor)
        sent = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
        foreign = await other.post(_CALLBACK, data=sent, headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 403
        assert not await _connected(editor)
        agreed = await other.post(_CALLBACK, data=sent)
    assert (agreed.status_code, "is connected" in agreed.text) == (200, True)
    assert await _connected(editor)


async def test_a_refusal_there_is_told_without_being_asked(editor: httpx.AsyncClient, people: People) -> None:
    people.refuses = True
    way = {"connection": {"kind": "http", "url": people.mcp, "oauth": {}}}
    await editor.put(_SERVER, json=way)
    back = await people.visit((await editor.post(f"{_SERVER}/sign-in")).json()["url"])
    page = await editor.get(_CALLBACK, params={"state": back["state"], "error": back["error"]})
    assert (page.status_code, "access_denied" in page.text) == (400, True)


async def test_what_stands_in_the_address_is_shown_as_text(
    app: FastAPI, editor: httpx.AsyncClient, people: People
) -> None:
    back = await _begin(editor, people)
    async with _anybody(app) as other:
        page = await other.get(_CALLBACK, params={**back, "code": '"><script>alert(1)</script>'})
        assert "<script>" not in page.text
        page = await other.get(_CALLBACK, params={**back, "error": "<script>alert(1)</script>"})
        assert "<script>" not in page.text


async def test_viewers_and_strangers_connect_nothing(
    admin: httpx.AsyncClient, viewer: httpx.AsyncClient, stranger: httpx.AsyncClient, people: People
) -> None:
    way = {"connection": {"kind": "http", "url": people.mcp, "oauth": {}}}
    await admin.put(_SERVER, json=way)
    await admin.put("/api/v1/tool-servers/crm", json=way)
    for path in (_SERVER, "/api/v1/tool-servers/crm"):
        for client in (viewer, stranger):
            for method in ("POST", "DELETE"):
                assert (await client.request(method, f"{path}/sign-in")).status_code == 403
    assert people.clients == {}
    shared = (await admin.post("/api/v1/tool-servers/crm/sign-in")).json()
    assert shared["url"].startswith(f"{people.url}/authorize?")
