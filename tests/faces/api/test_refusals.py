"""Refusals are problem documents: they say what was wrong and where, and never how we are built."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from errands.api.edge import MAX_BODY_BYTES
from errands.core.access import Scope
from errands.services import Services
from tests.faces.api.conftest import OPERATOR, apply, client_of, token_of

_TASK = """
task: count
description: Counts.
params:
  limit: {type: integer, minimum: 1, default: 10}
steps: [{id: a, python: "limit"}]
"""


def _kind(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text
    return str(problem["type"]).removeprefix("urn:errands:problem:")


_REFUSED: tuple[tuple[str, str, object, int, str], ...] = (
    ("GET", "/api/v1/nothing", None, 404, "no-such-route"),
    ("PATCH", "/api/v1/projects", None, 405, "method-not-allowed"),
    ("GET", "/api/v1/projects/default/tasks/nope", None, 404, "not-found"),
    ("GET", "/api/v1/runs/run_zzzzzz", None, 404, "not-found"),
    ("GET", "/api/v1/artifacts/art_1", None, 404, "not-found"),
    ("GET", "/api/v1/approvals/apr_123456", None, 422, "invalid"),
    ("GET", "/api/v1/projects/default/runs?limit=0", None, 422, "malformed"),
    ("GET", "/api/v1/projects/default/runs?cursor=x", None, 422, "invalid"),
    ("GET", "/api/v1/projects/default/runs?since=2026-01-01T00:00:00", None, 422, "malformed"),
    ("GET", "/api/v1/projects/default/tasks/a%00b", None, 422, "malformed"),
    ("GET", "/api/v1/projects/default/runs?task=a%00b", None, 422, "malformed"),
    ("PUT", "/api/v1/projects/Not a name", {}, 422, "invalid"),
    ("PUT", "/api/v1/projects/default", {}, 409, "conflict"),
    ("POST", "/api/v1/projects/default/tasks/count/runs?wait=1h", {}, 422, "malformed"),
    ("POST", "/api/v1/projects/default/tasks/count/runs", {"arguments": {"limit": "\0"}}, 422, "malformed"),
    ("POST", "/api/v1/projects/default/tasks/count/runs", {"more": 1}, 422, "malformed"),
    ("POST", "/api/v1/projects/default/tasks/count/publish", {"version": 10**30}, 422, "malformed"),
    ("POST", "/api/v1/projects/default/tasks/count/publish", {"version": 9}, 404, "not-found"),
    ("POST", "/api/v1/projects/default/test", {}, 422, "malformed"),
    (
        "POST",
        "/api/v1/projects/default/schedules/preview",
        {"schedule": {"daily": "09:00"}, "timezone": "Europe/Berlim"},
        422,
        "invalid",
    ),
)


async def test_what_cannot_be_done_is_refused_in_the_same_form(admin: httpx.AsyncClient) -> None:
    await apply(admin, _TASK)
    for method, path, body, status, kind in _REFUSED:
        answer = await admin.request(method, path, json=body)
        assert (answer.status_code, _kind(answer)) == (status, kind), f"{method} {path}: {answer.text}"


async def test_wrong_arguments_are_named_one_by_one_and_make_no_run(admin: httpx.AsyncClient) -> None:
    await apply(admin, _TASK)
    path = "/api/v1/projects/default/tasks/count/runs"
    answer = await admin.post(path, json={"arguments": {"limit": 0, "limt": 1}})
    assert (answer.status_code, _kind(answer)) == (422, "arguments-invalid")
    assert {problem["path"] for problem in answer.json()["problems"]} == {"limit", "limt"}
    assert (await admin.get("/api/v1/projects/default/runs")).json()["items"] == []


async def test_wrong_files_are_refused_with_every_place(admin: httpx.AsyncClient) -> None:
    files = [{"name": "bad.yaml", "source": "task: bad\nsteps: [{tool: nope}]\n"}]
    answer = await admin.post("/api/v1/projects/default/files", json={"files": files})
    assert (answer.status_code, _kind(answer)) == (422, "files-invalid")
    assert all(problem["file"] == "bad.yaml" and problem["line"] for problem in answer.json()["problems"])


async def test_a_body_that_is_no_json_is_refused(admin: httpx.AsyncClient) -> None:
    path = "/api/v1/projects/default/events"
    for content in (b"{", b'{"name": "x", "payload": NaN}', b'{"name": "\\ud800"}', b"\xff"):
        answer = await admin.post(path, content=content, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422), content
        assert _kind(answer) in ("unreadable", "malformed")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"arguments": {"limit": NaN}}', "line 1 column 25"),
        (b'{"arguments": ' + b"[" * 3000, "recursion limit exceeded"),
        (b'{"arguments": {"limit": "\xff"}}', "invalid unicode"),
    ],
)
async def test_a_start_whose_body_is_no_json_is_refused_with_the_place(
    admin: httpx.AsyncClient, content: bytes, said: str
) -> None:
    answer = await admin.post("/api/v1/projects/default/tasks/count/runs", content=content)
    assert (answer.status_code, _kind(answer)) == (422, "malformed")
    assert said in answer.json()["detail"]


async def test_a_body_over_the_limit_is_refused_whether_its_length_is_told_or_not(admin: httpx.AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 2**20 + 1):
            yield b" " * 2**20

    path = "/api/v1/projects/default/events"
    told = await admin.post(path, content=b" " * (MAX_BODY_BYTES + 1))
    untold = await admin.post(path, content=parts())
    assert [(answer.status_code, _kind(answer)) for answer in (told, untold)] == [(413, "too-large")] * 2


async def test_a_secret_is_in_no_refusal(admin: httpx.AsyncClient) -> None:
    answer = await admin.put("/api/v1/projects/default/secrets/KEY", json={"value": "s3cret" * 20_000})
    assert answer.status_code == 422
    assert "s3cret" not in answer.text
    answer = await admin.put("/api/v1/projects/default/secrets/KEY", json={"value": {"s3cret": 1}})
    assert "s3cret" not in answer.text


async def test_a_database_that_is_away_is_503_with_a_time_to_come_back(
    services: Services, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise ConnectionRefusedError("connection refused")

    monkeypatch.setattr(type(services.projects), "list", away)
    monkeypatch.setattr(type(services.figures), "ready", away)
    for path in ("/api/v1/projects", "/readyz"):
        answer = await admin.get(path)
        assert (answer.status_code, _kind(answer), answer.headers["retry-after"]) == (503, "unavailable", "5")
    assert (await admin.get("/healthz")).status_code == 200


async def test_a_defect_is_told_as_one_and_nothing_of_it_leaks(
    services: Services, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("the inside of us")

    monkeypatch.setattr(type(services.projects), "list", broken)
    answer = await admin.get("/api/v1/projects")
    assert (answer.status_code, _kind(answer)) == (500, "internal")
    assert "inside" not in answer.text


async def test_every_answer_has_safe_headers_and_an_id(admin: httpx.AsyncClient, anonymous: httpx.AsyncClient) -> None:
    for answer in (await admin.get("/api/v1/projects"), await anonymous.get("/api/v1/projects")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
    named = await admin.get("/healthz", headers={"X-Request-ID": "mine-1"})
    assert named.headers["x-request-id"] == "mine-1"
    assert (await admin.get("/healthz", headers={"X-Request-ID": "a b\tc"})).headers["x-request-id"] != "a b\tc"


async def test_a_broken_token_is_401_and_says_why(
    app: FastAPI, services: Services, anonymous: httpx.AsyncClient
) -> None:
    await services.people.create(OPERATOR, "tim")
    made = await services.tokens.make(OPERATOR, "old", [Scope.READ], expires_in=None, person="tim")
    await services.tokens.revoke(OPERATOR, made.token.id)
    for header, said in (
        (f"Bearer {made.text}", "revoked"),
        ("Bearer errands_nope", "no token"),
        ("Bearer ", "not known"),
        ("Basic eDp5", "not known"),
    ):
        answer = await anonymous.get("/api/v1/projects", headers={"Authorization": header})
        assert answer.status_code == 401
        assert said in answer.json()["detail"]


async def test_a_name_or_an_id_that_is_not_there_comes_with_what_to_do_next(admin: httpx.AsyncClient) -> None:
    await apply(admin, _TASK)
    for path, hint in (
        ("runs/zzz", "A run is named by its id"),
        ("approvals/zz", "A run is named by its id"),
        ("projects/default/tasks/nothing-like-it", "See those of project default: errands tasks --project default"),
        ("projects/default/tasks/cuont", "Did you mean count?"),
    ):
        answer = await admin.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["hint"][: len(hint)]) == (404, hint), path


async def test_a_token_that_lacks_a_scope_says_whom_to_ask_for_what(app: FastAPI, services: Services) -> None:
    async with client_of(app, await token_of(services, "tim", scopes=[Scope.READ])) as client:
        answer = await client.post("/api/v1/projects/default/tasks/count/runs", json={})
    assert (answer.status_code, answer.json()["hint"]) == (403, "Ask tim for a token with it.")
