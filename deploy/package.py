"""`python deploy/package.py [FOLDER]`: builds `handler.zip` there, what the functions run; `build/` if not told.

The same input gives the same bytes.

Everything in it is pinned with hashes in requirements-lambda.txt, built for the runtime that
serverless.yml names. boto3 is not in it: the runtime brings it. Bytecode is, if this Python is the
runtime's, because compiling is most of a cold start; otherwise none is, rather than the wrong one.
https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
"""

import compileall
import hashlib
import py_compile
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent

#: What only a machine of one's own needs.
LEFT_OUT = (
    "cli",
    "diagnose",
    "doctor",
    "metrics.py",
    "server",
    "simulator",
    "tracing",
    "worker.py",
    "__main__.py",
    "cases/sqlite",
)

PLATFORMS = {"arm64": "manylinux2014_aarch64", "x86_64": "manylinux2014_x86_64"}

#: The earliest moment that a zip file can hold; when something was built is no part of what it is.
EPOCH = (1980, 1, 1, 0, 0, 0)


def main(build: Path = ROOT / "build") -> None:
    """Build it anew and tell what came of it."""
    runtime, architecture = described("runtime").removeprefix("python"), described("architecture")
    package, artefact = build / "package", build / "handler.zip"
    shutil.rmtree(package, ignore_errors=True)
    install(package, runtime, PLATFORMS[architecture])
    copy_handler(package)
    has_bytecode = f"{sys.version_info.major}.{sys.version_info.minor}" == runtime
    if has_bytecode:
        compile_all(package)
    write(package, artefact)
    digest = hashlib.sha256(artefact.read_bytes()).hexdigest()
    bytecode = "with bytecode" if has_bytecode else f"without bytecode: this is not Python {runtime}"
    print(f"{artefact}: {artefact.stat().st_size / 1e6:.2f} MB, {bytecode}, sha256 {digest}")


def described(setting: str) -> str:
    """Return a setting of the provider as serverless.yml has it."""
    found = re.search(rf"^  {setting}: (\S+)$", (ROOT / "serverless.yml").read_text(), re.MULTILINE)
    if found is None:
        sys.exit(f"serverless.yml names no {setting}")
    return found[1]


def install(package: Path, runtime: str, platform: str) -> None:
    """Put what is pinned there, as the runtime needs it and without what only installers read."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    options = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--implementation=cp"]
    target = [f"--python-version={runtime}", f"--platform={platform}", f"--target={package}"]
    subprocess.run([*command, *options, *target, "-r", ROOT / "requirements-lambda.txt"], check=True)  # noqa: S603
    shutil.rmtree(package / "bin", ignore_errors=True)
    for record in [*package.glob("*.dist-info/RECORD"), *package.glob("*.dist-info/INSTALLER")]:
        record.unlink()


def copy_handler(package: Path) -> None:
    """Put our own there."""
    shutil.copytree(ROOT / "handler", package / "handler", ignore=shutil.ignore_patterns("__pycache__"))
    for name in LEFT_OUT:
        path = package / "handler" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def compile_all(package: Path) -> None:
    """Compile everything; no time stamp is compared when it is loaded."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(package, quiet=1, invalidation_mode=mode, stripdir=package, prependdir="/var/task"):
        sys.exit("something cannot be compiled")


def write(package: Path, artefact: Path) -> None:
    """Write the zip file: names in order, one time, one mode."""
    with zipfile.ZipFile(artefact, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in package.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(package).as_posix(), EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
