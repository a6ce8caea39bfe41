"""The chat: a task is built, tried, published and run in a conversation; what comes back is only ever shown."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.chat.scripted import ScriptedModel
from tests.page.cable import cable
from tests.page.conftest import SCREEN, NewDatabase, sign_in
from tests.page.seeding import say
from tests.page.serving import ADMIN, PASSWORD, Served, serve
from tests.page.talking import TALKING, Held, scripted
from tests.page.test_screens import SCHEMES, Scheme, settled, violations

_COUNT = """task: order-count
description: Counts the orders of a region, and asks before it tells.
params:
  region: {type: string, description: Sales region}
grants: {tools: [log]}
steps:
  - {id: orders, python: "[1, 2, 3]"}
  - {id: ok, approve: {question: "Tell **{{ region }}** of {{ len(orders) }} orders?", choices: [tell, keep_quiet]}}
  - {id: said, tool: log, with: {message: "{{ len(orders) }} in {{ region }}"}}
output: {region: "{{ region }}", count: "{{ len(orders) }}", answer: "{{ ok['choice'] }}"}
"""


@pytest.fixture(scope="module")
def served(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of its own, whose default model says what the test has written down."""
    with serve(new_database(), tmp_path_factory.mktemp("talking"), settings=TALKING) as started:
        yield started


@pytest.fixture(scope="module")
def scripts(served: Served) -> Iterator[ScriptedModel]:
    with scripted(served) as model:
        yield model


@pytest.fixture
def model(scripts: ScriptedModel) -> ScriptedModel:
    return scripts


