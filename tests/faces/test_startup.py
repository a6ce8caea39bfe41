"""The command starts quickly: what it does not need, it does not load."""

import json
import os
import subprocess
import sys

_MEASURE = """
import json, sys, time
from errands import bootstrap
sys.argv = ["errands", *{arguments}]
try:
    bootstrap.main()
except SystemExit:
    pass
heavy = {heavy}
print(json.dumps([time.process_time(), [name for name in heavy if name in sys.modules]]), file=sys.stderr)
"""


ENGINE = ("sqlalchemy", "pydantic_ai", "opentelemetry", "asyncpg", "ruamel", "structlog", "pgqueuer", "fastapi")
"""What only a process with a database needs."""
HEAVY = (*ENGINE, "rich", "httpx", "jsonschema_rs")


def measured(*arguments: str, server: str = "local", heavy: tuple[str, ...] = HEAVY) -> tuple[float, list[str]]:
    """Seconds of processor time of a whole process, and the heavy libraries that it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE.format(arguments=list(arguments), heavy=heavy)],
        env={**os.environ, "ERRANDS_URL": server},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, loaded = json.loads(done.stderr.splitlines()[-1])
    return seconds, loaded


def test_help_takes_less_than_0_4_seconds_of_processor_time() -> None:
    assert min(measured("--help")[0] for _ in range(2)) < 0.4


def test_help_loads_no_heavy_library() -> None:
    assert measured("--help")[1] == []
    assert measured("run", "--help")[1] == []


def test_wrong_options_are_refused_before_anything_is_loaded() -> None:
    assert measured("runs", "--limit", "0")[1] == []


def test_a_command_that_talks_to_a_server_loads_no_engine_and_no_database() -> None:
    assert measured("runs", server="http://127.0.0.1:1", heavy=(*ENGINE, "errands.engine", "errands.store"))[1] == []
