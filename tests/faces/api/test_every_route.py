"""Every route of the document: done once as it should be, and refused to those who may not."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import jsonschema_rs
import pytest
from fastapi import FastAPI

from errands.api.app import OPEN_TO_ALL
from errands.core import ids
from errands.services import Services
from errands.store import outbox
from errands.store.database import Database
from errands.store.identifiers import new_id
from errands.store.outbox import NewMessage
from tests.faces.api.conftest import OPERATOR, client_of, token_of
from tests.faces.api.walk_templates import walk_templates
from tests.faces.api.walk_tools import walk_tools

_SOURCE = """
task: hello
description: Says hello.
grants: {tools: [log, files.write, files.keep]}
params:
  name: {type: string, default: world}
triggers:
  - {id: daily, schedule: {daily: "09:00"}}
steps:
  - {id: said, python: "'hello ' + name"}
  - {id: written, tool: files.write, with: {path: hello.txt, text: "{{ said }}"}}
  - {id: kept, tool: files.keep, with: {path: hello.txt}}
  - {id: told, tool: log, with: {message: "{{ said }}"}}
output: "{{ said }}"
tests:
  - {name: greets, arguments: {name: ana}, stub: {written: {}, kept: {}, told: {}}, expect: {status: succeeded}}
"""
_ASK = """
task: ask
description: Asks.
steps:
  - {id: ok, approve: {question: "Go on?", choices: [yes_please, no_thanks]}}
"""
_LISTEN = """
task: listen
description: Runs when somebody calls.
grants: {secrets: [HOOK]}
steps: [{wait: 1s}]
triggers: [{id: hook, webhook: {token: "secret:HOOK"}}]
"""
_SLOW = "task: slow\ndescription: Waits.\nsteps: [{wait: 1d}]\n"

OWN = frozenset(
    {
        "listProjects",
        "getDefinitionSchema",
        "listTemplates",
        "getTemplate",
        "tryTemplate",
        "listCommands",
        "getMe",
        "listTokens",
        "listInbox",
    }
)
"""What everybody may with an account: it shows nothing that is somebody else's."""


@dataclass
class Walk:
    """Calls operations by their names, checks answers against the document, and keeps what was called."""

    client: httpx.AsyncClient
    document: Mapping[str, Any]
    called: list[tuple[str, str, str, Any]] = field(default_factory=list)

    async def call(
        self,
        operation: str,
        *,
        json: object = None,
        client: httpx.AsyncClient | None = None,
        headers: Mapping[str, str] | None = None,
        **given: Any,
    ) -> httpx.Response:
        method, path, declared = self._find(operation)
        parameters = {name: str(value) for name, value in given.items()}
        address = path.format_map(parameters)
        query = {name: value for name, value in parameters.items() if f"{{{name}}}" not in path}
        url = str(httpx.URL(address, params=query)) if query else address
        self.called.append((operation, method, url, json))
        answer = await (client or self.client).request(method, url, json=json, headers=headers)
        assert answer.is_success or answer.is_redirect, f"{operation}: {answer.status_code} {answer.text}"
        self._fits(declared, answer)
        return answer

    def _find(self, operation: str) -> tuple[str, str, Mapping[str, Any]]:
        for path, methods in self.document["paths"].items():
            for method, declared in methods.items():
                if declared["operationId"] == operation:
                    return method, path, declared
        raise AssertionError(f"the document knows no {operation}")

    def _fits(self, declared: Mapping[str, Any], answer: httpx.Response) -> None:
        said = declared["responses"][str(answer.status_code)]
        if answer.status_code == 204:
            assert answer.content == b""
            return
        if (schema := said.get("content", {}).get("application/json", {}).get("schema")) is not None:
            whole = {**schema, "components": self.document["components"]}
            errors = list(jsonschema_rs.validator_for(whole).iter_errors(answer.json()))
            assert errors == [], f"{declared['operationId']}: {errors[0].message} at {errors[0].instance_path}"


async def _walk(walk: Walk, app: FastAPI, services: Services, database: Database) -> None:
    """A whole life: a project, a task, its runs, its triggers, the people around it."""
    await _projects(walk)
    await _tasks(walk)
    await _runs(walk)
    await _channels(walk, database)
    await _alarms(walk, database)
    await _triggers(walk)
    await _hooks(walk)
    await _chat(walk)
    await walk_templates(walk)
    await walk_tools(walk)
    await _people(walk, app, services)
    await _doors(walk, app, services)