def _send(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Message", exact=True).fill(text)
    page.get_by_role("textbox", name="Message", exact=True).press("Enter")
    expect(page.get_by_role("article", name="You").last).to_contain_text(text.splitlines()[0])
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    expect(page.get_by_role("textbox", name="Message", exact=True)).to_have_value("")


def _card(page: Page, name: str | re.Pattern[str]) -> Locator:
    return page.get_by_role("region", name=name).last


def _thread(served: Served, **body: object) -> str:
    return str(served.ask("POST", "/projects/default/threads", body)["id"])


def test_a_task_is_built_by_commands_chosen_with_the_keyboard(page: Page, served: Served) -> None:
    page.goto("/p/default")
    page.get_by_role("link", name="Chat", exact=True).click()
    expect(page.get_by_role("list", name="Commands to begin with")).to_contain_text("/new [KIND] NAME")
    field = page.get_by_role("textbox", name="Message", exact=True)
    field.press_sequentially("/ne")
    expect(page.get_by_role("option", name="/new [KIND] NAME what it does")).to_have_attribute("aria-selected", "true")
    field.press("Enter")
    expect(field).to_have_value("/new ")
    field.press_sequentially("ask gate Asks before it goes on")
    field.press("Enter")
    expect(page).to_have_url(re.compile("/chat/thr_"))
    draft = _card(page, "Task draft gate")
    expect(draft).to_contain_text("approval")
    draft.get_by_role("button", name="Validate").click()
    expect(draft).to_contain_text("No problem found.")
    draft.get_by_role("button", name="Dry run").click()
    draft.get_by_label("question").fill("Really?")
    draft.get_by_role("button", name="Try it").click()
    expect(draft.get_by_role("group", name="Result of the dry run")).to_contain_text("Succeeded")
    assert served.ask("GET", "/projects/default/tasks")["items"] == [], (
        "nothing is stored without the click that stores it"
    )
    draft.get_by_role("button", name="Publish").click()
    expect(draft).to_contain_text("Published as v1 by ana")
    expect(draft.get_by_role("button", name="Publish")).to_be_hidden()

    field.press_sequentially("/run ")
    expect(page.get_by_role("listbox", name="Commands").get_by_role("option")).to_have_count(1)
    field.press("Tab")
    expect(field).to_have_value("/run gate ")
    field.press("Enter")
    run = page.get_by_role("region", name="Run").last
    expect(run).to_contain_text("Waiting")
    question = run.get_by_role("region", name="Question")
    question.get_by_label("Note").fill("Go")
    question.get_by_role("button", name="Approve").click()
    expect(run).to_contain_text("Succeeded")
    expect(run.get_by_label("Output of the run")).to_have_text("approve")
    page.reload()
    expect(_card(page, "Task draft gate")).to_contain_text("Published as v1 by ana")
    expect(
        page.get_by_role("navigation", name="Conversations").get_by_role("link", name=re.compile("new ask gate"))
    ).to_be_visible()


def test_a_model_builds_a_task_that_is_published_run_and_answered_on_its_cards(
    page: Page, served: Served, model: ScriptedModel
) -> None:
    page.goto("/p/default/chat")
    model.then(model.uses("draft", source=_COUNT, message="First draft"), "Try it **before** you publish it.")
    _send(page, "Count our orders by region, please")
    answer = page.get_by_role("article", name="Answer").last
    expect(answer.locator("strong", has_text="before")).to_be_visible()
    call = answer.locator("details", has_text="draft").first
    expect(call.get_by_label("Input of draft")).to_be_hidden()
    call.locator("summary").click()
    expect(call.get_by_label("Input of draft")).to_contain_text("order-count")
    expect(answer).to_contain_text("tokens · $0.0")
    draft = _card(page, "Task draft order-count")
    draft.get_by_text("YAML").click()
    expect(draft.get_by_label("File of the draft")).to_contain_text("task: order-count")
    draft.get_by_role("button", name="Publish").click()
    expect(draft).to_contain_text("Published as v1")

    model.then(model.uses("start_run", task="order-count"), "Which region?")
    _send(page, "Run it now")
    form = _card(page, "Run order-count")
    expect(form).to_contain_text("Fill in what it needs, then start it.")
    form.get_by_role("button", name="Start the run").click()
    expect(form.get_by_role("alert")).to_contain_text("region")
    form.get_by_label("region").fill("amer")
    form.get_by_role("button", name="Start the run").click()
    expect(form).to_contain_text("Started")
    run = page.get_by_role("region", name="Run").last
    expect(run).to_contain_text("Tell amer of 3 orders?")
    run.get_by_role("button", name="Keep quiet").click()
    expect(run).to_contain_text("Succeeded")
    expect(run.get_by_label("Output of the run")).to_contain_text('"answer": "keep_quiet"')
    run.get_by_role("link", name=re.compile("order-count")).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("order-count")


def test_a_schedule_shows_when_it_would_fire_and_is_told_when_it_was_changed_meanwhile(
    page: Page, served: Served
) -> None:
    source = _COUNT.replace("order-count", "shifting")
    served.ask("POST", "/projects/default/files", {"files": [{"name": "s.yaml", "source": source}]})
    thread = _thread(served)
    say(served, thread, "/schedule shifting daily 09:00 timezone=Europe/Berlin region=emea")
    page.goto(f"/p/default/chat/{thread}")
    draft = _card(page, "Task draft shifting")
    expect(draft.get_by_label("Difference to what is saved")).to_contain_text("+")
    trigger = draft.get_by_role("region", name=re.compile("Trigger"))
    expect(trigger).to_contain_text("Europe/Berlin")
    expect(trigger.get_by_role("listitem")).to_have_count(5)
    expect(trigger.get_by_role("listitem").first).to_contain_text("09:00")
    other = source.replace("[1, 2, 3]", "[1]")
    served.ask("POST", "/projects/default/files", {"files": [{"name": "s.yaml", "source": other}]})
    draft.get_by_role("button", name="Publish").click()
    expect(draft.get_by_role("alert")).to_contain_text("It has changed meanwhile")
    assert served.ask("GET", "/projects/default/tasks/shifting")["published"] == 2
    draft.get_by_role("button", name="Dismiss").click()
    expect(draft).to_contain_text("Dismissed by ana")


def test_an_answer_is_stopped_given_again_and_its_question_edited(
    page: Page, served: Served, model: ScriptedModel
) -> None:
    page.goto(f"/p/default/chat/{_thread(served)}")
    held = Held("Too late.")
    model.then(held)
    field = page.get_by_role("textbox", name="Message", exact=True)
    field.fill("What is the weather?")
    field.press("Enter")
    expect(page.get_by_role("article", name="Answer").last).to_contain_text("answering")
    assert held.asked.wait(20)
    field.fill("typed meanwhile")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("article", name="Answer").last).to_contain_text("Stopped.")
    expect(field).to_have_value("typed meanwhile")
    held.go_on()
    model.then("It rains.")
    page.get_by_role("button", name="Answer again").click()
    expect(page.get_by_role("article", name="Answer")).to_have_count(1)
    expect(page.get_by_role("article", name="Answer")).to_contain_text("It rains.")
    page.get_by_role("button", name="Edit this message").click()
    page.get_by_role("textbox", name="Message, edited").fill("And in Rome?")
    model.then("Sun.")
    page.get_by_role("article", name="You").get_by_role("button", name="Send").click()
    expect(page.get_by_role("article", name="Answer")).to_contain_text("Sun.")
    expect(page.get_by_role("article", name="You")).to_have_count(1)
    expect(page.get_by_role("article", name="You")).to_contain_text("And in Rome?")


