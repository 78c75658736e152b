"""Tests for `make release` and for the way of a newcomer: from a bare checkout, as anybody has it."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from handler import __version__
from handler.clock import utc_now
from handler.server import Server
from handler.simulator import Memory
from handler.simulator import Simulator
from tests import fakes
from tests.running import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

#: As little as a shell of somebody else's has.
SHELL = {name: os.environ[name] for name in os.environ if name.startswith(("PATH", "HOME", "PIP", "SSL", "LANG"))}


def do(folder: Path, *command: str, status: int = 0) -> str:
    """Run a command there; return all it says."""
    ran = subprocess.run(
        command, cwd=folder, env=SHELL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert ran.returncode == status, ran.stdout
    return ran.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What is in the repository, changes included, and nothing else; committed."""
    folder = tmp_path / "checkout"
    names = do(ROOT, "git", "ls-files", "-co", "--exclude-standard").splitlines()
    for name in filter(lambda name: (ROOT / name).is_file(), names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    do(folder, "git", "init", "--quiet")
    do(folder, "git", "add", "--all")
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    do(folder, "git", *identity, "commit", "--quiet", "--message", "all")
    return folder


def test_a_newcomer_gets_from_a_bare_checkout_to_a_case(
    checkout: Path, serve: Callable[..., Server], free_port: int
) -> None:
    """Four commands, and three lines of a file."""
    memory = Memory(access_token=fakes.TOKEN, clock=utc_now)
    payment_id = memory.add_payment()
    upstream = serve(Simulator(memory).app).url
    to = f"http://127.0.0.1:{free_port}"

    assert do(checkout, "make", "demo").endswith(" came out as told.\n")
    example = (checkout / ".env.example").read_text()
    for name, value in (
        ("MERCADOPAGO_ACCESS_TOKEN", fakes.TOKEN),
        ("MERCADOPAGO_WEBHOOK_SECRET", fakes.MP_SECRET),
        ("MERCADOPAGO_API_URL", upstream),
    ):
        example = re.sub(rf"^# {name}=.*$", f"{name}={value}", example, flags=re.MULTILINE)
    (checkout / ".env").write_text(example)
    handler = [".venv/bin/python", "-m", "handler"]
    serving = subprocess.Popen(
        [*handler, "serve", "--port", str(free_port)],
        cwd=checkout,
        env=SHELL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert serving.stdout is not None
    assert serving.stdout.readline() == f"Listening on {to}\n"
    try:
        sent = do(checkout, *handler, "send", "mercadopago", payment_id, "--to", to)
        assert sent.startswith('200 {"receipt":"accepted"')
        shown = do(checkout, *handler, "show", f"payment:{payment_id}")
    finally:
        serving.terminate()
        serving.communicate(timeout=30)
    assert shown.startswith(f"payment:{payment_id} is ")
    assert not do(checkout, "git", "status", "--porcelain")


def test_a_release_is_what_is_committed_with_its_materials_and_hashes(checkout: Path) -> None:
    """Nothing is released before it is named in the changelog, and no change is left out of it."""
    python = sys.executable
    refused = do(checkout, python, "deploy/release.py", status=1)
    assert f'CHANGELOG.md has no "## {__version__} - ' in refused

    changelog = checkout / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("## Unreleased", f"## {__version__} - 2026-11-23", 1))
    assert "there are changes that are not committed" in do(checkout, python, "deploy/release.py", status=1)
    do(checkout, "git", "add", "CHANGELOG.md")
    do(checkout, "git", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", "b")
    told = do(checkout, python, "deploy/release.py")

    dist = checkout / "dist"
    name = f"reserve-handler-{__version__}"
    assert f"To release it: git tag v{__version__}" in told
    listed = dict(line.split("  ")[::-1] for line in (dist / "SHA256SUMS").read_text().splitlines())
    assert set(listed) == {path.name for path in dist.iterdir()} - {"SHA256SUMS"}
    for file, digest in listed.items():
        assert hashlib.sha256((dist / file).read_bytes()).hexdigest() == digest
    bill = json.loads((dist / f"{name}-source.cdx.json").read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["version"]) == ("CycloneDX", __version__)
    pinned = set(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert {(component["name"].lower(), component["version"]) for component in bill["components"]} == pinned
    with tarfile.open(dist / f"{name}.tar.gz") as archive:
        assert f"{name}/handler/__init__.py" in archive.getnames()
    do(checkout, "git", "tag", f"v{__version__}")
    assert "is released already" in do(checkout, python, "deploy/release.py", status=1)
