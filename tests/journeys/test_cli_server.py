"""The command as a client of a server: signed in, refused, followed over the network; and the page about it, word for
word.
"""

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from errands.cli.exits import ExitCode
from tests.journeys.conftest import RunningServer
from tests.journeys.errands_command import EXECUTABLE, Errands, client_of

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "remote.md"
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WAIT = """
task: patient
description: Logs, then waits for an event.
grants: {tools: [log]}
steps:
  - {id: said, tool: log, with: {message: here I am}}
  - {id: paid, wait_for: {event: paid}}
output: "{{ paid }}"
"""


@pytest.fixture
def unset(tmp_path: Path) -> Errands:
    """The command where no server is set and nobody was signed in."""
    home = {"ERRANDS_HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    return Errands(tmp_path, {**home, "NO_COLOR": "1", "COLUMNS": "160"})


@pytest.fixture
def client(server: RunningServer, tmp_path: Path, request: pytest.FixtureRequest) -> Errands:
    """The command as a client, in a project of the test's own."""
    project = f"server-{abs(hash(request.node.name)) % 10**9}"
    server.ask("PUT", f"/projects/{project}", {})
    return client_of(tmp_path, server.url, server.token, project)


@pytest.fixture
def team() -> Iterator[tuple[str, list[bytes]]]:
    """A channel of the team: its address for apprise, and what came there."""
    came: list[bytes] = []

    class Team(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing on stderr."""

    listener = HTTPServer(("127.0.0.1", 0), Team)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    yield f"json://127.0.0.1:{listener.server_port}/team", came
    listener.shutdown()
    thread.join()
    listener.server_close()


def test_a_token_is_kept_for_its_server_and_forgotten_again(unset: Errands, server: RunningServer) -> None:
    alone = unset("whoami", "--json").document
    assert (alone["server"], alone["name"].startswith("user:")) == (None, True)
    signed_in = unset("login", server.url, typed=f"{server.token}\n")
    assert signed_in.code == 0, signed_in.err
    who = unset("whoami", "--json").document
    assert (who["server"], who["name"], who["server_role"]) == (server.url, "root", "admin")
    assert unset("runs").code == 0
    assert unset("logout").code == 0
    assert unset("whoami", "--json").document["server"] is None
    assert unset("logout").code == 2
    assert server.token not in signed_in.out + signed_in.err


def test_a_wrong_address_is_found_before_a_secret_is_asked_for(unset: Errands) -> None:
    refused = unset("login", "http://127.0.0.1:9", typed="")
    assert (refused.code, refused.out) == (1, "")
    assert "The server http://127.0.0.1:9 cannot be reached" in refused.err


def test_a_password_is_enough_to_make_a_token(unset: Errands, server: RunningServer) -> None:
    wrong = unset("login", server.url, "--name", "root", typed="not the password\n")
    assert (wrong.code, wrong.out) == (2, "")
    right = unset("login", server.url, "--name", "root", typed=f"{server.password}\n")
    assert right.code == 0, right.err
    assert unset("whoami", "--json").document["name"] == "root"
    kept = server.ask("GET", "/tokens").json()
    assert any(token["name"].startswith("errands on ") and token["expires_at"] for token in kept)


@pytest.mark.parametrize("token", ["", "errands_made-up"])
def test_whoever_is_not_signed_in_is_told_the_command(client: Errands, server: RunningServer, token: str) -> None:
    stranger = Errands(client.folder, {**client.environment, "ERRANDS_TOKEN": token})
    refused = stranger("tasks")
    assert (refused.code, refused.out) == (2, "")
    assert f"Sign in: errands login {server.url}" in refused.err


def test_whoever_lacks_a_right_is_told_which_and_whom_to_ask(client: Errands, server: RunningServer) -> None:
    client.write("patient.yaml", WAIT)
    reader = Errands(client.folder, {**client.environment, "ERRANDS_TOKEN": server.reading})
    refused = reader("apply", "patient.yaml")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.splitlines() == [
        "task.edit was refused: the token reading lacks the scope edit.",
        "Ask root for a token with it.",
    ]
    assert reader("tasks", "--json").document == []


def test_a_server_that_is_not_there_is_said_in_a_sentence(unset: Errands) -> None:
    away = unset("--server", "http://127.0.0.1:1", "runs")
    assert (away.code, away.out) == (1, "")
    assert "The server http://127.0.0.1:1 cannot be reached" in away.err
    assert "errands --server local" in away.err
    assert "Traceback" not in away.err


def test_what_is_not_there_and_what_is_wrong_end_with_2(client: Errands) -> None:
    client.write("patient.yaml", WAIT)
    assert client("apply", "patient.yaml").code == 0
    for arguments, says in (
        (("run", "patience"), "There is no task 'patience'. Did you mean patient?"),
        (("run", "patient", "-p", "spam=1"), "spam"),
        (("show", "run_0192f3c4a1b27c3e8d5f6a7b8c9d0e1f"), "There is no run"),
        (("publish", "patient", "9"), "9"),
        (("versions", "a/b"), "There is nothing called 'a/b'."),
        (("tasks", "-P", "nowhere"), "nowhere"),
        (("approve", "--as", "ana"), "With a server you act as the person of your token"),
    ):
        refused = client(*arguments)
        assert (refused.code, refused.out) == (2, ""), (arguments, refused.err)
        assert says in " ".join(refused.err.split()), (arguments, refused.err)


def test_a_run_is_followed_live_over_the_network_to_its_end(client: Errands) -> None:
    file = str(client.write("patient.yaml", WAIT))
    with client.started("run", file, "--follow") as following:
        following.lines_with("here I am", "waiting for the event paid")
        assert client("event", "send", "paid", "--payload", "12", "--json").document["woken"] == 1
        assert following.line_with("12")
        assert following.code() == 0


def test_ctrl_c_leaves_a_run_of_the_server_and_it_goes_on(client: Errands) -> None:
    file = str(client.write("patient.yaml", WAIT))
    with client.started("run", file, "--follow") as following:
        following.line_with("waiting for the event paid")
        following.signal(signal.SIGINT)
        following.line_with("Left; the run goes on.")
        assert following.code() == ExitCode.INTERRUPTED
    assert client("show", "--json").document["status"] == "waiting"
    assert client("cancel", client("show", "--json").document["id"], "--reason", "tidied up").code == 0


def test_a_script_gets_one_document_and_an_exit_code(client: Errands) -> None:
    client.write("add.yaml", "task: add\ndescription: Adds.\nsteps:\n  - {id: a, python: \"'x' * 200_000\"}\n")
    assert client("apply", "add.yaml").code == 0
    ran = client("run", "add", "--json", "--wait")
    assert ran.code == 0
    assert {"id", "status", "output", "error", "started_at", "finished_at", "usage"} <= set(ran.document)
    assert (ran.document["status"], ran.document["output"]) == ("succeeded", "x" * 200_000)


@pytest.mark.timeout(300)
def test_the_page_leads_from_nothing_to_a_scheduled_approved_and_notified_run(
    client: Errands, server: RunningServer, team: tuple[str, list[bytes]]
) -> None:
    address, came = team
    client.write("token", server.token + "\n")
    client.write("channel", address + "\n")
    outer = {name: value for name, value in os.environ.items() if not name.startswith("ERRANDS_")}
    ours = {name: value for name, value in client.environment.items() if name not in ("ERRANDS_URL", "ERRANDS_TOKEN")}
    shell = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(_BLOCK.findall(_PAGE.read_text()))],
        cwd=client.folder,
        env={**outer, **ours, "ERRANDS": server.url, "PATH": f"{EXECUTABLE.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert shell.returncode == 0, shell.stdout + shell.stderr
    assert [json.loads(one)["message"] for one in came] == ["The total is 42."]
    runs = client("runs", "--task", "orders", "--json").document["items"]
    by_schedule = [run["status"] for run in runs if run["trigger"]["kind"] == "schedule"]
    assert set(by_schedule) <= {"succeeded", "skipped"}, "skipped, if the schedule came again before it was disabled"
    assert by_schedule.count("succeeded") == 1, "while it waits, its schedule starts nothing"
    assert "the total is 42" in shell.stdout


def test_the_addresses_that_a_server_gives_out_are_on_the_port_that_it_has(
    client: Errands, server: RunningServer
) -> None:
    assert client("secrets", "set", "HOOK", typed="s3cret\n").code == 0
    client.write(
        "listen.yaml",
        "task: listen\ndescription: Runs when somebody calls.\ngrants: {secrets: [HOOK]}\nsteps: [{wait: 1s}]\n"
        'triggers: [{id: hook, webhook: {token: "secret:HOOK"}}]\n',
    )
    assert client("apply", "listen.yaml").code == 0
    made = client("triggers", "new-address", "listen", "hook", "--json")
    assert made.document["address"].startswith(f"{server.url}/"), made.out
