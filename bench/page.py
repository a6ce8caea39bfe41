"""The page in a browser: how much script it loads, how soon it shows something, how quickly it answers to the hand.

usage: page.py [RUNS] [TASKS] [MINUTES] [FOLDER]

Behind the API lie RUNS runs (1,000,000) and TASKS tasks (10,000), made as `history.py` makes them. FOLDER: an Errands
home that is filled with them where it is not yet, and kept: the next time it is measured as it is. Chromium measures:
compressed script and largest contentful paint of the first screen (the slowest of 7 loads); the time from an input to
the next frame over some hundred interactions on the lists of tasks and runs, in the palette and in a run of 1,000
steps; frames per second while that run is scrolled; and the heap, garbage collected, over MINUTES (5; 60 for a claim)
of a run that goes on, as growth per hour. What such a run adds by itself, its steps, is in it. Skipped without a
Chromium.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import httpx
from history import DEFINITION, MAKE_TASKS, PROJECT, TASKS, generate
from measuring import Figure, percentile, report
from playwright.sync_api import BrowserContext, CDPSession, Locator, Page, sync_playwright

from errands.api.page import page_folder
from errands.bootstrap import open_services
from errands.settings import Settings
from errands.store.database import Database

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
FILLED = "filled-for-the-page"
PASSWORD = "correct horse battery staple"
LOADS = 7
FIRST_SCREEN_BYTES, PAINT_MS, INTERACTION_MS, FRAMES = 250_000, 1000, 100, 50
GROWTH_MIB = 10
UNSEEN_MS = 8.0
"""What an interaction took that the browser does not report: less than its threshold of 16 ms."""
STEPS = 1000
LIVE_EVERY = "5s"

MANY = f"""
task: many-steps
description: A loop of {STEPS} items.
steps:
  - {{id: each, for_each: "range({STEPS})", as: number, max_parallel: 8, do: [{{id: doubled, python: number * 2}}]}}
"""
LIVE = f"""
task: live
description: Goes on and on.
steps:
  - id: rounds
    repeat: [{{id: turned, python: "1"}}, {{id: rested, wait: {LIVE_EVERY}}}]
    until: "False"
    max: 5000
