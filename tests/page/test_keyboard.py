"""The page without a pointer: a whole journey by keys alone, and no screen that holds the focus or hides it."""

import contextlib
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.page.conftest import SCREEN, sign_in
from tests.page.serving import ADMIN, PASSWORD, Served

_TASK = """
task: by-keys
title: Done by keys
description: Counts, asks, and tells.
params: {region: {type: string, default: emea}}
grants: {tools: [log]}
steps:
  - {id: first, python: "'first'"}
  - {id: second, python: "region"}
  - {id: ok, approve: {question: "Tell **{{ region }}**?", choices: [tell, keep_quiet]}}
  - {id: told, tool: log, with: {message: "{{ second }}"}}
output: "{{ ok['choice'] }}"
"""
_STANDING = """() => {
    const one = document.activeElement
    if (!one || one === document.body) return {name: 'nothing', seen: false, box: [0, 0]}
    const marked = (node) => {
        const style = getComputedStyle(node)
        const edge = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0
        return edge || style.boxShadow !== 'none'
    }
    // A field shows it by its border, in the colour of the accent; what is around it may show it in its place.
    const probe = document.createElement('i')
    probe.style.color = 'var(--mantine-primary-color-filled)'
    document.body.append(probe)
    const accent = getComputedStyle(probe).color
    probe.remove()
    const edged = (node) => getComputedStyle(node).borderTopColor === accent
    const around = [one, one.nextElementSibling]
    let node = one.parentElement
    for (; node && around.length < 8 && node.tagName !== 'MAIN'; node = node.parentElement) around.push(node)
    const box = one.getBoundingClientRect()
    return {
        name: `${one.tagName.toLowerCase()} ${one.getAttribute('aria-label') ?? one.innerText ?? ''}`.slice(0, 80),
        seen: around.some((node) => node && (edged(node) || (one.matches(':focus-visible') && marked(node)))),
        box: [box.width, box.height],
    }
}"""


