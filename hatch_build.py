"""Puts the templates and the built page into the wheel. Hatchling calls it."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds web/ with Node from PATH or from a wheel. ERRANDS_WITHOUT_PAGE=1 leaves the page out."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node's wheel, where this machine has no Node that will do."""
        page, found = _page(Path(self.root)), _on_path()
        return [] if _left_out() or (found and page.new_enough(found)) else [page.NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, and have the result taken into the wheel. An editable install is served what `make setup` built."""
        if version == "editable":
            return
        build_data["force_include"][str(Path(self.root) / "templates")] = "errands/templates"
        if _left_out():
            return
        page = _page(Path(self.root))
        page.build()
        build_data["force_include"][str(page.BUILT)] = "errands/page"


def _left_out() -> bool:
    return os.environ.get("ERRANDS_WITHOUT_PAGE") == "1"


def _on_path() -> str | None:
    import shutil

    return shutil.which("node")


def _page(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("page", root / "scripts" / "page.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
