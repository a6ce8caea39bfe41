"""The narrowest grants: enough for all that was done, and never more than was granted."""

from hypothesis import given
from hypothesis import strategies as st

from errands.core.definition.policies import Grants, ToolGrant
from errands.core.observed_grants import Observed, suggest

_NAMES = st.sampled_from(["crm/find", "crm/edit", "mail.send", "http.request", "sql.query"])
_HOSTS = st.sampled_from(["api.example.com", "www.example.com", "shop.example", "localhost:8080"])


def _seen(*calls: tuple[str, object]) -> Observed:
    seen = Observed()
    for tool, arguments in calls:
        seen.add(tool, arguments)  # type: ignore[arg-type]
    return seen


def test_what_was_never_needed_is_left_out_and_named() -> None:
    grants = Grants(tools=("http.request", "mail.send"), secrets=("A", "B"), hosts=("a.example", "b.example"))
    seen = _seen(("http.request", {"url": "https://a.example/x", "headers": {"Authorization": "Bearer secret:A"}}))
    found = suggest(grants, seen)
    assert found.grants == {"tools": ["http.request"], "secrets": ["A"], "hosts": ["a.example"]}
    assert found.unused == ("tools: mail.send", "secrets: B", "hosts: b.example")
    assert found.narrower


def test_a_glob_becomes_the_names_that_were_called() -> None:
    found = suggest(
        Grants(tools=("crm/*",), hosts=("*.example.com",)), _seen(("crm/find", {"url": "https://api.example.com/"}))
    )
    assert found.grants == {"tools": ["crm/find"], "hosts": ["api.example.com"]}
    assert found.narrowed == ("tools: crm/* -> crm/find", "hosts: *.example.com -> api.example.com")


def test_bounds_of_a_grant_stay_with_every_name_it_becomes() -> None:
    grants = Grants(tools=(ToolGrant(name="crm/*", approve=True, arguments={"id": ["x*"]}),))
    assert suggest(grants, _seen(("crm/edit", {}), ("crm/find", {}))).grants == {
        "tools": [
            {"name": "crm/edit", "arguments": {"id": ["x*"]}, "approve": True},
            {"name": "crm/find", "arguments": {"id": ["x*"]}, "approve": True},
        ]
    }


def test_a_tool_of_a_step_that_was_not_reached_stays() -> None:
    found = suggest(Grants(tools=("mail.send", "sql.query")), _seen(("sql.query", {})), needed={"mail.send"})
    assert (found.grants, found.narrower) == ({"tools": ["mail.send", "sql.query"]}, False)


@given(
    st.lists(_NAMES | st.sampled_from(["crm/*", "*"]), unique=True),
    st.lists(_HOSTS | st.just("*.example.com"), unique=True),
    st.lists(st.tuples(_NAMES, _HOSTS)),
)
def test_what_was_allowed_before_is_allowed_after_and_nothing_else_is_suggested(
    tools: list[str], hosts: list[str], calls: list[tuple[str, str]]
) -> None:
    grants = Grants(tools=tuple(tools), hosts=tuple(hosts))
    seen = _seen(*((tool, {"url": f"https://{host}/"}) for tool, host in calls))
    found = suggest(grants, seen).grants
    again = Grants.model_validate(found)
    assert set(again.tools) <= {tool for tool, _ in calls}
    assert suggest(again, seen).grants == found
    assert not suggest(again, seen).narrower
