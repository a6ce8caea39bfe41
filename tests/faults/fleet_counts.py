"""What is counted when the fleet has come to rest, and what must come out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tests.faults.fleet_tasks import ORDER_STEPS

if TYPE_CHECKING:
    from tests.faults.fleet import Fleet

_RUNS = """
select (select count(*) from runs) as runs,
       (select count(*) from runs where status = 'succeeded') as succeeded,
       (select count(*) from runs where epoch > 1) as taken_more_than_once,
       (select count(*) from (select 1 from steps group by run_id, path having count(*) > 1) as twice)
           as doubled_records,
       (select count(*) from runs join tasks on tasks.id = task_id where name = 'order' and $1 <>
           (select count(*) from steps where run_id = runs.id and kind = 'outcome')) as orders_with_other_records,
       (select count(*) from outbox where status <> 'sent') as messages_not_sent,
       (select count(*) from outbox) as messages
"""
_LEDGER = """
select count(*) as planned_rows,
       count(*) - count(distinct one.planned_at) as planned_twice,
       count(*) filter (where one.outcome <> 'started') as not_started,
       extract(epoch from max(one.planned_at) - min(one.planned_at))::int + 1 - count(distinct one.planned_at)
           as planned_times_lost,
       (select count(*) from runs join tasks on tasks.id = runs.task_id where tasks.name = 'beat') as runs_of_schedule,
       count(distinct one.run_id) as runs_of_rows
from occurrences as one join triggers on triggers.id = one.trigger_id
where triggers.name = 'each' and one.outcome <> 'skipped'
"""


async def counted(fleet: "Fleet") -> dict[str, Any]:
    """The promises in figures."""
    row = await fleet.pool.fetchrow(_RUNS, ORDER_STEPS)
    ledger = await fleet.pool.fetchrow(_LEDGER)
    assert row is not None and ledger is not None
    return {
        **dict(row),
        **dict(ledger),
        **await _starts(fleet),
        **_effects(fleet),
        **await _followers(fleet),
        **await _deliveries(fleet),
        "messages_told": len(fleet.receiver.told),
        "messages_told_again": sum(fleet.receiver.told.values()) - len(fleet.receiver.told),
        "large_outputs_read": await _large_outputs(fleet),
        "audit_log_holds": (await fleet.doors.ask("POST", "/audit/verify", {}))["intact"],
        "asked_again": dict(fleet.doors.retried),
    }


async def _starts(fleet: "Fleet") -> dict[str, int]:
    """Each accepted key has one run, and there is no run that nobody was told of."""
    made = await fleet.pool.fetchval(
        "select count(*) from runs join tasks on tasks.id = task_id where name in ('order', 'held', 'ask')"
    )
    told = set(fleet.starter.accepted.values())
    return {
        "starts_accepted": len(fleet.starter.accepted),
        "starts_with_a_run_of_their_own": len(told),
        "runs_nobody_was_told_of": made - len(told),
    }


def _effects(fleet: "Fleet") -> dict[str, int]:
    receiver = fleet.receiver
    return {
        "effects": len(receiver.effects),
        "effects_repeated": sum(count > 1 for count in receiver.effects.values()),
        "effects_with_two_keys": sum(len(keys) > 1 for keys in receiver.keys.values()),
    }


async def _followers(fleet: "Fleet") -> dict[str, int]:
    """What those who followed were not told."""
    ends = {f"run_{row['id'].hex}": row["status"] for row in await fleet.pool.fetch("select id, status from runs")}
    connections = [one.connections for one in fleet.runs] + [one.connections for one in fleet.projects]
    steps, lines = {"before", "put", "gate", "file", "after"}, {"before the gate", "after the gate"}
    return {
        "followers": len(fleet.runs) + len(fleet.projects),
        "followers_that_came_again": sum(one > 1 for one in connections),
        "steps_missed": sum(len(steps - one.steps) for one in fleet.runs),
        "lines_missed": sum(len(lines - one.lines) for one in fleet.runs),
        "ends_missed": sum(one.finals.get(run) != end for one in fleet.projects for run, end in ends.items()),
        "followers_told_too_much": sum(one.lost for one in fleet.projects),
    }


async def _deliveries(fleet: "Fleet") -> dict[str, int]:
    runs = await fleet.pool.fetchval("select count(*) from runs join tasks on tasks.id = task_id where name = 'hooked'")
    return {
        "deliveries": len(fleet.deliveries),
        "deliveries_with_one_run": sum(len(runs) == 1 for runs in fleet.deliveries.values()),
        "runs_of_deliveries": runs,
    }


async def _large_outputs(fleet: "Fleet") -> int:
    """Outputs in the artifact store that the server which is left can read."""
    wide = [run for key, run in fleet.starter.accepted.items() if key.startswith("order-") and key.endswith("0")]
    read = [await fleet.doors.ask("GET", f"/runs/{run}/output") for run in wide[:20]]
    return sum(output == "x" * 70_000 for output in read)


def kept(
    figures: Mapping[str, Any], counts: Mapping[str, Any], heartbeat: float, grace: float, slack: float
) -> Mapping[str, bool]:
    """Each promise, and whether it was kept."""
    none = (
        "doubled_records orders_with_other_records messages_not_sent planned_twice not_started planned_times_lost "
        "runs_nobody_was_told_of effects_with_two_keys steps_missed lines_missed ends_missed"
    )
    return {
        **{f"no {name.replace('_', ' ')}": counts[name] == 0 for name in none.split()},
        "every run succeeded": counts["succeeded"] == counts["runs"],
        "each start has one run": counts["starts_accepted"] == counts["starts_with_a_run_of_their_own"],
        "each planned time has one run": counts["planned_rows"] == counts["runs_of_rows"] == counts["runs_of_schedule"],
        "each delivery has one run": counts["deliveries"]
        == counts["deliveries_with_one_run"]
        == counts["runs_of_deliveries"],
        "followers came again": counts["followers_that_came_again"] > 0,
        "messages were sent": counts["messages"] == counts["messages_told"] > 0,
        "large outputs are read everywhere": counts["large_outputs_read"] > 0,
        "the audit log holds": counts["audit_log_holds"] is True,
        "runs of the killed were taken over": figures["held_at_the_kill"] > 0
        and figures["takeover_seconds"] < 1.5 * heartbeat + slack,
        "the stopped ended in order": set(figures["stop_codes"]) == {0} == set(figures["last_codes"])
        and max(figures["stop_seconds"].values()) < grace + slack,
        "nothing complained": not figures["complaints"],
    }
