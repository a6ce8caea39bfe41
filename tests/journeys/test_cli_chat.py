"""The chat in a terminal: drafted, tried, and what waits for a click is said."""

import json

from tests.journeys.errands_command import Errands


def test_a_task_is_drafted_and_tried_in_one_thread(errands: Errands) -> None:
    drafted = errands("chat", "/new plain hello-chat says hello")
    assert drafted.code == 0
    assert "+task: hello-chat" in drafted.out
    assert "hello-chat waits for a click: publish." in drafted.err
    tried = errands("chat", "--thread", "last", "/try name=Ana")
    assert 'Output: `"Hello Ana"`' in tried.out
    assert errands("tasks", "--json").document == []


def test_what_waits_is_named_and_said_with_what_a_click_does(errands: Errands) -> None:
    errands.write("needy.yaml", "task: needy\ndescription: d\nparams: {a: {type: string}}\nsteps: [{wait: 1s}]\n")
    assert errands("apply", "needy.yaml").code == 0
    assert "needy waits for a click: run." in errands("chat", "/run needy").err
    assert "needy waits for a click: pause." in errands("chat", "/pause needy").err
    assert "UTC. Publish it" in errands("chat", "/schedule needy daily 09:00 a=x").out


def test_chunks_are_json_lines_and_a_refused_turn_ends_with_1(errands: Errands) -> None:
    said = errands("chat", "--json", "/help")
    kinds = [json.loads(line)["type"] for line in said.out.splitlines()]
    assert (kinds[0], kinds[-1]) == ("start", "finish")
    failed = errands("chat", "/fly")
    assert (failed.code, "no command '/fly'" in failed.err) == (1, True)
    assert errands("chat", "--thread", "thr_1", "hi").code != 0


def test_the_chat_goes_on_until_an_empty_line(errands: Errands) -> None:
    ended = errands("chat", typed="/tasks\n/fly\n\n/help\n")
    assert ended.code == 0
    assert "There is no task yet" in ended.out
    assert "no command '/fly'" in ended.err
    assert "`/help`" not in ended.out
