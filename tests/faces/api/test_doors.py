"""The doors: the first administrator, passwords, cookies, and writes that other sites send."""

import re

import httpx
import pytest
from fastapi import FastAPI

from errands.services import Services
from tests.faces.api.conftest import BASE, OPERATOR

_PASSWORD = "correct horse battery"
_OWN = {"Origin": BASE}


async def _first_link(services: Services) -> str:
    link = await services.sign_in.first_start_link()
    assert link is not None
    return link.secret


async def test_the_first_link_makes_the_administrator_once(services: Services, anonymous: httpx.AsyncClient) -> None:
    body = {"link": await _first_link(services), "name": "ana", "password": _PASSWORD}
    made = await anonymous.post("/api/v1/setup", json=body)
    assert (made.status_code, made.json()["server_role"]) == (201, "admin")
    cookie = made.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=" in cookie
    assert (await anonymous.get("/api/v1/me")).json()["name"] == "ana"
    assert (await anonymous.post("/api/v1/setup", json={**body, "name": "eve"})).status_code == 401
    assert await services.sign_in.first_start_link() is None


async def test_the_printed_link_leads_to_a_form_that_makes_the_administrator(
    services: Services, anonymous: httpx.AsyncClient
) -> None:
    secret = await _first_link(services)
    page = await anonymous.get("/setup", params={"link": secret})
    assert "script" not in page.text
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    assert fields["link"] == secret
    weak = await anonymous.post("/setup", data={**fields, "name": "ana", "password": "short"}, headers=_OWN)
    assert (weak.status_code, "a length of 5" in weak.text) == (422, True)
    made = await anonymous.post("/setup", data={**fields, "name": "ana", "password": _PASSWORD}, headers=_OWN)
    assert made.status_code == 200
    assert (await anonymous.get("/api/v1/me")).json()["server_role"] == "admin"


async def test_a_link_is_shown_as_text_whatever_it_holds(anonymous: httpx.AsyncClient) -> None:
    page = await anonymous.get("/setup", params={"link": '"><script>alert(1)</script>'})
    assert "<script>" not in page.text


@pytest.fixture
async def browser(services: Services, anonymous: httpx.AsyncClient) -> httpx.AsyncClient:
    """A browser in which ana is signed in."""
    await services.people.create(OPERATOR, "ana", password=_PASSWORD)
    answer = await anonymous.post("/api/v1/session", json={"name": "ana", "password": _PASSWORD})
    assert answer.status_code == 200
    return anonymous


async def test_a_write_with_a_cookie_must_come_from_a_page_of_ours(browser: httpx.AsyncClient) -> None:
    body = {"name": "t", "scopes": ["read"]}
    for headers in ({}, {"Origin": "https://evil.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        refused = await browser.post("/api/v1/tokens", json=body, headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:errands:problem:foreign-origin")
    assert (await browser.get("/api/v1/tokens")).json() == []
    assert (await browser.post("/api/v1/tokens", json=body, headers=_OWN)).status_code == 201
    fetched = await browser.post("/api/v1/tokens", json=body, headers={"Sec-Fetch-Site": "same-origin"})
    assert fetched.status_code == 201


async def test_another_site_signs_nobody_in_or_out(browser: httpx.AsyncClient) -> None:
    foreign = {"Origin": "https://evil.test"}
    body = {"name": "ana", "password": _PASSWORD}
    assert (await browser.post("/api/v1/session", json=body, headers=foreign)).status_code == 403
    assert (await browser.delete("/api/v1/session", headers=foreign)).status_code == 403
    assert (await browser.get("/api/v1/me")).status_code == 200


async def test_signing_out_ends_the_session_for_good(browser: httpx.AsyncClient) -> None:
    cookie = dict(browser.cookies)
    assert (await browser.delete("/api/v1/session", headers=_OWN)).status_code == 204
    assert (await browser.get("/api/v1/me")).status_code == 401
    browser.cookies.update(cookie)
    assert (await browser.get("/api/v1/me")).status_code == 401
    browser.cookies.clear()
    assert (await browser.delete("/api/v1/session")).status_code == 204


async def test_the_browser_that_asks_is_marked_among_those_that_are_signed_in(browser: httpx.AsyncClient) -> None:
    first = await browser.get("/api/v1/sessions")
    assert [one["current"] for one in first.json()] == [True]
    await browser.post("/api/v1/session", json={"name": "ana", "password": _PASSWORD})
    second = await browser.get("/api/v1/sessions")
    assert [one["current"] for one in second.json()] == [True, False]
    assert second.json()[1]["id"] == first.json()[0]["id"]


async def test_the_wrong_password_is_401_and_too_many_are_429(services: Services, anonymous: httpx.AsyncClient) -> None:
    body = {"name": "nobody", "password": "wrong wrong wrong"}
    answers = [await anonymous.post("/api/v1/session", json=body) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_sign_on_says_that_no_provider_is_set(anonymous: httpx.AsyncClient, app: FastAPI) -> None:
    for path in ("/api/v1/sign-on", "/api/v1/sign-on/callback?state=x&code=y"):
        assert (await anonymous.get(path)).status_code == 404
