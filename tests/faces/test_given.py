"""What is typed on the command line becomes typed values, or an error that says what would be right."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from errands.cli.displays import local_now
from errands.cli.given import BadInput, json_or_file, moment, named_values, object_from_file, read_text, since
from errands.core.values import JsonObject

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_a_value_is_json_where_it_can_be_and_text_otherwise() -> None:
    assert named_values(["n=5", "list=[1, 2]", "name=Ada", "empty=", "a=b=c", "flag=true"]) == {
        "n": 5,
        "list": [1, 2],
        "name": "Ada",
        "empty": "",
        "a": "b=c",
        "flag": True,
    }


def test_a_value_stays_text_where_the_schema_asks_for_text() -> None:
    schemas: dict[str, JsonObject] = {"code": {"type": "string"}, "either": {"type": ["string", "integer"]}}
    assert named_values(["code=007", "either=7"], schemas) == {"code": "007", "either": 7}


@pytest.mark.parametrize("pair", ["region", "=emea"])
def test_a_pair_without_a_name_or_a_value_is_refused_with_an_example(pair: str) -> None:
    with pytest.raises(BadInput, match="is not name=value") as refused:
        named_values([pair])
    assert refused.value.hint is not None and "-p region=emea" in refused.value.hint


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(BadInput, match="'a' is given twice"):
        named_values(["a=1", "a=2"])


def test_arguments_come_from_a_json_or_a_yaml_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"day": "2026-11-20"}')
    (tmp_path / "a.yaml").write_text("day: 2026-11-20\nn: [1, {b: 2}]\n")
    assert object_from_file(str(tmp_path / "a.json")) == {"day": "2026-11-20"}
    assert object_from_file(str(tmp_path / "a.yaml")) == {"day": "2026-11-20", "n": [1, {"b": 2}]}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.json", "{", "is not JSON: .* at line 1, column 2"),
        ("a.yaml", "a: [", "a.yaml:1:5 is not YAML"),
        ("a.yaml", "- 1", "holds a list, not an object"),
        ("a.yaml", "", "holds nothing, not an object"),
    ],
)
def test_a_file_that_is_no_object_is_refused_with_its_place(tmp_path: Path, name: str, content: str, says: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(BadInput, match=says):
        object_from_file(str(tmp_path / name))


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    with pytest.raises(BadInput, match="no such file"):
        read_text(tmp_path / "missing")
    with pytest.raises(BadInput, match="not UTF-8 text: byte 3 is 0xe9"):
        read_text(tmp_path / "latin")
    with pytest.raises(BadInput, match="is a directory"):
        read_text(tmp_path)


def test_a_payload_is_json_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text("[1]")
    assert json_or_file('{"a": 1}', what="the payload") == {"a": 1}
    assert json_or_file(f"@{tmp_path / 'p.json'}", what="the payload") == [1]
    with pytest.raises(BadInput, match="the payload is not JSON"):
        json_or_file("plain words", what="the payload")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("1d12h", NOW - timedelta(hours=36)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T09:00+01:00", datetime(2026, 11, 20, 8, tzinfo=UTC)),
    ],
)
def test_since_is_a_span_back_or_a_moment(text: str, moment: datetime) -> None:
    assert since(text, NOW) == moment


@pytest.mark.parametrize("text", ["yesterday", "", "99999999w"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="is no moment"):
        since(text, NOW)


def test_a_date_beyond_a_change_of_clock_has_the_offset_of_its_own_day() -> None:
    summer = datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    assert moment("2026-12-24", summer) == datetime(2026, 12, 23, 23, tzinfo=UTC)
    assert since("2026-01-02T09:00", summer) == datetime(2026, 1, 2, 8, tzinfo=UTC)


def test_the_zone_of_the_machine_knows_its_changes_of_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    now = local_now()
    winter, summer = (datetime(2026, month, 1, tzinfo=now.tzinfo).utcoffset() for month in (1, 7))
    assert (winter, summer) == (timedelta(hours=1), timedelta(hours=2))
