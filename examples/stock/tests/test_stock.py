"""The tools of this package, called as a step calls them, against a shop on this machine."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from errands_stock import stock_level, stock_order

from errands.extending import ErrorKind, Json, StepFailed, Tool, Tried, try_tool


class Shop(HTTPServer):
    """A shop with twelve bicycle bags, which takes orders."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Till)
        self.sent: list[dict[str, str]] = []
        """Headers of the requests."""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Till(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        self._answer({"pieces": 12}, 200 if self.path == "/stock/BK-0042" else 404)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._answer({"order": 7}, 201)

    def _answer(self, body: object, status: int) -> None:
        self.server.sent.append({name.lower(): value for name, value in self.headers.items()})
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def called(tool: Tool[Any, Any], shop: Shop, **arguments: Json) -> Tried:
    given = {"shop": f"http://{shop.host}", "token": "secret:SHOP", **arguments}
    return asyncio.run(try_tool(tool, given, hosts=[shop.host], secrets={"SHOP": "open sesame"}))


def test_the_level_is_read_with_the_token(shop: Shop) -> None:
    assert called(stock_level, shop, article="BK-0042").output == {"pieces": 12}
    assert shop.sent[0]["authorization"] == "Bearer open sesame"


def test_an_order_carries_the_key_by_which_the_shop_knows_it_again(shop: Shop) -> None:
    tried = called(stock_order, shop, article="BK-0042", pieces=3)
    assert tried.output == {"order": 7, "pieces": 3}
    assert tried.logs == ("info: ordered 3 of BK-0042",)
    assert shop.sent[0]["idempotency-key"]


@pytest.mark.parametrize(
    ("article", "kind"), [("BK-0001", ErrorKind.NOT_FOUND), ("bicycle bag", ErrorKind.INPUT)], ids=str
)
def test_what_is_wrong_is_told_by_its_kind(shop: Shop, article: str, kind: ErrorKind) -> None:
    with pytest.raises(StepFailed) as failure:
        called(stock_level, shop, article=article)
    assert failure.value.error.kind is kind