async def _projects(walk: Walk) -> None:
    await walk.call("createProject", project="sales", json={"title": "Sales"})
    assert "sales" in (await walk.call("listProjects")).json()
    await walk.call("deleteProject", project="sales", note="was a trial")
    assert (await walk.call("listProjects", deleted=True)).json() == ["sales"]
    assert (await walk.call("restoreProject", project="sales")).json()["remove_at"] is None


async def _tasks(walk: Walk) -> None:
    here: dict[str, Any] = {"project": "default"}
    hello: dict[str, Any] = {**here, "task": "hello"}
    files = [{"name": "hello.yaml", "source": _SOURCE}, {"name": "ask.yaml", "source": _ASK}]
    await walk.call("validateFile", **here, json=files[0])
    await walk.call("applyFiles", **here, json={"files": [*files, {"name": "slow.yaml", "source": _SLOW}]})
    assert "task.run" in (await walk.call("getProject", **here)).json()["rights"]
    assert len((await walk.call("getOverview", **here, days=3)).json()["days"]) == 3
    assert (await walk.call("getInsights", **here, by="model", order="cost")).json()["rows"] == []
    await walk.call("exportFiles", **here)
    await walk.call("listTasks", **here)
    tag = (await walk.call("getTask", **hello)).headers["etag"]
    await walk.call(
        "editTask",
        **hello,
        headers={"If-Match": tag},
        json={"source": _SOURCE.replace("Says hello.", "Greets."), "publish": True},
    )
    assert "Greets." in (await walk.call("getTaskSource", **hello)).json()["source"]
    assert (await walk.call("getTaskDefinition", **hello, version=2)).json()["task"] == "hello"
    assert (await walk.call("getTaskSchema", **hello)).json()["properties"]["name"]["default"] == "world"
    assert [one["number"] for one in (await walk.call("listVersions", **hello)).json()["items"]] == [2, 1]
    assert (await walk.call("compareVersions", **hello, older=1, newer=2)).json()["differences"][0]["area"] == "task"
    await walk.call("publishTask", **hello, json={"version": 1, "message": "back"})
    assert (await walk.call("getPublishGate", **here)).json()["whose"] is None
    gate = {"runs": 5, "may_differ": 1}
    assert (await walk.call("setPublishGate", **here, json={"gate": gate})).json()["runs"] == 5
    assert (await walk.call("getTaskPublishGate", **hello)).json()["whose"] == "project"
    assert (await walk.call("setTaskPublishGate", **hello, json={"gate": None})).json()["may_differ"] == 1
    await walk.call("pauseTask", **hello, json={"note": "holidays"})
    await walk.call("countMissedOfTask", **hello)
    await walk.call("resumeTask", **hello, json={"catch_up": False, "note": "over"})
    assert (await walk.call("archiveTask", **hello, json={"note": "done"})).json()["archived_at"]
    assert (await walk.call("listTasks", **here, archived="true")).json()["items"][1]["archived_at"]
    await walk.call("restoreTask", **hello)
    assert (await walk.call("deleteTask", **hello)).json()["remove_at"]
    await walk.call("restoreTask", **hello)
    assert [one["passed"] for one in (await walk.call("testTask", **hello)).json()] == [True]
    await walk.call("testFile", **here, json={"file": files[0]})
    rehearsed = await walk.call(
        "dryRun", **here, json={"task": "hello", "stubs": {"written": {}, "kept": {}, "told": {}}}
    )
    assert rehearsed.json()["output"] == "hello world"
    await walk.call("getDefinitionSchema")
    await walk.call("setSecret", **here, secret="KEY", json={"value": "s3cret"})
    assert "s3cret" not in (await walk.call("listSecrets", **here)).text
    await walk.call("limitSecret", **here, secret="KEY", json={"tasks": ["hello"]})
    assert (await walk.call("listSecrets", **here)).json()[0]["tasks"] == ["hello"]
    bundle = (await walk.call("exportProject", **here)).json()
    assert bundle[0]["name"] == "project.yaml"
    zipped = (await walk.call("exportProjectArchive", **here)).content
    again = await walk.call("importProject", **here, json={"files": bundle, "dry_run": True})
    assert {one["change"] for one in again.json()["applied"]} == {"unchanged"}
    packed = {"archive": base64.b64encode(zipped).decode(), "dry_run": True}
    assert (await walk.call("importProject", **here, json=packed)).json() == again.json()
    await walk.call("deleteSecret", **here, secret="KEY")
    assert (await walk.call("sendEvent", **here, json={"name": "paid", "payload": {"n": 1}})).json() == {"woken": 0}