def test_what_is_typed_outlives_a_reload_and_the_end_of_the_session(
    page: Page, context: BrowserContext, served: Served, model: ScriptedModel
) -> None:
    page.goto(f"/p/default/chat/{_thread(served)}")
    field = page.get_by_role("textbox", name="Message", exact=True)
    field.fill("a long thought")
    page.reload()
    expect(field).to_have_value("a long thought")
    context.clear_cookies()
    field.press("Enter")
    dialog = page.get_by_role("dialog", name="Your session has ended")
    dialog.get_by_label("Name").fill(ADMIN)
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in", exact=True).click()
    expect(dialog).to_be_hidden()
    expect(field).to_have_value("a long thought")
    model.then("Understood.")
    field.press("Enter")
    expect(page.get_by_role("article", name="Answer")).to_contain_text("Understood.")
    expect(field).to_have_value("")


def test_an_answer_is_followed_from_a_second_tab_which_is_refused_a_turn_meanwhile(
    page: Page, context: BrowserContext, served: Served, model: ScriptedModel
) -> None:
    thread = _thread(served)
    second = context.new_page()
    for tab in (page, second):
        tab.goto(f"/p/default/chat/{thread}")
        expect(tab.get_by_role("heading", name="New conversation")).to_be_visible()
    held = Held("Here it is.")
    model.then(held)
    page.get_by_role("textbox", name="Message", exact=True).fill("Take your time")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    second.get_by_role("textbox", name="Message", exact=True).fill("Me too")
    second.get_by_role("button", name="Send").click()
    expect(second.get_by_role("alert")).to_contain_text("Wait for its end, or cancel it.")
    expect(second.get_by_role("textbox", name="Message", exact=True)).to_have_value("Me too")
    expect(second.get_by_role("article", name="You")).to_have_text(re.compile("Take your time"))
    expect(second.get_by_role("button", name="Stop")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    held.go_on()
    for tab in (page, second):
        expect(tab.get_by_role("article", name="Answer")).to_contain_text("Here it is.")
        expect(tab.get_by_role("button", name="Send")).to_be_visible()
        expect(tab.get_by_role("article")).to_have_count(2)


def test_an_answer_is_found_again_after_the_connection_was_cut(
    browser: Browser, served: Served, model: ScriptedModel
) -> None:
    thread = _thread(served)
    held = Held("It went on without you.")
    model.then(held)
    with cable(served.url) as line, browser.new_context(base_url=line.url, viewport=SCREEN) as context:
        sign_in(context, Served(line.url, served.client))
        page = context.new_page()
        page.goto(f"/p/default/chat/{thread}")
        field = page.get_by_role("textbox", name="Message", exact=True)
        field.fill("Take your time")
        page.get_by_role("button", name="Send").click()
        assert held.asked.wait(20)
        line.pull()
        expect(page.get_by_text("the connection was cut")).to_be_visible()
        expect(page.get_by_text("The server does not answer.")).to_be_visible()
        field.fill("typed meanwhile")
        held.go_on()
        line.plug()
        expect(page.get_by_role("article", name="Answer")).to_contain_text("It went on without you.")
        expect(page.get_by_role("article")).to_have_count(2)
        expect(field).to_have_value("typed meanwhile")
        expect(page.get_by_role("button", name="Send")).to_be_enabled()
        expect(page.get_by_text("The server does not answer.")).to_be_hidden()


def test_a_call_that_leaves_the_thread_waits_for_a_click(page: Page, served: Served, model: ScriptedModel) -> None:
    page.goto(f"/p/default/chat/{_thread(served)}")
    url = f"{served.url}/api/v1/healthz"
    model.then(model.uses("http_request", url=url, expect_status=[200, 404]), "Then not.")
    page.get_by_role("textbox", name="Message", exact=True).fill("Fetch it")
    page.get_by_role("button", name="Send").click()
    ask = page.get_by_role("group", name="May http_request be called?")
    expect(ask).to_be_visible()
    expect(page.get_by_label("Input of http_request")).to_contain_text(url)
    page.reload()
    ask.get_by_label("Why it is refused").fill("not today")
    ask.get_by_role("button", name="Refuse").click()
    expect(page.get_by_role("article", name="Answer").last).to_contain_text("Then not.")
    expect(page.get_by_role("article", name="Answer").last.locator("summary")).to_contain_text("refused")
    assert "not today" in str(model.bodies[-1]["messages"][-1])

    model.then(model.uses("http_request", url=url, expect_status=[200, 404]), "Fetched.")
    page.get_by_role("textbox", name="Message", exact=True).fill("Do fetch it")
    page.get_by_role("button", name="Send").click()
    ask.get_by_role("button", name="Allow this call").click()
    expect(page.get_by_role("article", name="Answer").last).to_contain_text("Fetched.")
    expect(page.get_by_role("article", name="Answer").last.locator("summary")).to_contain_text("done")
    expect(page.get_by_text("has read from outside")).to_be_visible()


def test_files_are_attached_listed_and_removed(page: Page, served: Served, model: ScriptedModel) -> None:
    page.goto("/p/default/chat")
    page.get_by_label("Files to attach").set_input_files(
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"Orders rise."}
    )
    files = page.get_by_role("list", name="Files to send")
    expect(files).to_contain_text("notes.txt")
    expect(page).to_have_url(re.compile("/chat/thr_"))
    page.get_by_label("Files to attach").set_input_files(
        {"name": "odd.bin", "mimeType": "application/octet-stream", "buffer": bytes(range(256))}
    )
    expect(files.get_by_role("img", name="A model cannot read it")).to_be_visible()
    page.get_by_role("button", name="Remove odd.bin").click()
    expect(files).not_to_contain_text("odd.bin")
    model.then("They rise.")
    _send(page, "What do the notes say?")
    assert "Orders rise." in str(model.bodies[-1]["messages"][-1])
    expect(page.get_by_role("article", name="You").get_by_role("link", name="notes.txt")).to_be_visible()
    page.get_by_role("button", name="More about this conversation").click()
    page.get_by_role("menuitem", name="Files …").click()
    dialog = page.get_by_role("dialog", name="Files of this conversation")
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    with page.expect_download() as download:
        dialog.get_by_role("link", name="Download notes.txt").click()
    assert download.value.suggested_filename == "notes.txt"
    dialog.get_by_role("button", name="Remove notes.txt").click()
    page.get_by_role("button", name="Remove it").click()
    expect(dialog).to_contain_text("None yet.")


