"""The requirement files, which installers take by hash and without asking anybody else."""

import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REQUIREMENTS = Path(__file__).parents[2] / "requirements"


@pytest.mark.parametrize("name", ["base.txt", "all.txt", "dev.txt"])
def test_all_that_a_locked_package_needs_is_locked_with_it(name: str) -> None:
    text = (REQUIREMENTS / name).read_text()
    locked = {canonicalize_name(found) for found in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}
    missing = {
        f"{package} needs {needed}" for package in locked for needed in _needed_by(package) if needed not in locked
    }
    assert not missing, f"{name}: {', '.join(sorted(missing))}; run make lock"


def _needed_by(package: str) -> set[str]:
    """What a package that is installed here needs on this machine, extras left out."""
    try:
        given = [Requirement(text) for text in requires(package) or []]
    except PackageNotFoundError:
        return set()
    return {canonicalize_name(one.name) for one in given if one.marker is None or one.marker.evaluate({"extra": ""})}
