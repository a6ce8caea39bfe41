"""Webhooks over HTTP: who proves that he knows the secret starts a run, once; everybody else learns nothing."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from errands.bootstrap import Runtime
from errands.services import Services
from tests.core.test_signatures import GITHUB_BODY, GITHUB_HEADER, GITHUB_SECRET, headers_of
from tests.faces.api.conftest import OPERATOR, apply

PUSH: dict[str, Any] = {
    "ref": "refs/heads/main",
    "before": "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
    "after": "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c",
    "repository": {"id": 35129377, "full_name": "baxterthehacker/public-repo", "private": False},
    "pusher": {"name": "baxterthehacker"},
    "commits": [{"id": "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c", "message": "Update README.md", "distinct": True}],
}
_TASK = """
task: listen
description: Runs when somebody calls.
grants: {{secrets: [HOOK]}}
params:
  what: {{type: string, default: nothing}}
steps: [{{id: said, python: "what"}}]
triggers:
  - id: hook
    webhook: {webhook}
    arguments: {arguments}
"""
JSON = {"Content-Type": "application/json"}


@dataclass
class Hook:
    """A published webhook, and somebody who calls it."""

    client: httpx.AsyncClient
    admin: httpx.AsyncClient
    services: Services
    url: str

    async def call(self, body: bytes = b"{}", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(self.url, content=body, headers={**JSON, **named})

    async def call_with(self, headers: Mapping[str, str], body: bytes = b"{}") -> httpx.Response:
        return await self.client.post(self.url, content=body, headers={**JSON, **headers})

    async def runs(self) -> list[dict[str, Any]]:
        listed = await self.admin.get("/api/v1/projects/default/runs")
        return [(await self.admin.get(f"/api/v1/runs/{run['id']}")).json() for run in listed.json()["items"]]

    async def deliveries(self) -> list[tuple[str, str | None, int]]:
        found = await self.admin.get("/api/v1/projects/default/tasks/listen/triggers/hook/deliveries")
        return [(one["outcome"], one["code"], one["count"]) for one in found.json()["items"]]


@pytest.fixture
async def publish(
    services: Services, admin: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> AsyncIterator[Callable[..., Any]]:
    async def published(webhook: str, arguments: str = "{}", *, secret: str = "key") -> Hook:
        await services.secrets.set(OPERATOR, "default", "HOOK", secret)
        await apply(admin, _TASK.format(webhook=webhook, arguments=arguments))
        (view,) = (await admin.get("/api/v1/projects/default/triggers")).json()["items"]
        return Hook(anonymous, admin, services, httpx.URL(view["address"]).path)

    yield published


def signed(style: str, more: str = "") -> str:
    return f'{{signature: {{style: {style}, secret: "secret:HOOK"}}{more}}}'


def kind(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return str(answer.json()["type"]).removeprefix("urn:errands:problem:")


async def test_githubs_documented_example_starts_a_run_with_its_text(publish: Any) -> None:
    hook = await publish(signed("github"), "{what: '{{ payload }}'}", secret=GITHUB_SECRET)
    headers = {"X-Hub-Signature-256": GITHUB_HEADER, "Content-Type": "text/plain", "X-GitHub-Delivery": "1"}
    answer = await hook.call_with(headers, GITHUB_BODY)
    assert answer.status_code == 202, answer.text
    (run,) = await hook.runs()
    assert run["arguments"] == {"what": "Hello, World!"}
    assert answer.headers["location"] == f"/api/v1/runs/{run['id']}"
    assert answer.json()["url"].endswith(answer.headers["location"])


async def test_a_push_starts_one_run_that_carries_outside_data_and_sees_the_event(publish: Any) -> None:
    hook = await publish(
        signed("github"), """{what: "{{ trigger['headers']['x-github-event'] }} to {{ payload['ref'] }}"}"""
    )
    body = json.dumps(PUSH).encode()
    headers = headers_of("github", "key", body) | {"X-GitHub-Event": "push", "X-GitHub-Delivery": "72d3162e-cc78"}
    first = await hook.call_with(headers, body)
    again = await hook.call_with(headers, body)
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json() | {"existing": False} == first.json()
    (run,) = await hook.runs()
    assert run["arguments"] == {"what": "push to refs/heads/main"}
    assert (run["untrusted"], run["starter"]) == (True, "trigger:hook")
    assert run["trigger"]["payload"] == PUSH
    assert run["trigger"]["delivery"] == "72d3162e-cc78"
    assert not [name for name in run["trigger"]["headers"] if "signature" in name]
    assert await hook.deliveries() == [("repeated", "repeated", 1), ("started", None, 1)]
    other = await hook.call_with({**headers, "X-GitHub-Delivery": "another"}, body)
    assert (other.status_code, len(await hook.runs())) == (202, 2)


@pytest.mark.parametrize("style", ["github", "stripe", "slack", "generic"])
async def test_every_style_is_taken_once_and_a_replay_gives_the_same_run(publish: Any, style: Any) -> None:
    hook = await publish(signed(style))
    body = b'{"id": "evt_1", "event_id": "Ev1"}'
    headers = headers_of(style, "key", body, datetime.now(UTC))
    first, again = await hook.call_with(headers, body), await hook.call_with(headers, body)
    assert (first.status_code, again.status_code) == (202, 200), first.text
    assert again.json()["run"] == first.json()["run"]
    assert len(await hook.runs()) == 1


async def test_an_unknown_address_and_a_forged_call_look_alike_and_start_nothing(publish: Any) -> None:
    hook = await publish(signed("github"))
    forged = await hook.call_with(headers_of("github", "guess", b"{}"))
    missing = await hook.call(b"{}")
    unknown = await hook.client.post("/hooks/" + "0" * 32, content=b"{}", headers=JSON)
    odd = await hook.client.post("/hooks/x%27--", content=b"{}", headers=JSON)
    for answer in (forged, missing, unknown, odd):
        assert (answer.status_code, kind(answer)) == (401, "not-accepted")
    assert len({json.dumps({**one.json(), "request_id": ""}) for one in (forged, missing, unknown, odd)}) == 1
    assert await hook.runs() == []
    assert await hook.deliveries() == [("refused", "signature", 2)]


@pytest.mark.parametrize("style", ["stripe", "slack"])
async def test_a_late_call_is_told_so_because_its_sender_is_known(publish: Any, style: Any) -> None:
    hook = await publish(signed(style))
    late = await hook.call_with(headers_of(style, "key", b"{}", datetime.now(UTC) - timedelta(minutes=6)))
    assert (late.status_code, "time stamp" in late.json()["detail"]) == (422, True)
    early = await hook.call_with(headers_of(style, "key", b"{}", datetime.now(UTC) + timedelta(minutes=6)))
    assert early.status_code == 422
    assert await hook.deliveries() == [("refused", "late", 2)]


async def test_a_body_over_the_limit_is_refused_before_it_is_read_whole(publish: Any) -> None:
    hook = await publish(signed("github", ", max_body: 1KiB"))
    body = b"x" * 1025
    answer = await hook.call_with(headers_of("github", "key", body), body)
    assert (answer.status_code, kind(answer)) == (413, "too-large")

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1024

    assert (await hook.client.post(hook.url, content=endless())).status_code == 413
    assert await hook.deliveries() == [("refused", "too_large", 2)]


async def test_a_payload_that_does_not_fit_is_refused_with_every_place_and_not_kept(publish: Any) -> None:
    schema = "{type: object, required: [n], properties: {n: {type: integer}}}"
    hook = await publish(signed("generic", f", payload: {schema}"))
    body = b'{"n": "s3nsitive"}'
    answer = await hook.call_with(headers_of("generic", "key", body), body)
    assert (answer.status_code, kind(answer)) == (422, "payload-invalid")
    assert [one["path"] for one in answer.json()["problems"]] == ["payload.n"]
    unreadable = await hook.call_with(headers_of("generic", "key", b"{"), b"{")
    assert (unreadable.status_code, kind(unreadable)) == (422, "invalid")
    found = await hook.admin.get("/api/v1/projects/default/tasks/listen/triggers/hook/deliveries")
    assert "s3nsitive" not in found.text
    assert await hook.deliveries() == [("refused", "unreadable", 1), ("refused", "payload", 1)]


async def test_arguments_that_do_not_fit_start_nothing_and_say_why(publish: Any) -> None:
    hook = await publish(signed("generic"), """{what: "{{ payload['n'] }}"}""")
    body = b'{"n": 5}'
    answer = await hook.call_with(headers_of("generic", "key", body), body)
    assert (answer.status_code, kind(answer)) == (422, "invalid")
    assert "must be text" in answer.json()["detail"]
    assert await hook.deliveries() == [("failed_to_start", "arguments", 1)]


async def test_a_paused_task_starts_nothing_until_the_same_delivery_comes_again(publish: Any) -> None:
    hook = await publish(signed("github"))
    headers = headers_of("github", "key", b"{}") | {"X-GitHub-Delivery": "1"}
    await hook.admin.post("/api/v1/projects/default/tasks/listen/pause", json={"note": "holidays"})
    paused = await hook.call_with(headers)
    assert (paused.status_code, "holidays" in paused.json()["detail"]) == (409, True)
    await hook.admin.post("/api/v1/projects/default/tasks/listen/resume", json={})
    assert (await hook.call_with(headers)).status_code == 202
    assert len(await hook.runs()) == 1


async def test_greetings_of_github_and_slack_are_answered_and_start_nothing(publish: Any) -> None:
    hook = await publish(signed("github"))
    ping = await hook.call_with(headers_of("github", "key", b"{}") | {"X-GitHub-Event": "ping"})
    assert (ping.status_code, ping.json()["outcome"]) == (200, "answered")
    hook = await publish(signed("slack"))
    body = b'{"type": "url_verification", "challenge": "3eZbrw1a"}'
    answer = await hook.call_with(headers_of("slack", "key", body, datetime.now(UTC)), body)
    assert (answer.status_code, answer.json()["challenge"]) == (200, "3eZbrw1a")
    assert await hook.runs() == []


async def test_a_bearer_token_starts_a_run_for_each_call_unless_calls_have_names(publish: Any) -> None:
    hook = await publish('{token: "secret:HOOK"}')
    assert (await hook.call(Authorization="Bearer wrong")).status_code == 401
    for expected in (1, 2):
        assert (await hook.call(Authorization="Bearer key")).status_code == 202
        assert len(await hook.runs()) == expected
    for status in (202, 200):
        answer = await hook.call(Authorization="Bearer key", Idempotency_Key="order-7")
        assert answer.status_code == status
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await hook.call_with({"Authorization": "Bearer key", **form}, b"a=1")).status_code == 202
    assert (await hook.runs())[0]["trigger"]["payload"] == {"a": "1"}
    assert "authorization" not in (await hook.runs())[0]["trigger"]["headers"]


async def test_once_per_body_sees_through_a_delivery_that_was_given_another_name(publish: Any) -> None:
    hook = await publish(signed("github", ", once_per: body"))
    headers = headers_of("github", "key", b"{}")
    first = await hook.call_with(headers | {"X-GitHub-Delivery": "1"})
    forged_name = await hook.call_with(headers | {"X-GitHub-Delivery": "2"})
    assert (first.status_code, forged_name.status_code) == (202, 200)
    assert forged_name.json()["run"] == first.json()["run"]


async def test_more_calls_than_allowed_are_told_when_to_come_back(publish: Any) -> None:
    hook = await publish('{token: "secret:HOOK", max_per_minute: 2}')
    answers = [await hook.call(Authorization="Bearer key") for _ in range(3)]
    assert [one.status_code for one in answers] == [202, 202, 429]
    assert 0 < int(answers[2].headers["retry-after"]) <= 30
    assert len(await hook.runs()) == 2


async def test_a_forger_only_shuts_himself_out(publish: Any, services: Services) -> None:
    hook = await publish('{token: "secret:HOOK"}')
    answers = [(await hook.call(Authorization="Bearer wrong")).status_code for _ in range(32)]
    assert answers[-1] == 429
    assert answers.count(401) == 30


async def test_without_its_secret_nobody_is_known_and_the_trigger_says_why(publish: Any) -> None:
    hook = await publish(signed("github"))
    await hook.services.secrets.delete(OPERATOR, "default", "HOOK")
    assert (await hook.call_with(headers_of("github", "key", b"{}"))).status_code == 401
    assert await hook.deliveries() == [("refused", "secret", 1)]


async def test_a_new_address_shuts_the_old_one_and_outlives_a_new_version(publish: Any) -> None:
    hook = await publish(signed("github"))
    headers = headers_of("github", "key", b"{}")
    renewed = await hook.admin.post("/api/v1/projects/default/tasks/listen/triggers/hook/address")
    path = httpx.URL(renewed.json()["address"]).path
    assert path != hook.url
    assert (await hook.call_with(headers)).status_code == 401
    await apply(hook.admin, _TASK.format(webhook=signed("github"), arguments="{what: a}"))
    hook.url = path
    assert (await hook.call_with(headers)).status_code == 202


async def test_a_start_by_a_webhook_is_in_the_audit_log_with_its_trigger_owner_and_run(publish: Any) -> None:
    hook = await publish(signed("github"))
    run = (await hook.call_with(headers_of("github", "key", b"{}") | {"X-GitHub-Delivery": "d1"})).json()["run"]
    (entry,) = (await hook.admin.get("/api/v1/audit?actor=trigger:hook")).json()["items"]
    assert (entry["actor_kind"], entry["verb"], entry["noun"], entry["name"]) == (
        "trigger",
        "task.run",
        "task",
        "listen",
    )
    assert entry["detail"] == {"run": run, "source": "webhook", "cause": "delivery:d1", "owner": "user:root"}


async def test_many_calls_of_one_delivery_at_once_start_one_run(publish: Any) -> None:
    import asyncio

    hook = await publish(signed("github"))
    headers = headers_of("github", "key", b"{}") | {"X-GitHub-Delivery": "1"}
    answers = await asyncio.gather(*(hook.call_with(headers) for _ in range(10)))
    assert sorted(one.status_code for one in answers) == [200] * 9 + [202]
    assert len(await hook.runs()) == 1


async def test_old_deliveries_are_forgotten_and_still_start_nothing_twice(publish: Any, runtime: Runtime) -> None:
    hook = await publish(signed("github"))
    headers = headers_of("github", "key", b"{}") | {"X-GitHub-Delivery": "1"}
    assert (await hook.call_with(headers)).status_code == 202
    await runtime.engine._parts.pool.execute("update deliveries set received_at = now() - interval '91 days'")
    await runtime.housekeeping.prune()
    assert await hook.deliveries() == []
    assert (await hook.call_with(headers)).status_code == 200
