"""Files that a run begins with: sent with its start, found in its workspace, kept for its reruns."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import httpx
import pytest

from errands.bootstrap import Runtime
from errands.engine.retention import remove_unneeded
from errands.services.uploads import Intake, Upload
from errands.store.artifacts import ArtifactStore
from tests.faces.api.conftest import apply

_TASK = """
task: count-letters
description: Counts the letters of a file.
grants: {tools: [files.read, files.list]}
params:
  letter: {type: string, format: file, description: The letter}
  more: {type: array, items: {type: string, format: file}, default: []}
  twice: {type: boolean, default: false}
steps:
  - {id: read, tool: files.read, with: {path: "{{ letter }}"}}
  - {id: all, tool: files.list, with: {path: inputs}}
output: {size: "{{ len(read['content']) }}", letter: "{{ letter }}", more: "{{ more }}", twice: "{{ twice }}"}
"""
_PATH = "/api/v1/projects/default/tasks/count-letters/runs"


async def _start(client: httpx.AsyncClient, *files: tuple[str, tuple[str, bytes]], **more: Any) -> httpx.Response:
    return await client.post(_PATH, files=list(files), params={"wait": "30s"}, **more)


@pytest.mark.usefixtures("worker")
async def test_files_stand_in_the_workspace_under_harmless_names_and_come_back_as_artifacts(
    admin: httpx.AsyncClient,
) -> None:
    await apply(admin, _TASK)
    answer = await _start(
        admin,
        ("letter", ("../../etc/pass wd.txt", b"hello")),
        ("more", ("a.txt", b"1")),
        ("more", ("A.txt", b"2")),
        data={"arguments": json.dumps({"twice": True})},
    )
    assert answer.status_code == 200, answer.text
    run = answer.json()
    assert run["output"] == {
        "size": 5,
        "letter": "inputs/pass wd.txt",
        "more": ["inputs/a.txt", "inputs/A-2.txt"],
        "twice": True,
    }
    assert {file["name"]: file["size"] for file in run["artifacts"]} == {
        "inputs/pass wd.txt": 5,
        "inputs/a.txt": 1,
        "inputs/A-2.txt": 1,
    }
    content = await admin.get(f"/api/v1/artifacts/{run['artifacts'][0]['id']}")
    assert content.content == b"hello"


@pytest.mark.usefixtures("worker")
async def test_a_rerun_begins_with_the_same_files_also_when_the_first_run_is_forgotten(
    admin: httpx.AsyncClient, runtime: Runtime
) -> None:
    await apply(admin, _TASK)
    first = (await _start(admin, ("letter", ("a.txt", b"hello")))).json()
    again = await admin.post(f"/api/v1/runs/{first['id']}/rerun?wait=30s", json={})
    assert again.json()["output"]["size"] == 5
    pool = runtime.engine._parts.pool
    await pool.execute("update runs set finished_at = now() - interval '900 days' where rerun_of is null")
    keeper = runtime.engine.worker(concurrency=1)._keeper
    assert await keeper.forget_ended() == 1
    third = await admin.post(f"/api/v1/runs/{again.json()['id']}/rerun?wait=30s", json={})
    assert third.json()["output"]["size"] == 5, third.text


async def test_a_file_for_what_takes_none_and_a_text_for_what_takes_one_make_no_run(
    admin: httpx.AsyncClient, runtime: Runtime
) -> None:
    await apply(admin, _TASK)
    two = [("letter", ("a.txt", b"1")), ("letter", ("b.txt", b"2")), ("twice", ("c.txt", b"3")), ("no", ("d", b"4"))]
    refused = await _start(admin, *two)
    assert refused.status_code == 422
    assert {one["path"] for one in refused.json()["problems"]} == {"letter", "twice", "no"}
    text = await admin.post(_PATH, json={"arguments": {"letter": "/etc/passwd"}})
    assert (text.status_code, text.json()["problems"][0]["message"]) == (422, "`letter` takes a file")
    missing = await admin.post(_PATH, json={})
    assert (missing.status_code, missing.json()["problems"][0]["path"]) == (422, "letter")
    bad = await _start(admin, ("letter", ("a.txt", b"1")), data={"arguments": "{"})
    assert bad.status_code == 422
    cut = await admin.post(_PATH, content=b"--x\r\n", headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert (cut.status_code, cut.headers["content-type"]) == (422, "application/problem+json")
    assert (await admin.get("/api/v1/projects/default/runs")).json()["items"] == []
    assert await runtime.engine._parts.pool.fetchval("select count(*) from artifacts") == 0


async def test_an_idempotency_key_tells_other_files_from_the_same(admin: httpx.AsyncClient) -> None:
    await apply(admin, _TASK)
    key = {"Idempotency-Key": "k"}
    answers = [
        await admin.post(_PATH, files=[("letter", ("a.txt", content))], headers=key)
        for content in (b"one", b"one", b"two")
    ]
    assert [one.status_code for one in answers] == [202, 202, 409]
    assert [one.json()["existing"] for one in answers[:2]] == [False, True]


async def test_files_over_the_limit_are_refused(admin: httpx.AsyncClient) -> None:
    await apply(admin, _TASK)
    length = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(101 * 2**20)}
    answer = await admin.post(_PATH, content=b"", headers=length)
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:errands:problem:too-large")


async def test_files_of_a_start_that_was_killed_are_removed_later_and_those_of_a_run_stay(
    admin: httpx.AsyncClient, runtime: Runtime
) -> None:
    await apply(admin, _TASK)
    assert (await admin.post(_PATH, files=[("letter", ("a.txt", b"kept"))])).status_code == 202
    store, pool = ArtifactStore(str(runtime.settings.home / "artifacts")), runtime.database.pool
    kept = await store.names()
    lost = Upload("lost.txt", "text/plain", BytesIO(b"lost"))
    await Intake(runtime.database, store).keep([("inputs/lost.txt", lost)])  # Here it was killed.
    now = datetime.now(UTC)
    assert await remove_unneeded(pool, store, now + timedelta(minutes=30)) == 0, "its run may still come to be"
    assert await remove_unneeded(pool, store, now + timedelta(hours=2)) == 1
    assert await store.names() == kept
    assert len(kept) == 1