class Keys:
    """A person who has a keyboard and nothing else."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def write(self, text: str) -> None:
        self.page.keyboard.type(text)

    def stop(self) -> str:
        """What has the focus, which must be seen."""
        with contextlib.suppress(PlaywrightTimeout):
            # An editor of text marks itself a moment after it has the focus.
            self.page.wait_for_function(f"() => ({_STANDING})().seen", timeout=1000)
        standing = self.page.evaluate(_STANDING)
        assert standing["seen"], f"on {self.page.url} the focus is not to be seen on {standing['name']}"
        return str(standing["name"])

    def to(self, wanted: Locator, *, by: str = "Tab", most: int = 80) -> None:
        """Go on with a key until it has the focus; every stop on the way is seen."""
        expect(wanted).to_be_attached()
        stops = []
        for _ in range(most):
            if wanted.evaluate("one => one === document.activeElement"):
                stops.append(self.stop())
                return
            self.press(by)
            stops.append(self.stop())
        raise AssertionError(f"{by} does not lead to {wanted}: {stops}")


@pytest.fixture
def keys(browser: Browser, served: Served, seeded: dict[str, str]) -> Iterator[Keys]:
    # Without motion what has the focus is seen at once.
    with browser.new_context(base_url=served.url, viewport=SCREEN, reduced_motion="reduce") as context:
        context.set_default_timeout(15_000)
        yield Keys(context.new_page())


def test_a_task_is_found_changed_published_run_and_answered_by_keys_alone(served: Served, keys: Keys) -> None:
    served.ask("POST", "/projects/default/files", {"files": [{"name": "k.yaml", "source": _TASK}]})
    page = keys.page
    page.goto("/sign-in")
    keys.to(page.get_by_label("Name"))
    keys.write(ADMIN)
    keys.to(page.get_by_label("Password", exact=True))
    keys.write(PASSWORD)
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Home", level=1)).to_be_visible()

    # Found by a few letters.
    keys.press("Control+k")
    expect(page.get_by_role("textbox", name="Search")).to_be_focused()
    keys.write("done by k")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Done by keys", level=1, exact=True)).to_be_visible()

    _change(page, keys)
    order = [step["key"] for step in served.ask("GET", "/projects/default/tasks/by-keys/definition")["steps"]]
    assert order == ["second", "python", "first", "ok", "told"]
    _run(page, keys)
    _answer_and_leave(page, keys)


def _change(page: Page, keys: Keys) -> None:
    """A step is moved, another one put in, the version stored and published."""
    keys.to(page.get_by_role("link", name="Edit", exact=True))
    keys.press("Enter")
    steps = page.get_by_role("group", name="Steps").get_by_role("button")
    expect(steps).to_have_count(4)
    keys.to(steps.first)
    keys.press("ArrowDown", "ArrowDown", "Alt+ArrowDown")
    expect(steps.nth(1)).to_contain_text("ok")
    expect(steps.nth(2)).to_be_focused()
    keys.press("Alt+ArrowUp", "Alt+ArrowUp")
    expect(steps.first).to_contain_text("second")
    expect(steps.first).to_be_focused()
    keys.stop()
    keys.to(page.get_by_role("button", name="Add a step after second"))
    keys.press("Enter")
    keys.to(page.get_by_role("menuitem", name="Compute something"), by="ArrowDown")
    keys.press("Enter")
    expect(steps).to_have_count(5)
    expect(steps.nth(1)).to_be_focused()
    keys.to(page.get_by_role("region", name="Fields of python").get_by_label("python"))
    keys.press("Control+a")
    keys.write("1 + 1")
    keys.press("Escape")
    keys.to(page.get_by_role("button", name="Save …"), by="Shift+Tab")
    keys.press("Enter")
    dialog = page.get_by_role("dialog", name="Save by-keys")
    keys.to(dialog.get_by_label("Message"))
    keys.write("By keys")
    keys.to(dialog.get_by_role("button", name="Save and publish"))
    keys.press("Enter")
    expect(page.get_by_text("v2 published")).to_be_visible()


def _run(page: Page, keys: Keys) -> None:
    """Run, and its steps walked."""
    expect(page.get_by_role("link", name="Run", exact=True)).to_be_visible()
    keys.to(page.get_by_role("link", name="Run", exact=True))
    keys.press("Enter")
    keys.to(page.get_by_label("region"))
    keys.press("Control+a")
    keys.write("apac")
    keys.to(page.get_by_role("button", name="Start the run"))
    keys.press("Enter")
    tree = page.get_by_role("tree", name="Steps")
    # There is nowhere to walk before the steps have begun.
    expect(tree.get_by_role("treeitem", name=re.compile("ok approval"))).to_be_visible()
    keys.to(tree)
    keys.press("ArrowDown")
    expect(page.get_by_role("region", name="Step second")).to_be_visible()
    keys.press("ArrowDown", "j")
    expect(page.get_by_role("region", name="Step first")).to_be_visible()
    keys.press("Escape")
    expect(page.get_by_role("region", name="Step first")).to_be_hidden()


def _answer_and_leave(page: Page, keys: Keys) -> None:
    keys.to(page.get_by_role("link", name="Open the question"), by="Shift+Tab")
    keys.press("Enter")
    expect(page.get_by_text("Tell apac?").last).to_be_visible()
    keys.to(page.get_by_label("Note"))
    keys.write("Gladly")
    keys.to(page.get_by_role("button", name="Tell", exact=True))
    keys.press("Enter")
    expect(page.get_by_text("Answered: Tell. The run goes on.")).to_be_visible()

    # Left.
    keys.to(page.get_by_role("button", name="Your account"), by="Shift+Tab")
    keys.press("Enter")
    keys.to(page.get_by_role("menuitem", name="Sign out"), by="ArrowDown")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize(
    "path",
    [
        "/p/default",
        "/p/default/chat",
        "/p/default/chat/{thread}",
        "/p/default/tasks",
        "/p/default/tasks/regional-report?tab=triggers",
        "/p/default/tasks/regional-report?tab=access",
        "/p/default/tasks/daily-sync?tab=versions",
        "/p/default/tasks/regional-report/edit",
        "/p/default/runs/{asking}",
        "/p/default/inbox",
        "/p/default/agents",
        "/p/default/agents/analyst",
        "/p/default/models",
        "/p/default/models/fast?of=server",
        "/p/default/tools/servers",
        "/p/default/tools/servers/crm",
        "/p/default/tools/new-server",
        "/p/default/templates",
        "/p/default/templates/report-generation",
        "/p/default/alarms?tab=channels",
        "/p/default/schedule",
        "/p/default/members",
        "/p/default/members/accounts",
        "/p/default/settings",
    ],
)
def test_tab_goes_once_round_a_screen_and_is_seen_at_every_stop(
    keys: Keys, served: Served, seeded: dict[str, str], path: str
) -> None:
    sign_in(keys.page.context, served)
    keys.page.goto(path.format_map(seeded))
    expect(keys.page.get_by_role("heading", level=1).first).to_be_visible()
    expect(keys.page.get_by_role("status", name="Loading")).to_have_count(0)
    # From wherever the screen has put the focus to the end, and from the beginning to the end.
    _round(keys)
    _round(keys)


def _round(keys: Keys, most: int = 400) -> None:
    """On to the beginning of the page: what holds the focus would be passed again and again."""
    for _ in range(most):
        keys.press("Tab")
        standing = keys.page.evaluate(_STANDING)
        if standing["name"] in ("nothing", "a Skip to content"):
            return
        assert standing["seen"], f"on {keys.page.url} the focus is not to be seen on {standing['name']}"
    raise AssertionError(f"after {most} stops Tab has not come round {keys.page.url}")


def test_the_text_editor_is_left_by_escape_and_tab(keys: Keys, served: Served) -> None:
    sign_in(keys.page.context, served)
    page = keys.page
    page.goto("/p/default/tasks/regional-report/edit")
    keys.to(page.get_by_role("radio", name="Steps"))
    keys.press("ArrowRight")
    editor = page.get_by_role("textbox", name="Task file")
    keys.to(editor)
    keys.press("Tab")
    expect(editor).to_be_focused()
    expect(page.get_by_text(re.compile("Esc"))).to_be_visible()
    keys.press("Escape", "Tab")
    expect(editor).not_to_be_focused()
