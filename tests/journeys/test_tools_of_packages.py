"""docs/how-to/extending.md, word for word: the package is built, installed, allowed, tested and used by a task."""

import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.journeys.errands_command import Errands

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "extending.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
_AROUND = """
task: goods-in
description: Checks the bar code of what has come in.
params: {ean: {type: string}}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package of the page, as an installer leaves it."""
    source, site = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    blocks = _BLOCK.findall(_PAGE.read_text())
    (toml,) = (text for kind, text in blocks if kind == "toml")
    module, test = (text for kind, text in blocks if kind == "python")
    for name, text in (("pyproject.toml", toml), ("errands_barcodes.py", module), ("test_barcodes.py", test)):
        (source / name).write_text(text)
    built = _done([sys.executable, "-c", _BUILD, str(source)], source)
    with zipfile.ZipFile(io.BytesIO((source / built.split()[-1]).read_bytes())) as wheel:
        wheel.extractall(site)
    assert "3 passed" in _done([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."], source)
    return site


@pytest.fixture
def errands(mounted: Errands, installed: Path, monkeypatch: pytest.MonkeyPatch) -> Errands:
    """The command where the package is installed."""
    monkeypatch.syspath_prepend(installed)
    return mounted


def test_the_package_is_shown_granted_validated_and_called_once_it_is_allowed(errands: Errands) -> None:
    parts = [text for kind, text in _BLOCK.findall(_PAGE.read_text()) if kind == "yaml"]
    grants, step = parts
    errands.write("goods-in.yaml", f"{_AROUND}{grants}steps:\n{step}output: '{{{{ checked }}}}'\n")
    refused = errands("validate", "goods-in.yaml")
    assert refused.code == 1
    assert "there is no tool `barcodes.check`" in refused.out
    doctor = errands("doctor")
    assert "errands-barcodes 1.0 (barcodes.check) is not allowed by ERRANDS_TOOL_PACKAGES" in " ".join(
        doctor.out.split()
    )

    (commands,) = (text for kind, text in _BLOCK.findall(_PAGE.read_text()) if kind == "sh")
    setting, *typed = commands.splitlines()
    name, _, value = setting.removeprefix("export ").partition("=")
    allowed = Errands(errands.folder, {**errands.environment, name: value})
    tools, found = (allowed(*line.split()[1:]) for line in typed)
    assert "barcodes.check" in tools.out
    assert "errands-barcodes 1.0" in tools.out
    assert "errands-barcodes 1.0: barcodes.check" in " ".join(found.out.split())
    assert allowed("validate", "goods-in.yaml").code == 0
    ran = allowed("run", "goods-in.yaml", "-p", "ean=4006381333931", "--json")
    assert (ran.code, ran.document["output"]) == (0, {"valid": True})
    wrong = allowed("run", "goods-in", "-p", "ean=bike", "--json")
    assert wrong.code == 1
    assert "ean" in wrong.document["error"]["message"]


def test_a_worker_without_the_package_says_what_is_missing(errands: Errands) -> None:
    allowed = Errands(errands.folder, {**errands.environment, "ERRANDS_TOOL_PACKAGES": "errands-barcodes"})
    parts = [text for kind, text in _BLOCK.findall(_PAGE.read_text()) if kind == "yaml"]
    errands.write("goods-in.yaml", f"{_AROUND}{parts[0]}steps:\n{parts[1]}")
    assert allowed("apply", "goods-in.yaml").code == 0
    failed = errands("run", "goods-in", "-p", "ean=4006381333931", "--json")
    assert failed.code == 1
    assert failed.document["error"]["kind"] == "not_found"
    assert "installed and allowed on every worker" in failed.document["error"]["hint"]


def test_a_broken_package_is_warned_of_and_costs_no_other_tool(errands: Errands, tmp_path: Path) -> None:
    broken = tmp_path / "broken_site"
    about = broken / "broken-3.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 3\n")
    (about / "entry_points.txt").write_text("[errands.tools]\nwood.saw = nothing_like_it:saw\n")
    sys.path.insert(0, str(broken))
    try:
        allowed = Errands(errands.folder, {**errands.environment, "ERRANDS_TOOL_PACKAGES": "errands-barcodes,broken"})
        tools, doctor = allowed("tools", "--json"), allowed("doctor")
    finally:
        sys.path.remove(str(broken))
    assert {"barcodes.check", "http.request"} <= {tool["name"] for tool in tools.document}
    assert "wood.saw: nothing_like_it:saw cannot be loaded" in tools.err
    assert doctor.code == 1
    assert "No module named 'nothing_like_it'" in " ".join(doctor.out.split())


def _done(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
