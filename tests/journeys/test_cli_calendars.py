"""Calendars of closed periods, with the real command in both ways."""

from tests.journeys.errands_command import Errands


def test_a_period_is_closed_shown_and_reopened(errands: Errands) -> None:
    first = errands(
        "calendars", "close", "freeze", "--from", "2027-12-24T00:00Z", "--to", "2027-12-27T00:00Z", "--json"
    )
    assert first.code == 0, first.err
    second = errands(
        *("calendars", "close", "freeze", "--from", "2027-01-01T00:00Z", "--to", "2027-01-02T00:00Z"),
        *("--note", "New Year", "--json"),
    )
    closed = [(one["start"], one["end"], one["note"]) for one in second.document["periods"]]
    assert closed == [
        ("2027-01-01T00:00:00+00:00", "2027-01-02T00:00:00+00:00", "New Year"),
        ("2027-12-24T00:00:00+00:00", "2027-12-27T00:00:00+00:00", None),
    ]
    assert errands("calendars", "exempt", "freeze", "urgent").code == 0
    shown = errands("calendars", "show", "freeze").out
    assert "New Year" in shown
    assert "urgent" in shown
    reopened = errands("calendars", "reopen", "freeze", "--at", "2027-12-25T12:00Z", "--json").document
    assert (len(reopened["periods"]), reopened["exempt_tags"]) == (1, ["urgent"])
    assert errands("calendars", "remove", "freeze").code == 0
    assert errands("calendars", "show", "freeze").code == 2


def test_what_cannot_be_closed_changes_nothing_and_says_why(errands: Errands) -> None:
    turned = errands("calendars", "close", "turned", "--from", "2027-01-02T00:00Z", "--to", "2027-01-01T00:00Z")
    assert (turned.code, "ends before it begins" in turned.err) == (2, True)
    vague = errands("calendars", "close", "turned", "--from", "soon", "--to", "2027-01-01")
    assert (vague.code, "'soon' is no moment" in vague.err) == (2, True)
    nothing = errands("calendars", "reopen", "turned", "--at", "2027-01-01")
    assert (nothing.code, "turned" in nothing.err) == (2, True)
    assert "turned" not in errands("calendars", "list").out


def test_a_projects_calendar_never_takes_the_periods_of_the_servers_of_its_name(errands: Errands) -> None:
    of_server = ("--from", "2027-05-01T00:00Z", "--to", "2027-05-02T00:00Z", "--server")
    assert errands("calendars", "close", "shut", *of_server).code == 0
    own = errands("calendars", "close", "shut", "--from", "2027-06-01T00:00Z", "--to", "2027-06-02T00:00Z", "--json")
    assert [one["start"] for one in own.document["periods"]] == ["2027-06-01T00:00:00+00:00"]
    more = errands(
        *("calendars", "close", "shut", "--from", "2027-07-01T00:00Z", "--to", "2027-07-02T00:00Z"),
        "--server",
        "--json",
    )
    assert [one["start"] for one in more.document["periods"]] == [
        "2027-05-01T00:00:00+00:00",
        "2027-07-01T00:00:00+00:00",
    ]
    assert errands("calendars", "remove", "shut").code == 0
    assert [one["of_server"] for one in errands("calendars", "list", "--json").document] == [True]
    assert errands("calendars", "remove", "shut", "--server").code == 0
