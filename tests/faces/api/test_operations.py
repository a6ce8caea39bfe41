"""What those who run a server rely on: readiness, figures that are all documented, container files that make sense."""

import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from ruamel.yaml import YAML

from errands.api.serving import listening, take_address
from errands.services import Services
from errands.store.database import Database
from tests.faces.api.conftest import apply

_ROOT = Path(__file__).parents[3]
_FOREIGN = ("python_gc_", "process_")


def _told(text: str) -> set[str]:
    """Names of metrics in an answer, as the documentation spells them."""
    names = re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE)
    return {name.removesuffix("_total") for name in names if not name.startswith(_FOREIGN)}


def _documented() -> set[str]:
    page = (_ROOT / "docs/reference/metrics.md").read_text()
    return set(re.findall(r"^\| `(errands_\w+)(?:\{[\w,]+\})?`", page, re.MULTILINE))


async def test_every_metric_is_documented_and_every_documented_one_is_told(admin: httpx.AsyncClient) -> None:
    assert _told((await admin.get("/metrics")).text) == _documented()


@pytest.mark.usefixtures("worker")
async def test_runs_steps_and_commits_are_counted(admin: httpx.AsyncClient) -> None:
    await apply(admin, "task: hello\ndescription: x\nsteps:\n  - {id: one, python: '1'}\n")
    answer = await admin.post("/api/v1/projects/default/tasks/hello/runs?wait=30s", json={})
    assert answer.json()["status"] == "succeeded", answer.text
    text = (await admin.get("/metrics")).text
    assert 'errands_run_seconds_count{status="succeeded"} 1.0' in text
    assert 'errands_step_seconds_count{kind="transform",status="succeeded"} 1.0' in text
    assert "errands_workers 1.0" in text
    batches = re.search(r"^errands_journal_batch_sum (\S+)$", text, re.MULTILINE)
    assert batches is not None
    assert float(batches[1]) >= 1


@pytest.mark.usefixtures("worker")
async def test_a_server_is_ready_with_a_worker(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/readyz?worker=true")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "workers": 1})


async def test_a_server_without_a_worker_is_ready_unless_one_is_asked_for(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.get("/readyz")).json() == {"status": "ready", "workers": 0}
    refused = await anonymous.get("/readyz?worker=true")
    assert (refused.status_code, refused.json()["detail"]) == (503, "No worker is alive.")


async def test_tables_of_another_release_make_a_server_unready(
    anonymous: httpx.AsyncClient, database: Database
) -> None:
    await database.pool.execute("update alembic_version set version_num = '9999'")
    refused = await anonymous.get("/readyz")
    assert refused.status_code == 503
    assert "another release" in refused.json()["detail"]
    assert (await anonymous.get("/healthz")).status_code == 200


@pytest.mark.parametrize(("proxies", "believed"), [(("127.0.0.0/8",), True), (("10.0.0.5",), False)])
async def test_a_proxy_is_believed_when_it_is_trusted(
    app: FastAPI, services: Services, database: Database, proxies: tuple[str, ...], believed: bool
) -> None:
    link = await services.sign_in.first_start_link()
    assert link is not None
    headers = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    body = {"link": link.secret, "name": "ana", "password": "correct horse battery"}
    served = listening(app, take_address("127.0.0.1", 0), timedelta(seconds=5), proxies=proxies)
    async with served as server, httpx.AsyncClient(base_url=server.url, headers=headers) as browser:
        answer = await browser.post("/api/v1/setup", json=body, headers={"Origin": server.url})
    assert answer.status_code == 201, answer.text
    assert ("; Secure" in answer.headers["set-cookie"]) is believed
    address = await database.pool.fetchval("select address from sessions")
    assert (address == "203.0.113.7") is believed


def test_the_container_files_name_what_is_there() -> None:
    compose = YAML(typ="safe").load(_ROOT / "compose.yaml")
    services = compose["services"]
    assert set(services) == {"database", "server", "worker"}
    assert services["server"]["command"] == ["serve"]
    assert services["worker"]["command"] == ["worker"]
    dockerfile = (_ROOT / "Dockerfile").read_text()
    for source in re.findall(r"-r (\S+)", dockerfile):
        assert (_ROOT / source).exists(), source
    assert dockerfile.rindex("USER errands") > dockerfile.rindex("FROM "), "the image that runs is not root's"
    assert "HEALTHCHECK" in dockerfile
    # A volume on a folder that the image does not have would belong to root, and the user of the image could not write.
    folders = re.search(r"install --directory --owner=errands .*--mode=0700 (/.+)$", dockerfile, re.MULTILINE)
    assert folders is not None
    mounted = {one.partition(":")[2] for one in services["server"]["volumes"]}
    assert mounted | {"/var/lib/errands"} == set(folders[1].split())
    used = set(re.findall(r"(ERRANDS_[A-Z_]+)[:=]", dockerfile + (_ROOT / "compose.yaml").read_text()))
    known = set(re.findall(r"ERRANDS_[A-Z_]+", (_ROOT / "docs/reference/settings.md").read_text()))
    assert used - known == {"ERRANDS_DB_PASSWORD"}
