"""Tools of installed packages: taken where they are allowed and sound, told of where they are not."""

import importlib
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from errands.bootstrap.probes import look_at_tool_packages
from errands.core.definition.policies import Grants
from errands.core.outcomes import ErrorKind
from errands.core.ports import Effect
from errands.settings import Settings
from errands.tools.packages import add_from_packages, packages_not_allowed
from tests.tools.bench import Bench

_EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "stock"
_SOUND = """
    from errands.extending import Arguments, Effect, ErrorKind, Output, Refusal, SecretText, ToolContext, tool

    class Given(Arguments):
        way: str = "well"
        token: SecretText = ""

    class Made(Output):
        said: str

    @tool("paint.mix", effect=Effect.READS, errors=(ErrorKind.TOOL,))
    async def mix(arguments: Given, context: ToolContext) -> Made:
        '''Mix paint.'''
        match arguments.way:
            case "well":
                return Made(said=f"mixed {arguments.token}")
            case "refuse":
                raise Refusal("not_found", "there is no such colour", "look at the chart")
            case "break":
                raise ValueError(f"spilt {arguments.token}")
            case "leave":
                raise SystemExit(3)
            case "odd":
                raise Refusal("a kind that is none", "it dripped")
        return {"said": "no Made"}
"""


class Shelf:
    """A folder of installed packages, on Python's path."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._patch = patch
        patch.syspath_prepend(folder)

    def install(self, package: str, module: str, code: str, **tools: str) -> None:
        """What an installer leaves behind: the code, and what the package says of itself. `a__b` stands for `a.b`."""
        (self._folder / f"{module}.py").write_text(dedent(code))
        about = self._folder / f"{package.replace('-', '_')}-1.2.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        lines = [f"{name.replace('__', '.')} = {where}" for name, where in tools.items()]
        (about / "entry_points.txt").write_text("\n".join(["[errands.tools]", *lines, ""]))
        importlib.invalidate_caches()
        self._patch.delitem(sys.modules, module, raising=False)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    folder = tmp_path / "installed"
    folder.mkdir()
    return Shelf(folder, monkeypatch)


@pytest.fixture
def painting(bench: Bench, shelf: Shelf) -> Bench:
    """A bench with the tool `paint.mix` of a package."""
    shelf.install("Acme.Paint", "acme_paint", _SOUND, paint__mix="acme_paint:mix")
    bench.catalog.packages = add_from_packages(bench.catalog, ["acme-paint"])
    bench.give_secret("TOKEN", "s3cret-value")
    return bench


async def test_a_tool_of_an_allowed_package_is_granted_checked_and_called_like_any_other(painting: Bench) -> None:
    spec = painting.catalog.specs()["paint.mix"]
    assert (spec.package, spec.effect, spec.description) == ("Acme.Paint 1.2", Effect.READS, "Mix paint.")
    assert await painting.call("paint.mix", token="secret:TOKEN") == {"said": "mixed s3cret-value"}
    assert (await painting.refused("paint.mix", wey="well")).kind is ErrorKind.INPUT
    painting.step.grants = Grants(tools=("log",))
    assert (await painting.refused("paint.mix")).hint == "add `paint.mix` to grants.tools"


async def test_another_version_of_the_package_answers_from_no_old_cache(painting: Bench) -> None:
    assert painting.catalog.version("paint.mix") == "1 of Acme.Paint 1.2"


async def test_what_a_tool_refuses_is_the_steps_failure(painting: Bench) -> None:
    error = await painting.refused("paint.mix", way="refuse")
    assert (error.kind, error.message, error.hint) == (
        ErrorKind.NOT_FOUND,
        "there is no such colour",
        "look at the chart",
    )


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("break", "ValueError: spilt [secret TOKEN]"),
        ("leave", "SystemExit: 3"),
        ("odd", "ValueError: 'a kind that is none' is not a valid ErrorKind"),
        ("dict", "TypeError: it gave dict instead of Made"),
    ],
)
async def test_a_tool_that_breaks_fails_its_step_in_the_name_of_its_package(
    painting: Bench, way: str, said: str
) -> None:
    error = await painting.refused("paint.mix", way=way, token="secret:TOKEN")
    assert (error.kind, error.message) == (ErrorKind.TOOL, f"paint.mix of the package Acme.Paint 1.2 broke: {said}")
    assert "Traceback" in painting.step.lines[-1]


def test_no_code_of_a_package_runs_that_is_not_allowed(bench: Bench, shelf: Shelf) -> None:
    shelf.install("acme-paint", "acme_paint", "raise RuntimeError", paint__mix="acme_paint:mix")
    assert add_from_packages(bench.catalog, ()) == ()
    assert [found.name for found in add_from_packages(bench.catalog, ["other"])] == ["other"]
    assert "acme_paint" not in sys.modules
    (found,) = packages_not_allowed(["other"])
    assert (found.name, found.version, found.tools) == ("acme-paint", "1.2", ("paint.mix",))
    assert packages_not_allowed(["*"]) == []


@pytest.mark.parametrize(
    ("tools", "code", "problem"),
    [
        ({"files__steal": "acme:mix"}, _SOUND, "names that begin with `files.` are those of Errands itself"),
        ({"log": "acme:mix"}, _SOUND, "'log' cannot be a tool's name: write a noun, a dot and a verb"),
        ({"Paint__mix": "acme:mix"}, _SOUND, "'Paint.mix' cannot be a tool's name"),
        ({"paint__stir": "acme:mix"}, _SOUND, "the tool at acme:mix calls itself paint.mix"),
        ({"paint__mix": "acme:nothing"}, _SOUND, "acme:nothing cannot be loaded: AttributeError"),
        ({"paint__mix": "acme:Given"}, _SOUND, "acme:Given is no tool but ModelMetaclass; make it with `@tool(...)`"),
        ({"paint__mix": "acme:mix"}, "raise SystemExit('no licence')", "cannot be loaded: SystemExit: no licence"),
        ({"paint__mix": "acme:mix"}, _SOUND.replace("async def", "def"), "its function is not `async def`"),
        ({"paint__mix": "acme:mix"}, _SOUND.replace("arguments: Given,", "arguments: str,"), "subclass of Arguments"),
        ({"paint__mix": "acme:mix"}, _SOUND.replace("-> Made:", "-> dict:"), "a subclass of Output"),
        ({"paint__mix": "acme:mix"}, _SOUND.replace("'''Mix paint.'''", ""), "has no docstring"),
    ],
)
def test_a_tool_that_is_not_sound_is_left_out_and_told_of(
    bench: Bench, shelf: Shelf, tools: dict[str, str], code: str, problem: str
) -> None:
    before = dict(bench.catalog.specs())
    shelf.install("acme", "acme", code, **tools)
    (found,) = add_from_packages(bench.catalog, ["*"])
    assert found.tools == ()
    assert problem in found.problems[0]
    assert bench.catalog.specs() == before


def test_a_tool_of_a_package_is_never_granted_by_its_secrets(bench: Bench, shelf: Shelf) -> None:
    code = _SOUND.replace("Output, Refusal", "Output, Refusal, Tool") + dedent("""
        import dataclasses
        mix = dataclasses.replace(mix, granted_by_secrets=True)
    """).replace("\n", "\n    ")
    shelf.install("acme", "acme", code, paint__mix="acme:mix")
    (found,) = add_from_packages(bench.catalog, ["acme"])
    assert "granted like any other" in found.problems[0]


def test_a_name_that_two_packages_claim_goes_to_neither_and_costs_no_other_tool(bench: Bench, shelf: Shelf) -> None:
    shelf.install("acme", "acme", _SOUND, paint__mix="acme:mix")
    more = _SOUND.replace("paint.mix", "paint.pour")
    shelf.install("other", "other", more, paint__mix="other:mix", paint__pour="other:mix")
    acme, other = add_from_packages(bench.catalog, ["acme", "other"])
    assert [acme.tools, other.tools] == [(), ("paint.pour",)]
    assert acme.problems == other.problems == ("paint.mix: two packages claim this name, so neither gets it",)


async def test_the_doctor_tells_what_became_of_each_package(bench: Bench, shelf: Shelf) -> None:
    assert (await look_at_tool_packages((), Settings())).detail == "none is installed"
    shelf.install("acme-paint", "acme_paint", _SOUND, paint__mix="acme_paint:mix")
    offered = await look_at_tool_packages((), Settings())
    assert (offered.ok, offered.detail) == (True, "acme-paint 1.2 (paint.mix) is not allowed by ERRANDS_TOOL_PACKAGES")
    assert offered.hint is not None
    assert offered.hint.endswith("ERRANDS_TOOL_PACKAGES=acme-paint")
    shelf.install("broken", "broken", "import nothing_like_it", wood__saw="broken:saw")
    settings = Settings(tool_packages=("acme-paint", "broken", "absent"))
    told = await look_at_tool_packages(add_from_packages(bench.catalog, settings.tool_packages), settings)
    assert not told.ok
    assert told.detail.split("; ") == [
        "absent is not installed here, or brings no tools",
        "acme-paint 1.2: paint.mix",
        "broken 1.2: no tool",
        "wood.saw: broken:saw cannot be loaded: ModuleNotFoundError: No module named 'nothing_like_it'",
    ]


def test_the_example_package_passes_its_own_tests() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "pyproject.toml", "tests"]
    done = subprocess.run(command, cwd=_EXAMPLE, capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
