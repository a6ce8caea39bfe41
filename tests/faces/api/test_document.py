"""The OpenAPI document: complete, readable for generators, and true for requests that nobody thought of."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.result import Ok

from errands.api.app import OPEN_TO_ALL
from errands.api.serving import listening, take_address
from errands.core.access import ServerRole
from errands.services import Services
from tests.faces.api.conftest import token_of

_EACH = 5
"""Requests that are made up for each operation."""
_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def _operations(app: FastAPI) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in app.openapi()["paths"].items():
        for method, declared in methods.items():
            yield method, path, declared


async def test_the_document_is_openapi_3_1_and_served_to_everybody(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/api/v1/openapi.json")
    assert (answer.status_code, answer.json()["openapi"]) == (200, "3.1.0")


async def test_every_operation_reads_well_in_a_generated_client(app: FastAPI) -> None:
    names = [declared["operationId"] for _, _, declared in _operations(app)]
    assert len(names) == len(set(names))
    for method, path, declared in _operations(app):
        assert declared["operationId"].isidentifier(), path
        assert declared["summary"].endswith((".", "?")), path
        assert declared["tags"], path
        assert ("security" in declared) == (declared["operationId"] not in OPEN_TO_ALL), path
        success = [answer for status, answer in declared["responses"].items() if status[0] in "23"]
        assert success, path
        assert "application/problem+json" in declared["responses"]["4XX"]["content"], path
        assert method in ("get", "post", "put", "delete")


async def test_every_reference_in_the_document_leads_somewhere(app: FastAPI) -> None:
    document = app.openapi()
    for reference in _references(document):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            assert part in found, reference
            found = found[part]


def _references(part: object) -> Iterator[str]:
    match part:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for inner in part.values():
                yield from _references(inner)
        case list():
            for inner in part:
                yield from _references(inner)
        case _:
            pass


async def test_no_schema_has_a_name_that_two_share(app: FastAPI) -> None:
    assert not [name for name in app.openapi()["components"]["schemas"] if "__" in name]


@pytest.mark.usefixtures("worker")  # The server is ready only with one.
async def test_no_made_up_request_breaks_the_server_or_is_answered_in_another_form(
    app: FastAPI, services: Services
) -> None:
    token = await token_of(services, "root", ServerRole.ADMIN)
    async with listening(app, take_address("127.0.0.1", 0), timedelta(seconds=5)) as server:
        tried = await asyncio.to_thread(_try_everything, app, server.url, {"Authorization": f"Bearer {token}"})
    assert tried > 300


def _try_everything(app: FastAPI, url: str, headers: Mapping[str, str]) -> int:
    """Make up requests for every operation; gives how many were sent."""
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.config.update(base_url=url)
    tried = 0

    def attempt(case: schemathesis.Case[Any]) -> None:
        nonlocal tried
        tried += 1
        case.call_and_validate(headers=dict(headers), checks=_CHECKS)

    for found in schema.get_all_operations():
        operation = found.ok() if isinstance(found, Ok) else None
        assert operation is not None, found
        once = settings(
            max_examples=_EACH,
            phases=[Phase.generate],
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        once(given(case=operation.as_strategy())(attempt))()
    return tried
