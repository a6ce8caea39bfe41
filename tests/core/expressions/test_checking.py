"""The check before a run: what it finds, and that it never refuses code that runs well."""

from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from errands.core.expressions.checking import Finding, Snippet, TypeChecker
from errands.core.values import JsonObject

ORDERS: JsonObject = {
    "type": "object",
    "properties": {
        "rows": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"product": {"type": "string"}, "amount": {"type": "number"}, "n": {"type": "integer"}},
                "required": ["product", "amount"],
            },
        },
        "count": {"type": "integer"},
    },
    "required": ["rows"],
}
NAMES: Mapping[str, JsonObject | None] = {
    "orders": ORDERS,
    "maybe": {"anyOf": [ORDERS, {"type": "null"}]},
    "region": {"type": "string", "enum": ["emea", "amer"]},
    "limit": {"type": "integer"},
    "floor": {"type": "number"},
    "anything": None,
    "result": {"type": "object", "properties": {"json": {}}},
    "totals": {"$result_of": "totals"},
    "note": {"type": ["string", "null"]},
    "error": {"type": "object"},
    "row": {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": True},
    "either": {"anyOf": [ORDERS, {"type": "array"}]},
}

WRONG = [
    ('orders["rowz"]', 1, 8, 'unknown key "rowz"', "did you mean `rows`?"),
    ('orders["rows"][0]["produkt"]', 1, 19, 'orders["rows"][...]: unknown key "produkt"', "`product`"),
    ('[x["prod"] for x in orders["rows"]]', 1, 4, 'unknown key "prod"', "`product`"),
    ('sorted(orders["rows"], key=lambda r: -r["amont"])', 1, 41, 'unknown key "amont"', "`amount`"),
    ('"é" + orders["rowz"]', 1, 14, 'unknown key "rowz"', "`rows`"),
    ('limit\n+ orders["kount"]', 2, 10, 'unknown key "kount"', "`count`"),
    ('a = 1\nfor x in [1]:\n    orders["rowz"]\na', 3, 12, 'unknown key "rowz"', "`rows`"),
    ("ordres", 1, 1, "`ordres` is not defined", "did you mean `orders`?"),
    ("anything + foo", 1, 12, "`foo` is not defined", "`floor`"),
    ("math.sqroot(3)", 1, 1, "module `math` has no `sqroot`", "`sqrt`"),
    ("orders.rows", 1, 1, "it has no attribute `rows`", 'write orders["rows"]'),
    ("clock.nov", 1, 1, "no attribute `nov`", "clock.now"),
    ('maybe["rows"]', 1, 1, "`maybe` may be None", "maybe is not None"),
    ("len(maybe)", 1, 5, "`maybe` may be None", "maybe is not None"),
    ('maybe.get("rows")', 1, 1, "`maybe` may be None", "maybe is not None"),
    ("[z for z in maybe]", 1, 13, "`maybe` may be None", "maybe is not None"),
    ('note + "a"', 1, 1, "`note` may be None", "note is not None"),
    ("region.uper()", 1, 1, "(str) has no attribute `uper`", "`upper`"),
    ("region + 1", 1, 1, "not supported between objects of type `str` and `int`", "str(x)"),
    ('limit["a"]', 1, 1, "of type int", None),
    ('orders["rows"]["amount"]', 1, 1, 'is a list: it has no key "amount"', "take one item first"),
    ("import statistics\n1", 1, 8, "no module `statistics`", "it has base64"),
    ("x = 1\ndel x\n2", 2, 1, "cannot run this", None),
    ("input()", 1, 1, "`input` does not exist", None),
]

RIGHT = [
    'orders["rows"][0]["product"].upper()',
    '[c["code"] for c in result["json"]]',
    "totals[:20]",
    "not totals",
    'row["b"] + either["c"] + error["message"]',
    'sum(r["amount"] for r in orders["rows"])',
    "range(floor)",
    'orders["rows"][limit]',
    'maybe["rows"] if maybe else []',
    'maybe is not None and len(maybe["rows"]) > 3',
    'maybe and maybe["rows"][0]["product"]',
    "maybe == None or json.dumps(maybe) or str(maybe) or [maybe]",
    'if maybe is None:\n    q = 1\nelse:\n    q = len(maybe["rows"])\nq',
    '"x" + (note or "")',
    "(now - timedelta(days=7)).date().isoformat()",
    "clock.now > now",
    're.match("a", region).group(0)',
    "max([1], default=None) + 1",
    'orders | {"b": 1}',
    'orders.pop("rows")',
    'for r in orders["rows"]:\n    r["total"] = r["amount"] * 2\n[r["total"] for r in orders["rows"]]',
    'by = {}\nfor x in orders["rows"]:\n    by[x["product"]] = by.get(x["product"], 0) + x["amount"]\nby',
    'orders = orders["rows"]\norders[0]["product"]',
    'orders["rows"] = [1]\norders["rows"][0] + 1',
    'x = None\nfor r in orders["rows"]:\n    x = r\nx["product"]',
    'l = [1]\nl.append("a")\nl[1].upper()',
    "limit = str(limit)\nlimit.upper()",
    "import decimal, csv, hashlib, base64, itertools, functools, collections, dataclasses, random, time, typing\n1",
    "total = 0\ndef f():\n    global total\n    total += 1\nf()\ntotal",
    'orders["rows"].append({"z": 1})\norders["rows"][0].get("z")',
    "for k in orders: orders[k]\n1",
    'd = dict(orders)\nd["new"] = 3\nd["new"]',
    'd = {"a": 1}\nd["b"] = "x"\nd["b"].upper()',
    'e = {}\ne.setdefault("k", []).append(3)\ne["k"]',
    'e = {}\ne["a"] = {}\ne["a"]["b"] = 1\ne["a"]["c"] = "x"\ne',
    "region.format(limit) + region * limit",
    'copy = {**orders}\ncopy["q"] = 1\ncopy["q"]',
    'orders["count"] + 0.5 + limit / 2',
    'match region:\n    case "emea":\n        v = 1\n    case _:\n        v = 2\nv',
    'try:\n    v = orders["zzz"]\nexcept KeyError:\n    v = 3\nv',
    "def f(x=None):\n    return x['a']\nf(orders)",
    '[orders["rows"] for orders in [{"rows": 1, "zzz": 2}] if orders["zzz"]]',
    "'%s %d' % (region, limit)",
]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def checker() -> AsyncIterator[TypeChecker]:
    made = TypeChecker()
    yield made
    await made.aclose()


def is_program(source: str) -> bool:
    return "\n" in source and not source.startswith("limit\n")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def findings(checker: TypeChecker) -> dict[str, list[Finding]]:
    """What one call finds in all sources, wrong and right together."""
    sources = [*(row[0] for row in WRONG), *RIGHT]
    found = await checker.check_snippets([Snippet(one, is_program(one), NAMES) for one in sources])
    by_source: dict[str, list[Finding]] = {one: [] for one in sources}
    for finding in found:
        by_source[sources[finding.snippet]].append(finding)
    return by_source


@pytest.mark.parametrize(("source", "line", "column", "message", "hint"), WRONG)
async def test_what_is_certain_to_fail_is_found_with_its_place(
    findings: dict[str, list[Finding]], source: str, line: int, column: int, message: str, hint: str | None
) -> None:
    assert len(findings[source]) == 1
    finding = findings[source][0]
    assert (finding.line, finding.column) == (line, column)
    assert message in finding.message
    assert hint is None or hint in (finding.hint or "")
    assert "_T" not in finding.message


@pytest.mark.parametrize("source", RIGHT)
async def test_what_runs_well_is_never_refused(findings: dict[str, list[Finding]], source: str) -> None:
    assert findings[source] == []


async def test_sources_do_not_see_each_others_names(checker: TypeChecker) -> None:
    found = await checker.check_snippets(
        [Snippet("first = 1\nfirst", True, {}, "first"), Snippet("first", False, {}), Snippet("other", False, {})]
    )
    assert [(one.snippet, one.message) for one in found] == [
        (1, "`first` is not defined here"),
        (2, "`other` is not defined here"),
    ]


async def test_an_invalid_source_does_not_hide_what_is_wrong_with_the_others(checker: TypeChecker) -> None:
    found = await checker.check_snippets(
        [Snippet("1 +", False, NAMES), Snippet('orders["rowz"]', False, NAMES), Snippet("def f(:", True, NAMES)]
    )
    assert [one.snippet for one in found] == [1]


async def test_every_source_that_the_sandbox_cannot_parse_is_reported_at_once(checker: TypeChecker) -> None:
    unsupported = Snippet("x = 1\ndel x\n1", True, {})
    found = await checker.check_snippets([unsupported, Snippet("1", False, {}), unsupported])
    assert [(one.snippet, one.line) for one in found] == [(0, 2), (2, 2)]


async def test_nothing_to_check_needs_no_process() -> None:
    assert await TypeChecker().check_snippets([]) == []
