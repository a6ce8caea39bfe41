"""Settings: documented one by one, and refused all at once in words that name the variable."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from errands.bootstrap.probes import look_at_variables
from errands.settings import Settings, SettingsInvalid


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("ERRANDS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ERRANDS_HOME", str(tmp_path))


def test_every_problem_names_its_variable_and_what_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "ERRANDS_HEARTBEAT": "30",
        "ERRANDS_MAX_OUTPUT": "12x",
        "ERRANDS_CONCURRENCY": "0",
        "ERRANDS_LOG_LEVEL": "loud",
        "ERRANDS_EMBEDDED_KEEP_RUNNING": "perhaps",
        "ERRANDS_DEFAULT_PROJECT": "Not A Name",
        "ERRANDS_RUN_TIMEOUT": "0s",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid) as refused:
        Settings.load()
    assert {problem.partition("=")[0] for problem in refused.value.problems} == set(wrong)
    heartbeat = next(problem for problem in refused.value.problems if problem.startswith("ERRANDS_HEARTBEAT"))
    assert heartbeat == (
        "ERRANDS_HEARTBEAT='30': '30' is not a duration; write a number and a unit, such as 30s, 15m, 1h30m, 2d or 1w"
    )


def test_a_refusal_never_shows_a_secret_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERRANDS_DATABASE_URL", "postgresql://ana:hunter2@db/work")
    monkeypatch.setenv("ERRANDS_SECRET_KEY", "hunter2")
    assert "hunter2" not in repr(Settings.load())
    with pytest.raises(SettingsInvalid) as refused:
        Settings.load(database_url=["hunter2"], secret_key=("hunter2",))
    assert len(refused.value.problems) == 2
    assert "hunter2" not in str(refused.value)


def test_an_override_wins_over_a_variable_and_that_over_the_file_in_the_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "errands.env").write_text("ERRANDS_CONCURRENCY=3\nERRANDS_DATABASE_POOL=7\nOTHER=1\n")
    assert (Settings.load().concurrency, Settings.load().database_pool) == (3, 7)
    monkeypatch.setenv("ERRANDS_CONCURRENCY", "4")
    assert Settings.load().concurrency == 4
    assert Settings.load(concurrency=5).concurrency == 5


def test_units_lists_and_never_are_read_as_people_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERRANDS_HEARTBEAT", "1m30s")
    monkeypatch.setenv("ERRANDS_MAX_OUTPUT", "2GiB")
    monkeypatch.setenv("ERRANDS_KEEP_RUNS", "never")
    monkeypatch.setenv("ERRANDS_ALLOW_PRIVATE_HOSTS", "localhost:8080, 10.0.0.7")
    monkeypatch.setenv("ERRANDS_TRUSTED_PROXIES", "10.0.0.5, 10.1.0.0/16")
    settings = Settings.load()
    assert settings.trusted_proxies == ("10.0.0.5", "10.1.0.0/16")
    assert settings.heartbeat == timedelta(seconds=90)
    assert settings.max_output == 2 * 2**30
    assert settings.keep_runs is None
    assert settings.allow_private_hosts == ("localhost:8080", "10.0.0.7")


def test_a_proxy_that_is_no_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERRANDS_TRUSTED_PROXIES", "proxy.example.com")
    with pytest.raises(SettingsInvalid, match=r"'proxy\.example\.com' is no address or network"):
        Settings.load()


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERRANDS_DATABASE_URL", "")
    assert Settings.load().database_url is None


def test_what_has_no_place_of_its_own_lies_in_the_home(tmp_path: Path) -> None:
    settings = Settings.load()
    assert settings.artifacts == str(tmp_path / "artifacts")
    assert settings.workspace_folder == tmp_path / "workspaces"
    assert settings.key_file == tmp_path / "secret.key"


def test_every_setting_is_described_with_its_default() -> None:
    described = {doc.variable: doc for doc in Settings.describe()}
    assert set(described) == {f"ERRANDS_{name.upper()}" for name in Settings.model_fields}
    assert all(doc.description.endswith(".") and doc.kind and doc.default for doc in described.values())
    assert (described["ERRANDS_HEARTBEAT"].kind, described["ERRANDS_HEARTBEAT"].default) == ("duration", "30s")
    assert (described["ERRANDS_MAX_OUTPUT"].kind, described["ERRANDS_MAX_OUTPUT"].default) == ("size", "50MiB")
    unset = [doc for doc in described.values() if doc.default == "none"]
    assert unset
    assert all("None" in doc.description for doc in unset)


def test_a_file_that_is_no_text_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "errands.env").write_bytes(b"\xff\xfe\n")
    with pytest.raises(SettingsInvalid) as refused:
        Settings.load()
    assert refused.value.problems == [f"{tmp_path / 'errands.env'} is not UTF-8 (byte 0)"]


def test_variables_that_nothing_reads_are_named_with_the_one_that_may_be_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "errands.env").write_text("ERRANDS_XYZZY=3\nERRANDS_PORT=0\nOTHER=1\n")
    monkeypatch.setenv("ERRANDS_CONCURENCY", "1")
    monkeypatch.setenv("ERRANDS_DB_PASSWORD", "of somebody else")
    monkeypatch.setenv("ERRANDS_TOKEN", "of a client")
    settings = Settings.load()
    assert settings.strangers() == {"ERRANDS_CONCURENCY": "ERRANDS_CONCURRENCY", "ERRANDS_XYZZY": None}
    check = look_at_variables(settings)
    assert (check.ok, check.detail) == (
        False,
        "nothing reads ERRANDS_CONCURENCY (meant is ERRANDS_CONCURRENCY?), ERRANDS_XYZZY",
    )