async def _runs(walk: Walk) -> None:
    here: dict[str, Any] = {"project": "default"}
    started = await walk.call("startRun", **here, task="hello", wait="30s", json={"arguments": {"name": "ana"}})
    assert (started.status_code, started.json()["output"]) == (200, "hello ana")
    run = started.json()["id"]
    assert started.headers["location"] == f"/api/v1/runs/{run}"
    assert (await walk.call("listRuns", **here)).json()["items"][0]["id"] == run
    assert (await walk.call("exportRuns", **here)).text.splitlines()[1].startswith(run)
    await walk.call("getRun", run=run)
    assert [step["path"] for step in (await walk.call("listSteps", run=run)).json()] == [
        "said",
        "written",
        "kept",
        "told",
    ]
    assert (await walk.call("getRunOutput", run=run)).json() == "hello ana"
    assert (await walk.call("getRunText", run=run, path="said")).json()["text"] == '"hello ana"'
    assert "event: ended" in (await walk.call("followRun", run=run)).text
    assert [line["message"] for line in (await walk.call("listLogLines", run=run)).json()] == ["hello ana"]
    advice = (await walk.call("suggestGrants", **here, task="hello")).json()
    assert (advice["runs"], advice["unused"]) == (1, [])
    await walk.call("planRerun", run=run, from_step="told")
    edited = {"from_step": "told", "arguments": {"name": "bo"}, "outputs": {"said": "good day"}}
    again = await walk.call("rerunRun", run=run, json=edited)
    assert again.status_code == 202
    for file in (await walk.call("getRun", run=run)).json()["artifacts"]:
        content = await walk.call("downloadArtifact", artifact=file["id"])
        assert content.text == "hello ana"
        assert content.headers["content-disposition"].startswith("attachment")
    tried = await walk.call("backtest", **here, json={"task": "hello", "runs": 5})
    assert "same" in [one["verdict"] for one in tried.json()["runs"]]
    gone = (await walk.call("startRun", **here, task="hello", wait="30s", json={})).json()["id"]
    await walk.call("deleteRun", run=gone, note="a trial")
    slow = (await walk.call("startRun", **here, task="slow", json={})).json()["id"]
    assert (await walk.call("cancelRun", run=slow, json={"reason": "enough"})).json() == {"cancelled": True}
    asked = (await walk.call("startRun", **here, task="ask", json={}, wait="1s")).json()["id"]
    (question,) = (await walk.call("listApprovals", **here)).json()["items"]
    assert (await walk.call("listInbox")).json()["items"] == [question]
    assert (await walk.call("getApproval", approval=asked)).json()["id"] == question["id"]
    await walk.call("saveDraft", approval=question["id"], json={"choice": "yes_please"})
    assert (await walk.call("getDraft", approval=question["id"])).json()["choice"] == "yes_please"
    await walk.call("dropDraft", approval=question["id"])
    await walk.call("answerApproval", approval=question["id"], json={"choice": "yes_please"})


async def _channels(walk: Walk, database: Database) -> None:
    here: dict[str, Any] = {"project": "default"}
    await walk.call("putSaved", **here, shelf="runs", json={"name": "Mine", "value": {"status": "failed"}})
    assert (await walk.call("listSaved", **here, shelf="runs")).json()[0]["value"] == {"status": "failed"}
    await walk.call("forgetSaved", **here, shelf="runs", name="Mine")
    ops: dict[str, Any] = {**here, "channel": "ops"}
    await walk.call("putChannel", **ops, json={"addresses": ["ops@example.com"], "events": ["failed"]})
    assert [one["name"] for one in (await walk.call("listChannels", **here)).json()] == ["ops"]
    tried = (await walk.call("testChannel", **ops)).json()
    assert (tried["delivered"], tried["problem"].endswith("ERRANDS_SMTP_URL")) == (False, True)
    message = await _stuck_message(database)
    (shown,) = (await walk.call("listNotices", **here, failing=True)).json()["items"]
    assert shown["id"] == message
    assert (await walk.call("sendNoticeAgain", notice=message)).json()["status"] == "pending"
    await walk.call("removeChannel", **ops)


