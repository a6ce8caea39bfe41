"""A query parameter that a route does not declare is refused: a misspelled filter must not list everything."""

import re

import httpx
from fastapi import FastAPI

from tests.faces.api.conftest import apply

_ANY_QUERY = {"receiveDelivery", "finishSignOn", "getHealth", "getReadiness", "getMetrics"}
"""Where others decide what an address carries."""
_RUNS = "/api/v1/projects/default/runs"
_TASK = "task: count\ndescription: Counts.\nsteps: [{id: a, python: '1'}]\n"


async def test_every_route_refuses_an_unknown_parameter_and_does_nothing(
    app: FastAPI, admin: httpx.AsyncClient
) -> None:
    walked = 0
    for path, methods in app.openapi()["paths"].items():
        for method, declared in methods.items():
            address = re.sub(r"{[^}]+}", "x", path)
            answer = await admin.request(method, address, params={"unknown-one": "s3cret"})
            refused = answer.status_code == 422 and "'unknown-one'" in answer.json()["detail"]
            assert refused == (declared["operationId"] not in _ANY_QUERY), f"{method} {path}: {answer.text}"
            assert "s3cret" not in answer.text
            walked += 1
    assert walked > 200
    assert (await admin.get("/api/v1/projects")).json() == ["default"]


async def test_the_nearest_parameter_is_named_and_each_unknown_one_has_its_place(admin: httpx.AsyncClient) -> None:
    answer = await admin.get(_RUNS, params={"statsu": "failed", "limit": 3, "zz": 1})
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, "urn:errands:problem:malformed")
    assert (problem["detail"], problem["hint"]) == (
        "There is no query parameter 'statsu' at this address. Nothing was done.",
        "Did you mean status?",
    )
    assert [one["path"] for one in problem["problems"]] == ["query.statsu", "query.zz"]
    assert problem["problems"][1]["hint"] == "It takes cursor, limit, since, status, task, until."
    none = await admin.get("/api/v1/me?x=1")
    assert none.json()["hint"] == "It takes none."


async def test_what_streams_and_what_is_a_file_refuse_as_well(admin: httpx.AsyncClient) -> None:
    for path, near in (("runs/export?statsu=failed", "status"), ("runs/export?fromat=csv", "format")):
        answer = await admin.get(f"/api/v1/projects/default/{path}")
        assert (answer.status_code, answer.json()["hint"]) == (422, f"Did you mean {near}?")
    assert (await admin.get("/api/v1/projects/default/events?after=1")).status_code == 422
    assert (await admin.get("/api/v1/audit/export?actr=user:root")).json()["hint"] == "Did you mean actor?"


async def test_a_write_with_an_unknown_parameter_is_not_done(admin: httpx.AsyncClient) -> None:
    await apply(admin, _TASK)
    answer = await admin.post("/api/v1/projects/default/tasks/count/runs?wiat=30s", json={})
    assert (answer.status_code, answer.json()["hint"]) == (422, "Did you mean wait?")
    assert (await admin.get(_RUNS)).json()["items"] == []


async def test_declared_parameters_are_taken_in_any_number_and_order(admin: httpx.AsyncClient) -> None:
    await apply(admin, _TASK)
    for query in ("?status=failed&limit=5", "?limit=5&task=count", "?", ""):
        assert (await admin.get(_RUNS + query)).status_code == 200
    both = await admin.get("/api/v1/projects/default/triggers?task=count&task=count&order=next")
    assert both.status_code == 200
