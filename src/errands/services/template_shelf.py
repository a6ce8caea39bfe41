"""The templates that are shipped: folders beside the code, read when somebody asks."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from errands.core.task_templates import TaskTemplate, TemplateBroken, read_template
from errands.services.errors import NotFound

_FILE: Final = "template.yaml"
_CODE: Final = ("agents", "tasks")
"""Folders whose files are adopted, in the order in which they name one another."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """One template with its files."""

    about: TaskTemplate
    sources: Mapping[str, str]
    """`tasks/NAME.yaml` and `agents/NAME.yaml` to their text."""
    folder: Path

    def sample(self, path: str) -> bytes:
        """The content of `sample/...`. Raises TemplateBroken."""
        place = (self.folder / path).resolve()
        if not place.is_relative_to(self.folder / "sample") or not place.is_file():
            raise TemplateBroken(f"there is no {path} in the template {self.about.template}")
        return place.read_bytes()


class Shelf:
    """All templates, each read once."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` holds a folder for each; None: that of the installation."""
        self._folder = (folder or shipped()).resolve()
        self._read: dict[str, Shelved] = {}

    def names(self) -> list[str]:
        """The names of all templates, sorted."""
        return sorted(place.parent.name for place in self._folder.glob(f"*/{_FILE}"))

    def find(self, name: str) -> Shelved:
        """One template. Raises NotFound; TemplateBroken."""
        if name not in self._read:
            names = self.names()
            if name not in names:
                near = difflib.get_close_matches(name, names, n=2)
                raise NotFound("template", name, near, None if near else "errands templates list shows all.")
            self._read[name] = _shelved(self._folder / name)
        return self._read[name]


def shipped() -> Path:
    """Where the templates lie: inside the package in a wheel, at the top of a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent.parent / "templates"


def _shelved(folder: Path) -> Shelved:
    about = read_template((folder / _FILE).read_text(encoding="utf-8"))
    if about.template != folder.name:
        raise TemplateBroken(f"{folder.name}/{_FILE} calls itself {about.template}")
    places = [place for kind in _CODE for place in sorted((folder / kind).glob("*.yaml"))]
    sources = {f"{place.parent.name}/{place.name}": place.read_text(encoding="utf-8") for place in places}
    return Shelved(about, sources, folder)