async def _alarms(walk: Walk, database: Database) -> None:
    here: dict[str, Any] = {"project": "default"}
    set_ = await walk.call("setAlarmDefaults", **here, json={"failed": "episode", "long": {"times_p95": 3}})
    assert set_.json()["watched"] == 3
    assert (await walk.call("getAlarmDefaults", **here)).json()["rules"] == set_.json()["rules"]
    alarm = new_id()
    await database.pool.execute(
        "insert into alarms (id, project_id, task_id, kind, message, opened_at, last_at) "
        "select $1, project_id, id, 'failed', 'It broke.', now(), now() from tasks limit 1",
        alarm,
    )
    named = ids.encode("alarm", alarm)
    (listed,) = (await walk.call("listAlarms", **here, state="open", kind="failed")).json()["items"]
    assert (await walk.call("getAlarm", alarm=named)).json() == listed
    seen = await walk.call("acknowledgeAlarm", alarm=named, json={"note": "on it"})
    assert (seen.json()["state"], seen.json()["note"]) == ("acknowledged", "on it")


async def _stuck_message(database: Database) -> str:
    """A message to the channel that did not get through."""
    row = await database.pool.fetchrow("select id, project_id from channels")
    assert row is not None
    async with database.pool.acquire() as connection:
        message = NewMessage(row["project_id"], "failed", "k", "hello failed", "It broke.", channel_id=row["id"])
        await outbox.put(connection, [message], datetime.now(UTC))
    await database.pool.execute("update outbox set problem = 'away', due_at = now() + interval '1 hour'")
    return ids.encode("notice", await database.pool.fetchval("select id from outbox"))


async def _triggers(walk: Walk) -> None:
    here: dict[str, Any] = {"project": "default"}
    daily: dict[str, Any] = {**here, "task": "hello", "trigger": "daily"}
    period: dict[str, Any] = {"start": "2026-01-02T00:00:00Z", "end": "2026-01-04T00:00:00Z"}
    assert [one["name"] for one in (await walk.call("listTriggers", **here)).json()["items"]] == ["daily"]
    await walk.call("getTrigger", **daily)
    assert len((await walk.call("previewTrigger", **daily, count=3)).json()["lines"]) == 3
    await walk.call("previewSchedule", **here, json={"schedule": {"every": "15m"}})
    await walk.call("simulateServer", days=2)
    await walk.call("simulateProject", **here, days=2)
    await walk.call("listOccurrences", **here, task="hello")
    await walk.call("explainTrigger", **daily, at="2026-01-02T09:00:00Z")
    await walk.call("disableTrigger", **daily, json={"note": "off"})
    await walk.call("countMissed", **daily)
    await walk.call("enableTrigger", **daily, json={})
    await walk.call("annotateTrigger", **daily, json={"note": "every day"})
    await walk.call("planBackfill", **daily, **period)
    started = await walk.call("startBackfill", **daily, json=period)
    backfill: dict[str, Any] = {**here, "backfill": started.json()["id"]}
    await walk.call("listBackfills", **here)
    await walk.call("pauseBackfill", **backfill)
    await walk.call("resumeBackfill", **backfill)
    await walk.call("cancelBackfill", **backfill)
    await walk.call("putCalendar", **here, calendar="freeze", json={"periods": [period]})
    await walk.call("listCalendars", **here)
    await walk.call("removeCalendar", **here, calendar="freeze")
    await walk.call("putServerCalendar", calendar="freeze", json={"periods": [period]})
    await walk.call("listServerCalendars")
    await walk.call("removeServerCalendar", calendar="freeze")


async def _hooks(walk: Walk) -> None:
    here: dict[str, Any] = {"project": "default"}
    hook: dict[str, Any] = {**here, "task": "listen", "trigger": "hook"}
    await walk.call("setSecret", **here, secret="HOOK", json={"value": "s3cret"})
    await walk.call("applyFiles", **here, json={"files": [{"name": "listen.yaml", "source": _LISTEN}]})
    address = (await walk.call("renewAddress", **hook)).json()["address"].rpartition("/")[2]
    proof = {"Authorization": "Bearer s3cret"}
    called = await walk.call("receiveDelivery", address=address, headers=proof, json={})
    assert called.headers["location"] == f"/api/v1/runs/{called.json()['run']}"
    (delivery,) = (await walk.call("listDeliveries", **hook)).json()["items"]
    assert (delivery["outcome"], delivery["run"]) == ("started", called.json()["run"])