def test_a_conversation_is_saved_as_a_task_with_its_rehearsal(page: Page, served: Served, model: ScriptedModel) -> None:
    page.goto(f"/p/default/chat/{_thread(served)}")
    model.then(model.uses("files_write", path="haiku.txt", text="Rain on the window"), "Written.")
    _send(page, "Write a haiku to a file")
    page.get_by_role("button", name="Save as a task …").click()
    dialog = page.get_by_role("dialog", name="Save this conversation as a task")
    dialog.get_by_label("Name of the task").fill("Haiku!")
    expect(dialog.get_by_role("button", name="Draft it")).to_be_disabled()
    dialog.get_by_label("Name of the task").fill("haiku")
    dialog.get_by_label("What it does").fill('Writes Ana\'s "daily" haiku')
    dialog.get_by_role("button", name="Draft it").click()
    draft = _card(page, "Task draft haiku")
    expect(draft).to_contain_text("makes the same calls and comes to the same output")
    draft.get_by_role("button", name="Save", exact=True).click()
    expect(draft).to_contain_text("Saved as v1 by ana")
    draft.get_by_role("link", name="Edit").click()
    expect(page.get_by_role("heading", name="Edit haiku")).to_be_visible()
    assert served.ask("GET", "/projects/default/tasks/haiku")["description"] == 'Writes Ana\'s "daily" haiku'


