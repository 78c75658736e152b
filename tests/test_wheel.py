"""What `pip install` takes from pyproject.toml: all of the handler, not only its modules."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.running import ROOT
from tests.running import environment

#: What setuptools reads.
SOURCES = ("pyproject.toml", "README.md", "LICENSE")

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def files(folder: Path) -> set[str]:
    """Return what there is of the handler below a folder."""
    found = (folder / "handler").rglob("*")
    return {str(file.relative_to(folder)) for file in found if file.is_file() and "__pycache__" not in file.parts}


@pytest.mark.slow
def test_what_is_installed_is_the_whole_handler(tmp_path: Path) -> None:
    """Each module and catalog, the templates and the description; it runs from there, elsewhere than here."""
    pytest.importorskip("setuptools")
    source, built = tmp_path / "source", tmp_path / "built"
    shutil.copytree(ROOT / "handler", source / "handler", ignore=shutil.ignore_patterns("__pycache__"))
    for name in SOURCES:
        shutil.copy(ROOT / name, source)

    # What goes into a wheel, without what packs it, which not every installation has.
    command = [sys.executable, "-c", "import setuptools; setuptools.setup()", "-q", "build", "--build-lib", str(built)]
    subprocess.run(command, cwd=source, check=True, env=environment(), capture_output=True, timeout=60)
    surroundings = {**environment(), "PYTHONPATH": str(built)}
    told = subprocess.run(
        [sys.executable, "-m", "handler", "doctor"], cwd=tmp_path, env=surroundings, capture_output=True, check=False
    )

    assert files(built) == files(ROOT)
    assert b"MERCADOPAGO_ACCESS_TOKEN is not set" in told.stdout


def test_traces_are_an_extra() -> None:
    """The same libraries that requirements-otel.txt pins."""
    extra = PROJECT["project"]["optional-dependencies"]["otel"]

    assert extra == PROJECT["dependency-groups"]["otel"]
    pinned = (ROOT / "requirements-otel.txt").read_text()
    assert all(f"\n{name}==" in pinned for name in extra)
