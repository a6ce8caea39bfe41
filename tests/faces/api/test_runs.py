"""Runs over HTTP: waiting for them, starting them once, paging through them, exporting them, editing tasks."""

import asyncio
import csv
import io
from typing import Any

import httpx
import pytest

from errands.services import Services
from tests.faces.api.conftest import OPERATOR, apply

_COUNT = """
task: count
description: Counts.
params: {limit: {type: integer, default: 1}}
steps: [{id: a, python: "limit + 1"}]
output: "{{ a }}"
"""
_SLOW = "task: slow\ndescription: Waits.\nsteps: [{wait: 1d}]\n"
_RUNS = "/api/v1/projects/default/tasks/count/runs"


@pytest.mark.usefixtures("worker")
async def test_a_start_that_waits_gives_the_result_or_where_it_will_be(admin: httpx.AsyncClient) -> None:
    await apply(admin, _COUNT, _SLOW)
    ended = await admin.post(_RUNS, params={"wait": "30s"}, json={"arguments": {"limit": 4}})
    assert (ended.status_code, ended.json()["output"]) == (200, 5)
    late = await admin.post("/api/v1/projects/default/tasks/slow/runs", params={"wait": "400ms"}, json={})
    assert (late.status_code, late.json()["status"]) == (202, "waiting")
    assert (await admin.get(late.headers["location"])).json()["status"] == "waiting"


async def test_one_idempotency_key_starts_one_run(admin: httpx.AsyncClient) -> None:
    await apply(admin, _COUNT)

    async def start(limit: int) -> httpx.Response:
        return await admin.post(_RUNS, json={"arguments": {"limit": limit}}, headers={"Idempotency-Key": "k1"})

    answers = await asyncio.gather(*(start(1) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sorted(answer.json()["existing"] for answer in answers) == [False, True, True, True, True]
    assert (await start(2)).status_code == 409


async def _pages(client: httpx.AsyncClient, **query: Any) -> list[list[str]]:
    pages, cursor = [], None
    while True:
        given = {**query, **({} if cursor is None else {"cursor": cursor})}
        page = (await client.get("/api/v1/projects/default/runs", params=given)).json()
        pages.append([run["id"] for run in page["items"]])
        if (cursor := page["next_cursor"]) is None:
            return pages


async def test_pages_do_not_move_while_runs_are_started(admin: httpx.AsyncClient) -> None:
    await apply(admin, _COUNT, _SLOW)
    started = [(await admin.post(_RUNS, json={})).json()["id"] for _ in range(7)]
    first = (await admin.get("/api/v1/projects/default/runs", params={"limit": 3})).json()
    await admin.post(_RUNS, json={})
    await admin.post("/api/v1/projects/default/tasks/slow/runs", json={})
    rest = await _pages(admin, limit=3, cursor=first["next_cursor"])
    assert [run["id"] for run in first["items"]] + [run for page in rest for run in page] == started[::-1]
    assert sum(len(page) for page in await _pages(admin, limit=2, task="count")) == 8
    assert await _pages(admin, status="failed") == [[]]


async def test_an_export_holds_every_run_and_no_formula(admin: httpx.AsyncClient) -> None:
    await apply(admin, _COUNT)
    started = [(await admin.post(_RUNS, json={})).json()["id"] for _ in range(3)]
    await admin.post(f"/api/v1/runs/{started[0]}/cancel", json={"reason": "=HYPERLINK(1)"})
    path = "/api/v1/projects/default/runs/export"
    table = await admin.get(path, params={"format": "csv"})
    assert table.headers["content-disposition"] == 'attachment; filename="default-runs.csv"'
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["id"] for row in rows] == started[::-1]
    assert not any(cell.startswith("=") for row in rows for cell in row.values())
    listed = (await admin.get(path, params={"format": "json"})).json()
    assert [run["id"] for run in listed] == started[::-1]
    assert (await admin.get(path, params={"format": "json", "status": "failed"})).json() == []


async def test_an_edit_of_what_somebody_else_has_changed_is_refused(admin: httpx.AsyncClient) -> None:
    path = "/api/v1/projects/default/tasks/count"
    created = await admin.put(path, json={"source": _COUNT, "publish": True})
    assert (created.status_code, created.json()["change"]) == (200, "created")
    tag = (await admin.get(path)).headers["etag"]
    assert created.headers["etag"] == tag
    unsaid = await admin.put(path, json={"source": _COUNT})
    assert unsaid.status_code == 412
    mine = await admin.put(path, json={"source": _COUNT.replace("Counts.", "Mine.")}, headers={"If-Match": tag})
    theirs = await admin.put(path, json={"source": _COUNT.replace("Counts.", "Theirs.")}, headers={"If-Match": tag})
    assert (mine.status_code, theirs.status_code) == (200, 412)
    assert "newer version" in theirs.json()["detail"]
    task = (await admin.get(path)).json()
    assert (task["published"], task["latest"]) == (1, 2)
    other = await admin.put(path, json={"source": _SLOW}, headers={"If-Match": "*"})
    assert (other.status_code, other.json()["type"]) == (422, "urn:errands:problem:other-task")


async def test_of_two_edits_at_once_one_wins(admin: httpx.AsyncClient) -> None:
    path = "/api/v1/projects/default/tasks/count"
    tag = (await admin.put(path, json={"source": _COUNT})).headers["etag"]
    answers = await asyncio.gather(
        *(
            admin.put(path, json={"source": _COUNT.replace("Counts.", f"Edit {number}.")}, headers={"If-Match": tag})
            for number in range(6)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 5]


async def test_an_edit_of_a_role_a_gate_or_a_tool_server_that_began_with_an_older_one_is_refused(
    admin: httpx.AsyncClient, services: Services
) -> None:
    await services.people.create(OPERATOR, "ben")
    here, new, old = "/api/v1/projects/default", {"If-None-Match": "*"}, {"If-Match": '"older"'}
    crm = {"connection": {"kind": "http", "url": "http://127.0.0.1:9/mcp"}}
    for path, body, first in (
        ("members/user:ben", {"role": "viewer"}, new),
        ("tool-servers/crm", crm, new),
        ("publish-gate", {"gate": {"runs": 5}}, {}),
    ):
        assert (await admin.put(f"{here}/{path}", json=body, headers=first)).is_success, path
        for headers in (old, first or old):
            refused = await admin.put(f"{here}/{path}", json=body, headers=headers)
            assert (refused.status_code, refused.json()["title"]) == (412, "Changed meanwhile"), path
    made = (await admin.get(f"{here}/members")).json()
    (ben,) = [one for one in made if one["reference"] == "user:ben"]
    again = {"If-Match": f'"{ben["digest"]}"'}
    assert (await admin.put(f"{here}/members/user:ben", json={"role": "editor"}, headers=again)).status_code == 204
