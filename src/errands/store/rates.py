"""How often something has happened lately: buckets that fill steadily and hold one minute's worth, shared by all."""

from datetime import timedelta

from errands.store.connections import Pool

_LEVEL = "least($2::float8, rates.level + extract(epoch from now() - rates.at)::float8 * $2::float8 / 60)"
_TAKE = f"""
insert into rates (key, level, at) values ($1, $2::float8 - 1, now())
on conflict (key) do update set level = {_LEVEL} - 1, at = now() where {_LEVEL} >= 1
returning true
"""
_WAIT = f"select greatest(0, (1 - {_LEVEL}) * 60 / $2::float8)::float8 from rates where key = $1"


async def take(pool: Pool, key: str, per_minute: int) -> float:
    """Count one if there is room; 0 then, else the seconds until there will be. Index: pk_rates."""
    if await pool.fetchval(_TAKE, key, per_minute):
        return 0.0
    return await wait(pool, key, per_minute)


async def wait(pool: Pool, key: str, per_minute: int) -> float:
    """Seconds until there is room for one more; 0: now. Counts nothing. Index: pk_rates."""
    seconds: float | None = await pool.fetchval(_WAIT, key, per_minute)
    return seconds or 0.0


async def prune(pool: Pool, keep: timedelta) -> None:
    """Forget buckets that are full again."""
    await pool.execute("delete from rates where at < now() - $1::interval", keep)