"""
WATCH = """
window.__interactions = {};
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    if (entry.interactionId && entry.duration > (window.__interactions[entry.interactionId]?.[0] ?? 0))
      window.__interactions[entry.interactionId] = [
        entry.duration,
        entry.name,
        (entry.target?.ariaLabel ?? entry.target?.textContent ?? '').slice(0, 40),
      ];
}).observe({ type: 'event', durationThreshold: 16, buffered: true });
window.__paint = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.__paint = entry.startTime;
}).observe({ type: 'largest-contentful-paint', buffered: true });
"""
SCROLL = """
(tree) => new Promise((done) => {
  let frames = 0, by = 24;
  const began = performance.now();
  const step = (now) => {
    frames += 1;
    if (tree.scrollTop + tree.clientHeight >= tree.scrollHeight - 1) by = -24;
    if (tree.scrollTop <= 0) by = 24;
    tree.scrollTop += by;
    if (now - began < 4000) requestAnimationFrame(step);
    else done((frames * 1000) / (now - began));
  };
  requestAnimationFrame(step);
})
"""


def main(runs: int, tasks: int, minutes: float, kept: Path | None) -> list[Figure]:
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None or not (page_folder() / "index.html").exists():
        print("skipped: no Chromium on PATH" if program is None else "skipped: the page is not built, run `make setup`")
        return []
    with nullcontext(kept) if kept else tempfile.TemporaryDirectory(prefix="errands-bench-") as folder:
        home = Path(folder)
        if not (home / FILLED).exists():
            asyncio.run(prepare(home, runs, tasks))
            (home / FILLED).touch()
        with served(home) as (url, client), sync_playwright() as playwright:
            long, live = begin(client)
            browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
            with browser.new_context(base_url=url, viewport={"width": 1440, "height": 900}) as context:
                sign_in(context, url)
                context.add_init_script(WATCH)
                behind = f"{tasks:,} tasks and {runs:,} runs"
                return [
                    *first_screen(context),
                    interactions(context.new_page(), long, behind),
                    scrolling(context.new_page(), long),
                    growth(context.new_page(), live, minutes),
                ]


async def prepare(home: Path, runs: int, tasks: int) -> None:
    """Fill a database with the history, and with tasks that have never run."""
    async with open_services(Settings.load(home=home), worker=False):
        database = await Database.open(None, home, pool_size=4)
        try:
            project = await database.pool.fetchval("select id from projects where name = $1", PROJECT)
            await generate(database.pool, project, runs)
            others = MAKE_TASKS.replace("'task-'", "'errand-'")
            await database.pool.execute(others, project, max(tasks - TASKS, 0), DEFINITION)
            await database.pool.execute("vacuum analyze tasks")
        finally:
            await database.close()


@contextmanager
def served(home: Path) -> Iterator[tuple[str, httpx.Client]]:
    """`errands start` on that database, and its administrator's client."""
    errands = str(Path(sys.executable).parent / "errands")
    process = subprocess.Popen(
        [errands, "start", "--port", "0", "--json"],
        env={**os.environ, "ERRANDS_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=(home / "server.log").open("wb"),
        text=True,
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        with httpx.Client(base_url=told["url"], headers={"Origin": told["url"]}, timeout=300) as client:
            person = {"name": "ana", "password": PASSWORD}
            if told["setup"]:
                link = told["setup"].partition("link=")[2]
                client.post("/api/v1/setup", json={"link": link, **person}).raise_for_status()
            else:
                client.post("/api/v1/session", json=person).raise_for_status()
            yield told["url"], client
    finally:
        process.terminate()
        process.wait(30)


def begin(client: httpx.Client) -> tuple[str, str]:
    """A run of 1,000 steps that has ended, and one that goes on."""
    here = f"/api/v1/projects/{PROJECT}"
    files = [{"name": "many.yaml", "source": MANY}, {"name": "live.yaml", "source": LIVE}]
    client.post(f"{here}/files", json={"files": files}).raise_for_status()
    ended = client.post(f"{here}/tasks/many-steps/runs", params={"wait": "5m"}, json={}).json()
    if ended["status"] != "succeeded":
        raise RuntimeError(f"the run of {STEPS} steps is {ended['status']}")
    return ended["id"], client.post(f"{here}/tasks/live/runs", json={}).json()["id"]


def sign_in(context: BrowserContext, url: str) -> None:
    body = {"name": "ana", "password": PASSWORD}
    answer = context.request.post("/api/v1/session", data=body, headers={"Origin": url})
    assert answer.ok, answer.text()


def first_screen(context: BrowserContext) -> list[Figure]:
    """Script and paint of the home screen, nothing of it known to the browser before."""
    paints, sizes = [], []
    for _ in range(LOADS):
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        kinds: dict[str, str] = {}
        scripts: dict[str, float] = {}
        session.on(
            "Network.responseReceived", lambda told, kinds=kinds: kinds.update({told["requestId"]: told["type"]})
        )
        session.on(
            "Network.loadingFinished",
            lambda told, scripts=scripts: scripts.update({told["requestId"]: told["encodedDataLength"]}),
        )
        page.goto(f"/p/{PROJECT}")
        page.get_by_role("heading", level=1).wait_for()
        page.get_by_text("Running now").first.wait_for()
        first = sum(size for request, size in scripts.items() if kinds.get(request) == "Script")
        # Whatever is still to come: the figures of two weeks come last.
        page.get_by_role("region", name="14 days").get_by_text("Succeeded").wait_for()
        page.wait_for_timeout(500)
        paints.append(float(page.evaluate("window.__paint")))
        sizes.append(first)
        page.close()
    return [
        Figure("first screen, compressed script", max(sizes), "bytes", FIRST_SCREEN_BYTES, better="lower"),
        Figure(
            f"first screen, largest contentful paint, slowest of {LOADS}", max(paints), "ms", PAINT_MS, better="lower"
        ),
    ]


def interactions(page: Page, long: str, behind: str) -> Figure:
    """Input to next frame, over what people do on the lists."""
    taken: list[float] = []
    for name, act in (("tasks", on_tasks), ("runs", on_runs), ("run", lambda page: on_run(page, long))):
        done = act(page)
        page.wait_for_timeout(500)
        told = sorted(page.evaluate("Object.values(window.__interactions)"), reverse=True)
        seen = [float(one[0]) for one in told]
        seen += [UNSEEN_MS] * max(done - len(seen), 0)
        taken += seen
        slowest = ", ".join(f"{ms:.0f} ms {kind} {target!r}" for ms, kind, target in told[:4])
        print(f"{name}: {done} interactions, p95 {percentile(seen, 0.95):.0f} ms; slowest: {slowest}")
    return Figure(
        f"interaction with {behind} behind the API, p95", percentile(taken, 0.95), "ms", INTERACTION_MS, better="lower"
    )


def on_tasks(page: Page) -> int:
    """Filter, choose, show more, look at what the palette finds."""
    page.goto(f"/p/{PROJECT}/tasks")
    page.get_by_role("row").nth(5).wait_for()
    count = 0
    field = page.get_by_role("textbox", name="Filter tasks")
    for text in ("errand-12", "task-1", "errand-9"):
        count += clicked(page, field) + pressed(page, "Control+a", *text)
    count += pressed(page, "Control+a", "Delete")
    page.wait_for_timeout(500)  # The whole list is drawn anew.
    for number in range(1, 16):
        count += clicked(page, page.get_by_role("checkbox").nth(number))
    count += clicked(page, page.get_by_role("button", name="Choose none"))
    for _ in range(4):
        count += clicked(page, page.get_by_role("button", name="more of"))
    count += pressed(page, "Control+k")
    page.get_by_role("textbox", name="Search").wait_for()
    return count + pressed(page, *"errand-77", *["ArrowDown"] * 5, "Escape")


def on_runs(page: Page) -> int:
    """Filter by outcome and task, show older ones, choose."""
    page.goto(f"/p/{PROJECT}/runs")
    page.get_by_role("row").nth(5).wait_for()
    count = 0
    for outcome in ("Failed", "Skipped", "Cancelled", "Timed out", "Succeeded"):
        count += clicked(page, page.get_by_role("combobox", name="Outcome"))
        count += clicked(page, page.get_by_role("option", name=outcome, exact=True))
        page.get_by_role("row").nth(5).wait_for()
    for _ in range(8):
        count += clicked(page, page.get_by_role("button", name="Show older runs"))
    for number in range(1, 16):
        count += clicked(page, page.get_by_role("checkbox").nth(number))
    count += clicked(page, page.get_by_role("button", name="Choose none"))
    count += clicked(page, page.get_by_role("combobox", name="Task"))
    return count + pressed(page, *"task-1", "Escape")


def on_run(page: Page, run: str) -> int:
    """Walk along the steps, open and close, look at a step's sides."""
    page.goto(f"/p/{PROJECT}/runs/{run}")
    tree = page.get_by_role("tree", name="Steps")
    tree.wait_for()
    count = clicked(page, tree.get_by_role("treeitem").nth(1))
    tree.focus()
    count += pressed(page, *["ArrowDown"] * 40)
    for name in ("Input", "Logs", "Output"):
        count += clicked(page, page.get_by_role("tab", name=name))
    return count


def clicked(page: Page, what: Locator) -> int:
    """Click as a hand does. Where it lies is looked up before: people do not wait for that work of the browser."""
    what.scroll_into_view_if_needed()
    box = what.bounding_box()
    assert box is not None, "what is clicked lies nowhere"
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    rest(page)
    page.mouse.down()
    page.mouse.up()
    rest(page)
    return 1


def pressed(page: Page, *keys: str) -> int:
    """Press keys as a person does who waits for each to be taken."""
    for key in keys:
        page.keyboard.press(key)
        rest(page)
    return len(keys)


def rest(page: Page) -> None:
    """Until what was done is drawn."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def scrolling(page: Page, run: str) -> Figure:
    page.goto(f"/p/{PROJECT}/runs/{run}")
    tree = page.get_by_role("tree", name="Steps")
    tree.wait_for()
    page.wait_for_timeout(500)
    frames = float(tree.evaluate(SCROLL))
    return Figure(f"run of {STEPS + 1:,} steps, scrolled", frames, "frames/s", FRAMES)


def growth(page: Page, run: str, minutes: float) -> Figure:
    """Growth of the heap per hour, by the line that fits it best after the first fifth."""
    page.goto(f"/p/{PROJECT}/runs/{run}")
    page.get_by_role("treeitem").nth(1).wait_for()
    session = page.context.new_cdp_session(page)
    began, points = time.monotonic(), list[tuple[float, float]]()
    while (at := time.monotonic() - began) < minutes * 60:
        points.append((at / 3600, heap(session)))
        page.wait_for_timeout(5000)
    print(f"heap: {points[0][1]:.1f} MiB at first, {points[-1][1]:.1f} MiB after {minutes:g} minutes")
    per_hour = slope(points[len(points) // 5 :])
    return Figure(f"heap over {minutes:g} minutes of a live run", per_hour, "MiB/hour", GROWTH_MIB, better="lower")


def heap(session: CDPSession) -> float:
    """MiB in use once the garbage is collected."""
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 2**20


def slope(points: list[tuple[float, float]]) -> float:
    """Of the straight line through the points with the least squares."""
    x = sum(one for one, _ in points) / len(points)
    y = sum(one for _, one in points) / len(points)
    spread = sum((one - x) ** 2 for one, _ in points)
    return sum((one - x) * (other - y) for one, other in points) / spread if spread else 0.0


if __name__ == "__main__":
    runs, tasks, minutes, kept = (*sys.argv[1:], *("1000000", "10000", "5", "")[len(sys.argv) - 1 :])
    report(main(int(runs), int(tasks), float(minutes), Path(kept) if kept else None))
