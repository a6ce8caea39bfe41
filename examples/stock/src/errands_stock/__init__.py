"""Tools for Errands: what a shop has in stock, and ordering more of it."""

import json
from typing import Annotated
from urllib.parse import quote

from pydantic import Field, TypeAdapter

from errands.extending import (
    Answer,
    Arguments,
    Effect,
    ErrorKind,
    Outgoing,
    Output,
    Refusal,
    SecretOnly,
    ToolContext,
    tool,
)

Article = Annotated[str, Field(pattern=r"^[A-Z]{2}-[0-9]{4}$", description="Number of the article, such as BK-0042")]
Shop = Annotated[str, Field(pattern=r"^https?://", description="Address of the shop's API; its host must be granted")]
Token = Annotated[SecretOnly, Field(description="`secret:NAME` of the token of that API")]

_ERRORS = (ErrorKind.NETWORK, ErrorKind.TIMEOUT, ErrorKind.NOT_FOUND, ErrorKind.UNAVAILABLE, ErrorKind.TOOL)
_NUMBER = TypeAdapter(dict[str, int])


class LevelArguments(Arguments):
    shop: Shop
    token: Token
    article: Article


class LevelOutput(Output):
    pieces: Annotated[int, Field(description="In stock now")]


@tool("stock.level", effect=Effect.READS, errors=_ERRORS, returns_outside_data=True)
async def stock_level(arguments: LevelArguments, context: ToolContext) -> LevelOutput:
    """Say how many pieces of an article a shop has."""
    url = f"{arguments.shop}/stock/{quote(arguments.article)}"
    answer = await _asked(context, Outgoing("GET", url, _headers(arguments.token)), arguments.article)
    return LevelOutput(pieces=_number(answer, "pieces"))


class OrderArguments(Arguments):
    shop: Shop
    token: Token
    article: Article
    pieces: Annotated[int, Field(ge=1, le=1000)]


class OrderOutput(Output):
    order: Annotated[int, Field(description="Its number at the shop")]
    pieces: int


@tool("stock.order", effect=Effect.CHANGES, errors=_ERRORS, returns_outside_data=True)
async def stock_order(arguments: OrderArguments, context: ToolContext) -> OrderOutput:
    """Order more pieces of an article."""
    # The same on every attempt, and after a crash: a shop that honours it orders once.
    headers = _headers(arguments.token) | {"idempotency-key": context.step.effect_key}
    body = json.dumps({"article": arguments.article, "pieces": arguments.pieces}).encode()
    answer = await _asked(context, Outgoing("POST", f"{arguments.shop}/orders", headers, body), arguments.article)
    context.step.log(f"ordered {arguments.pieces} of {arguments.article}")
    return OrderOutput(order=_number(answer, "order"), pieces=arguments.pieces)


async def _asked(context: ToolContext, outgoing: Outgoing, article: str) -> Answer:
    """What the shop answers. Only hosts that the task was granted are reached."""
    answer = await context.outbound.send(outgoing, context.step.grants.hosts)
    if answer.status == 404:
        raise Refusal("not_found", f"the shop has no article {article}", "look up its number in the shop")
    if answer.status >= 500:
        raise Refusal("unavailable", f"the shop answered {answer.status}", "give the step a retry")
    if answer.status >= 300:
        raise Refusal("tool", f"the shop answered {answer.status}")
    return answer


def _headers(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", "content-type": "application/json"}


def _number(answer: Answer, name: str) -> int:
    try:
        return _NUMBER.validate_json(answer.body)[name]
    except (ValueError, KeyError):
        raise Refusal("tool", f"the shop's answer has no {name}") from None
