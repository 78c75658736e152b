"""`python deploy/release.py`: builds what a release consists of, in `dist/`.

The source as it is committed, the artefact of the functions, a bill of materials of each in CycloneDX
(https://cyclonedx.org), and the SHA-256 of all of them. The version has one place, `handler/__init__.py`.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from datetime import UTC
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
NAME = "reserve-handler"

#: Each part of a release that brings libraries of others, and where those are pinned.
MATERIALS = {"source": "requirements.txt", "functions": "requirements-lambda.txt"}


def main() -> None:
    """Check that there is something to release, build it, and tell how to go on."""
    version = told_version()
    if problems := [*unfinished(version)]:
        sys.exit("\n".join(f"no release: {problem}" for problem in problems))
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir(parents=True)
    archive = dist / f"{NAME}-{version}.tar.gz"
    git("archive", "--format=tar.gz", f"--prefix={NAME}-{version}/", f"--output={archive}", "HEAD")
    run(sys.executable, str(ROOT / "deploy/package.py"), str(dist / "build"))
    (dist / "build/handler.zip").rename(dist / f"{NAME}-{version}-functions.zip")
    shutil.rmtree(dist / "build")
    for part, pinned in MATERIALS.items():
        bill = materials(pinned, version)
        (dist / f"{NAME}-{version}-{part}.cdx.json").write_text(json.dumps(bill, indent=2) + "\n")
    print(sums(dist), end="")
    print(f"Built in {dist}. To release it: git tag v{version} && git push origin v{version}")


def told_version() -> str:
    """Return the version that the code says it has."""
    text = (ROOT / "handler/__init__.py").read_text()
    (found,) = re.findall(r'^__version__ = "([0-9]+\.[0-9]+\.[0-9]+)"$', text, re.MULTILINE)
    return str(found)


def unfinished(version: str) -> list[str]:
    """Return what is missing for a release."""
    problems = []
    changelog = (ROOT / "CHANGELOG.md").read_text()
    if not re.search(rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE):
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        problems.append(f'CHANGELOG.md has no "## {version} - {today}": put what is Unreleased under it')
    if git("status", "--porcelain"):
        problems.append("there are changes that are not committed")
    if git("tag", "--list", f"v{version}"):
        problems.append(f"v{version} is released already: raise __version__ in handler/__init__.py")
    return problems


def materials(pinned: str, version: str) -> dict[str, object]:
    """Return the bill of materials of what a file pins."""
    options = ["--output-reproducible", "--of", "JSON", "--sv", "1.6", "--pyproject", str(ROOT / "pyproject.toml")]
    told = run(sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", str(ROOT / pinned), *options)
    bill: dict[str, object] = json.loads(told)
    about: dict[str, dict[str, str]] = bill["metadata"]  # type: ignore[assignment]  # its shape is CycloneDX's
    about["component"]["version"] = version
    return bill


def sums(dist: Path) -> str:
    """Write SHA256SUMS over all there is; return it."""
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(dist.iterdir())]
    (dist / "SHA256SUMS").write_text("".join(lines))
    return "".join(lines)


def git(*arguments: str) -> str:
    """Run git in this folder; return what it says."""
    return run("git", "-C", str(ROOT), *arguments)


def run(*command: str) -> str:
    """Run a program; return what it says."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603


if __name__ == "__main__":
    main()