async def _chat(walk: Walk) -> None:
    made = (await walk.call("createThread", project="default", json={"title": "Mine"})).json()
    here: dict[str, Any] = {"project": "default", "thread": made["id"]}
    said = {"message": {"parts": [{"type": "text", "text": "/pause hello holidays"}]}}
    assert "data-act" in (await walk.call("say", **here, json=said)).text
    _, answer = (await walk.call("listMessages", **here)).json()["items"]
    card = next(part["data"]["card"] for part in answer["parts"] if part["type"] == "data-act")
    await walk.call("decideCard", card=card["id"], json={"digest": card["digest"], "action": "dismiss"})
    assert (await walk.call("followAnswer", **here)).status_code == 204
    assert (await walk.call("cancelAnswer", **here)).json() == {"cancelled": False}
    file = (await walk.call("attachFile", **here, name="a.json", json={"a": 1})).json()
    assert [one["id"] for one in (await walk.call("listAttachments", **here)).json()] == [file["id"]]
    assert (await walk.call("downloadAttachment", attachment=file["id"])).json() == {"a": 1}
    await walk.call("removeAttachment", attachment=file["id"])
    assert (await walk.call("listCommands")).json()[0] == {"name": "help", "usage": "/help", "about": "this list"}
    assert (await walk.call("editThread", **here, json={"title": "Ours", "shared": True})).json()["shared"] is True
    assert (await walk.call("listThreads", project="default", q="ours")).json()["items"][0]["id"] == made["id"]
    await walk.call("getThread", **here)
    spare = (await walk.call("createThread", project="default", json={})).json()["id"]
    await walk.call("deleteThread", project="default", thread=spare)


async def _people(walk: Walk, app: FastAPI, services: Services) -> None:
    here: dict[str, Any] = {"project": "default"}
    await walk.call("createPerson", person="bob", json={"title": "Bob"})
    await walk.call("listPeople")
    await walk.call("getPerson", person="bob")
    await walk.call("setServerRole", person="bob", json={"role": "auditor"})
    await walk.call("disablePerson", person="bob")
    await walk.call("enablePerson", person="bob")
    await walk.call("putMember", **here, member="user:bob", json={"role": "viewer"})
    await walk.call("listMembers", **here)
    await walk.call("removeMember", **here, member="user:bob")
    await walk.call("createGroup", group="ops", json={})
    await walk.call("addToGroup", group="ops", person="bob")
    await walk.call("listGroups")
    await walk.call("takeOutOfGroup", group="ops", person="bob")
    await walk.call("removeGroup", group="ops")
    await walk.call("narrowTask", **here, task="hello", json={"runners": ["role:owner"]})
    await walk.call("getTaskAccess", **here, task="hello")
    await walk.call("getMe")
    await walk.call("listTokens")
    assert (await walk.call("listAuditEntries", verb="task.run")).json()["items"]
    assert (await walk.call("exportAudit")).text.splitlines()[-1].startswith('{"signature"')
    assert (await walk.call("verifyAudit", json={})).json()["intact"] is True
    await walk.call("checkServer")
    assert (await walk.call("rotateSecrets")).json() == {"encrypted_anew": 1}
    assert (await walk.call("downloadBackup")).content[257:262] == b"ustar"
    for operation in ("getHealth", "getReadiness", "getEntrance"):
        await walk.call(operation)
    assert "errands_runs{" in (await walk.call("getMetrics")).text