def test_threads_are_found_renamed_shared_and_deleted(page: Page, browser: Browser, served: Served) -> None:
    first, second = _thread(served, title="Invoices"), _thread(served, title="Weather")
    say(served, first, "/help")
    page.goto(f"/p/default/chat/{first}")
    found = page.get_by_role("navigation", name="Conversations")
    page.get_by_label("Search conversations").fill("weather")
    expect(found.get_by_role("link", name=re.compile("Invoices"))).to_be_hidden()
    found.get_by_role("link", name=re.compile("Weather")).click()
    expect(page).to_have_url(re.compile(f"{second}.*q=weather"))
    page.get_by_role("button", name="Clear the search").click()
    page.get_by_role("button", name="More about this conversation").click()
    page.get_by_role("menuitem", name="Rename …").click()
    page.get_by_label("Title").fill("Rain")
    page.get_by_role("button", name="Rename", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Rain")
    page.get_by_role("button", name="More about this conversation").click()
    page.get_by_role("menuitem", name="Delete …").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page).to_have_url(re.compile("/chat$"))
    expect(found.get_by_role("link", name=re.compile("Rain"))).to_be_hidden()
    page.goto(f"/p/default/chat/{second}")
    expect(page.get_by_role("alert")).to_contain_text("Not found")

    page.goto(f"/p/default/chat/{first}")
    page.get_by_role("button", name="More about this conversation").click()
    page.get_by_role("menuitem", name="Share with the project").click()
    expect(page.get_by_text("shared", exact=True).first).to_be_visible()
    with browser.new_context(base_url=served.url, viewport=SCREEN) as other:
        _person(served, "bob")
        sign_in(other, served, "bob", PASSWORD)
        tab = other.new_page()
        tab.goto("/p/default/chat")
        tab.get_by_role("region", name="Shared with me").get_by_role("link", name=re.compile("Invoices")).click()
        expect(tab.get_by_role("article", name="Answer")).to_contain_text("/schedule")
        expect(tab.get_by_text("only ana talks in it")).to_be_visible()
        expect(tab.get_by_role("textbox", name="Message", exact=True)).to_have_count(0)
        served.ask("PUT", f"/projects/default/threads/{first}", {"shared": False})
        tab.reload()
        expect(tab.get_by_role("alert")).to_contain_text("You may not see this")


def _person(served: Served, name: str) -> None:
    """Somebody who may look at the project."""
    served.ask("POST", f"/people/{name}", {"title": name, "password": PASSWORD})
    served.ask("PUT", f"/projects/default/members/user:{name}", {"role": "viewer"})


