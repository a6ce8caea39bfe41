"""Write each template's README.md and the pictures of its tasks' steps, from template.yaml and the task files.

usage: template_pages.py           write them
       template_pages.py --check   only say which one is out of date, and exit 1 if one is
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from errands.core.definition.parsing import load_task
from errands.core.definition.picture import draw_steps
from errands.core.definition.task import Param, TaskDefinition
from errands.core.task_templates import TaskTemplate, read_template
from errands.core.values import to_text

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "templates"


def main(arguments: list[str]) -> int:
    stale = []
    for folder in sorted(place.parent for place in TEMPLATES.glob("*/template.yaml")):
        for name, text in pages(folder):
            page = folder / name
            if not page.exists() or page.read_text(encoding="utf-8") != text:
                stale.append(f"templates/{folder.name}/{name}")
                if "--check" not in arguments:
                    page.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{name} {'is out of date: run `make pages`' if '--check' in arguments else 'written'}")
    print("pages of the templates are made from their files")
    return 1 if stale and "--check" in arguments else 0


def pages(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and text of each page of a template."""
    about = read_template((folder / "template.yaml").read_text(encoding="utf-8"))
    tasks = [load_task(file.read_text(encoding="utf-8")) for file in sorted((folder / "tasks").glob("*.yaml"))]
    yield "README.md", readme(about, tasks)
    for task in tasks:
        yield f"steps-{task.task}.svg", draw_steps(task)


def readme(about: TaskTemplate, tasks: list[TaskDefinition]) -> str:
    """What the template does, asks and needs, with the pictures."""
    parts = [f"# {about.title}", about.summary]
    commands = [f"errands templates try {about.template}", f"errands templates use {about.template} --project demo"]
    parts.append("```console\n" + "\n".join(f"$ {command}" for command in commands) + "\n```")
    if about.schedule:
        parts.append(f"Proposed schedule: {about.schedule}.")
    for task in tasks:
        parts += [f"## {task.title or task.task}", task.description]
        parts.append(f"![Steps of {task.title or task.task}](steps-{task.task}.svg)")
        parts += grants(task)
    if about.asks:
        rows = [(f"`{one.name}`", str(one.schema_["description"]), default(one)) for one in about.params]
        parts += ["## What it asks", table(("Answer", "Meaning", "Default"), rows)]
    if about.secrets:
        secrets = [(f"`{name}`", text) for name, text in about.secrets.items()]
        parts += ["## Secrets it needs", table(("Secret", "What it is for"), secrets)]
    samples = sorted(place.name for place in (TEMPLATES / about.template / "sample").iterdir())
    parts += ["## Sample data", "\n".join(f"- [{name}](sample/{name})" for name in samples)]
    parts.append("<!-- Made by scripts/template_pages.py from template.yaml and the task files. -->")
    return "\n\n".join(parts) + "\n"


def grants(task: TaskDefinition) -> Iterator[str]:
    """A line for each kind of thing that the task may reach."""
    granted = task.grants
    tools = [one if isinstance(one, str) else one.name for one in granted.tools]
    lines = [
        f"- {kind}: {', '.join(f'`{name}`' for name in names)}"
        for kind, names in (
            ("Tools", tools),
            ("Secrets", granted.secrets),
            ("Hosts", granted.hosts),
            ("Folders", granted.folders),
            ("May change the outside although data from outside has led to it", granted.untrusted),
        )
        if names
    ]
    if lines:
        yield "Granted:\n\n" + "\n".join(lines)


def default(param: Param) -> str:
    """A default as the table shows it."""
    if not param.has_default:
        return "must be answered"
    text = to_text(param.default).replace("|", "\\|")
    return f"`{text}`" if len(text) <= 80 else f"`{text[:79]}…`"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace(chr(10), ' ') for cell in row)} |" for row in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