async def _doors(walk: Walk, app: FastAPI, services: Services) -> None:
    """In by a link, out, in by the password; then what takes a session."""
    first, second = "correct horse battery", "staple battery horse"
    origin = {"Origin": "http://errands.test"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://errands.test") as browser:
        link = (await walk.call("makePasswordLink", person="bob")).json()["secret"]
        await walk.call("choosePassword", client=browser, json={"link": link, "password": first})
        await walk.call("signOut", client=browser, headers=origin)
        await walk.call("signIn", client=browser, json={"name": "bob", "password": first})
        await walk.call("editMe", client=browser, headers=origin, json={"timezone": "Europe/Berlin"})
        made = await walk.call("makeToken", client=browser, headers=origin, json={"name": "t", "scopes": ["read"]})
        await walk.call("revokeToken", client=browser, headers=origin, token=made.json()["token"]["id"])
        (session,) = (await walk.call("listSessions", client=browser)).json()
        await walk.call("changeMyPassword", client=browser, headers=origin, json={"old": first, "new": second})
        await walk.call("signIn", client=browser, json={"name": "bob", "password": second})
        (session,) = (await walk.call("listSessions", client=browser)).json()
        await walk.call("revokeSession", client=browser, headers=origin, session=session["id"])
        link = (await walk.call("makePasswordLink", person="root")).json()["secret"]
        await walk.call("choosePassword", client=browser, json={"link": link, "password": first})
        await walk.call("editPerson", client=browser, headers=origin, person="bob", json={"title": "Robert"})
    # This one ends only when the server stops.
    asyncio.get_running_loop().call_later(0.1, app.state.followers.close)
    assert "retry: " in (await walk.call("followProject", project="default")).text


NEEDS_MORE = frozenset(
    {
        "setUp",
        "beginSignOn",
        "finishSignOn",
        "connectToolServer",
        "connectSharedToolServer",
    }
)
"""These take a server without accounts, an identity provider or a tool server's: see test_doors, test_connecting."""


@pytest.mark.usefixtures("worker")
async def test_every_route_does_what_the_document_says_and_refuses_strangers(
    app: FastAPI, services: Services, database: Database, admin: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    walk = Walk(admin, app.openapi())
    await _walk(walk, app, services, database)
    operations = {one["operationId"] for methods in walk.document["paths"].values() for one in methods.values()}
    assert operations - {operation for operation, *_ in walk.called} == NEEDS_MORE
    refused = set()
    for operation, method, url, json in walk.called:
        if operation in OPEN_TO_ALL | OWN:
            continue
        answer = await stranger.request(method, url, json=json)
        assert answer.status_code in (403, 404), f"a stranger got {answer.status_code} from {operation}: {answer.text}"
        assert answer.headers["content-type"] == "application/problem+json"
        refused.add(operation)
    assert refused == operations - OPEN_TO_ALL - OWN - NEEDS_MORE


async def test_nobody_gets_anything_without_a_token(app: FastAPI, anonymous: httpx.AsyncClient) -> None:
    seen = set()
    for path, methods in app.openapi()["paths"].items():
        for method, declared in methods.items():
            answer = await anonymous.request(method, path.replace("{", "").replace("}", ""), json={})
            if answer.status_code != 401:
                seen.add(declared["operationId"])
            else:
                assert answer.headers["www-authenticate"] == "Bearer"
                said = answer.json()["type"].removeprefix("urn:errands:problem:")
                hook = declared["operationId"] == "receiveDelivery"
                assert said == ("not-accepted" if hook else "unauthenticated")
    assert seen == OPEN_TO_ALL - {"receiveDelivery"}


async def test_a_viewer_reads_and_changes_nothing(
    app: FastAPI, services: Services, admin: httpx.AsyncClient, viewer: httpx.AsyncClient
) -> None:
    files = {"files": [{"name": "a.yaml", "source": _SLOW}]}
    assert (await admin.post("/api/v1/projects/default/files", json=files)).status_code == 200
    assert (await viewer.get("/api/v1/projects/default/tasks")).json()["items"][0]["name"] == "slow"
    for path, body in (
        ("/projects/default/files", files),
        ("/projects/default/tasks/slow/runs", {}),
        ("/projects/default/tasks/slow/pause", {}),
        ("/projects/default/events", {"name": "x"}),
        ("/tokens", {"name": "x", "scopes": ["read"], "person": "root"}),
    ):
        assert (await viewer.post(f"/api/v1{path}", json=body)).status_code == 403, path
    assert (await services.runs.list(OPERATOR, "default")).items == ()


async def test_a_token_is_cut_by_its_scopes(app: FastAPI, services: Services) -> None:
    from errands.core.access import Scope, ServerRole

    reading = await token_of(services, "reader", ServerRole.ADMIN, scopes=[Scope.READ])
    async with client_of(app, reading) as client:
        assert (await client.get("/api/v1/projects/default/tasks")).status_code == 200
        refused = await client.put("/api/v1/projects/default/secrets/KEY", json={"value": "x"})
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:errands:problem:denied")