def test_what_a_model_and_a_person_write_does_nothing(page: Page, served: Served, model: ScriptedModel) -> None:
    script = "<img src=x onerror=document.title=1><script>document.title=1</script>"
    hostile = (
        f"{script} ![seen](https://evil.example/pixel.png) [go](javascript:alert(1)) <iframe src=https://evil.example>"
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/p/default/chat/{_thread(served, title=script)}")
    model.then(
        model.uses("files_write", path="x.txt", text=hostile),
        model.uses(
            "draft", source=_COUNT.replace("order-count", "hostile").replace("Counts the", script.replace("=", ""))
        ),
        hostile,
    )
    _send(page, hostile)
    answer = page.get_by_role("article", name="Answer").last
    expect(answer).to_contain_text("[picture: seen]")
    for summary in answer.locator("summary").all():
        summary.click()
    expect(answer.get_by_label("Input of files_write")).to_contain_text("onerror")
    expect(page.get_by_role("article", name="You")).to_contain_text("<script>")
    expect(answer.get_by_text("go", exact=True)).to_be_visible()
    assert page.locator("main a[href^='javascript']").count() == 0
    assert page.locator("main img, main iframe, main script").count() == 0
    assert page.title() != "1"
    assert [url for url in asked if not url.startswith((served.url, "data:", "blob:"))] == []


def test_a_model_that_is_away_says_what_to_do_and_may_be_asked_again(
    page: Page, served: Served, model: ScriptedModel
) -> None:
    page.goto(f"/p/default/chat/{_thread(served)}")
    files = [{"name": "agents/lost.yaml", "source": _LOST}, {"name": "models/away.yaml", "source": _AWAY}]
    served.ask("POST", "/projects/default/files", {"files": files})
    page.reload()
    page.get_by_role("combobox", name="Who answers").click()
    page.get_by_role("option", name="lost").click()
    expect(page.get_by_role("combobox", name="Who answers")).to_have_value("lost")
    _send(page, "Hello?")
    expect(page.get_by_role("alert")).to_contain_text("The answer could not be finished")
    expect(page.get_by_role("alert")).to_contain_text("away")
    page.get_by_role("combobox", name="Who answers").click()
    page.get_by_role("option", name="Assistant").click()
    model.then("Hello.")
    page.get_by_role("alert").get_by_role("button", name="Answer again").click()
    expect(page.get_by_role("article", name="Answer")).to_contain_text("Hello.")


_LOST = "agent: lost\nmodel: away\ninstructions: Answer.\n"
_AWAY = "model: away\nprovider: openai-compatible\nname: away\nbase_url: http://127.0.0.1:9/v1\nretries: 0\n"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_thread_with_everything_in_it_has_no_violation(
    browser: Browser, served: Served, model: ScriptedModel, axe: str, scheme: Scheme
) -> None:
    thread = _thread(served)
    model.then(
        model.uses("draft", source=_COUNT, message="First draft"),
        "# Heading\n\n- a list\n\n| A | B |\n| - | - |\n| 1 | 2 |\n\n```yaml\ntask: x\n```\n\n> quoted `code`",
        model.uses("http_request", url="http://127.0.0.1:1/"),
    )
    say(served, thread, "Draft it")
    say(served, thread, "/fly")
    say(served, thread, "Fetch it")
    with browser.new_context(base_url=served.url, color_scheme=scheme, viewport=SCREEN, bypass_csp=True) as context:
        sign_in(context, served)
        page = context.new_page()
        page.goto(f"/p/default/chat/{thread}")
        settled(page)
        assert violations(page, axe, scheme) == []
        page.get_by_role("textbox", name="Message", exact=True).press_sequentially("/")
        expect(page.get_by_role("listbox", name="Commands")).to_be_visible()
        assert violations(page, axe, scheme) == []
