"""Templates in the walk over all routes: looked at, tried, drafted."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faces.api.test_every_route import Walk


async def walk_templates(walk: "Walk") -> None:
    """From the list to a draft in the project."""
    names = [one["name"] for one in (await walk.call("listTemplates")).json()]
    assert "report-generation" in names
    shown = (await walk.call("getTemplate", template="report-generation")).json()
    assert shown["asks"]["required"] == ["recipients"]
    tried = (await walk.call("tryTemplate", template="report-generation")).json()
    assert tried["run"]["status"] == "succeeded"
    assert [one["name"] for one in tried["run"]["files"]] == ["report-2026-03-02.html"]
    body = {"answers": {"recipients": ["ana@example.com"]}}
    adopted = await walk.call("adoptTemplate", project="default", template="report-generation", json=body)
    assert [one["published"] for one in adopted.json()["applied"]] == [False]
