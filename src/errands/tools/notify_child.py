"""Delivery through apprise, in a child process: it blocks, and it opens connections of its own.

Every name look-up of this process passes the host policy, so no channel, redirect or rebinding reaches an address
that is not allowed.
"""

import logging

import apprise

from errands.tools.hosts import HostPolicy, guard_resolver
from errands.tools.refusal import Refusal


def deliver(job: dict[str, object]) -> dict[str, object]:
    """`{channels: [{label, url}], title, body, allow_private}` -> `{results: [{label, problem}]}`.

    `problem` is null where the channel took the message. It never holds the channel's URL.
    """
    logging.disable(logging.CRITICAL)  # apprise logs URLs.
    channels, allowed = job["channels"], job["allow_private"]
    assert isinstance(channels, list)
    assert isinstance(allowed, list)
    refusals: list[Refusal] = []
    guard_resolver(HostPolicy(frozenset(str(each) for each in allowed)), refusals.append)
    results = []
    for channel in channels:
        refusals.clear()
        problem = _problem(str(channel["url"]), str(job["title"]), str(job["body"]))
        refused = refusals[0].message if refusals else None
        results.append(
            {"label": channel["label"], "problem": problem and (refused or problem), "denied": bool(refused)}
        )
    return {"results": results}


def _problem(url: str, title: str, body: str) -> str | None:
    asset = apprise.AppriseAsset(
        app_id="Errands", app_desc="Errands", app_url="", storage_mode=apprise.PersistentStoreMode.MEMORY
    )
    channel = apprise.Apprise.instantiate(url, asset=asset)
    if channel is None:
        return "the secret is not a complete URL of its kind of channel"
    try:
        taken = channel.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
    except Exception as error:
        return f"the channel failed ({type(error).__name__})"
    return None if taken else "the channel did not take the message, or could not be reached"
