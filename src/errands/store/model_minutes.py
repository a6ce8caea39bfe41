"""What models with a rate were asked, minute by minute, by all workers together."""

from datetime import timedelta
from uuid import UUID

from errands.store.connections import Connection, Pool

_TAKE = """
insert into model_minutes (model_id, minute, requests, tokens) values ($1, date_trunc('minute', now()), 1, $2)
on conflict (model_id, minute) do update
    set requests = model_minutes.requests + 1, tokens = model_minutes.tokens + excluded.tokens
    where ($3::int is null or model_minutes.requests < $3)
      and ($4::bigint is null or model_minutes.tokens + excluded.tokens <= $4)
returning 1
"""
_SETTLE = """
insert into model_minutes (model_id, minute, requests, tokens)
values ($1, date_trunc('minute', now()), 0, greatest($2::bigint, 0))
on conflict (model_id, minute) do update set tokens = greatest(model_minutes.tokens + $2::bigint, 0)
"""


async def take(
    connection: Connection | Pool, model_id: UUID, tokens: int, most_requests: int | None, most_tokens: int | None
) -> float:
    """Count one request in the present minute if it has room; 0 then, else the seconds until the next one."""
    if await connection.fetchval(_TAKE, model_id, tokens, most_requests, most_tokens) is not None:
        return 0.0
    return float(await connection.fetchval("select 60 - extract(second from now())"))


async def settle(connection: Connection | Pool, model_id: UUID, tokens: int) -> None:
    """Count so many tokens more, or fewer."""
    await connection.execute(_SETTLE, model_id, tokens)


async def prune(connection: Connection | Pool, keep: timedelta) -> None:
    """Forget what is over."""
    await connection.execute("delete from model_minutes where minute < now() - $1::interval", keep)
