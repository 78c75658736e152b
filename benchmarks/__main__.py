"""`python -m benchmarks [--quick] [NAME ...]`: medians, spreads and ratios; nothing is asserted about time."""

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path

from benchmarks.acknowledge import acknowledge
from benchmarks.chart import picture
from benchmarks.cold_start import cold_start
from benchmarks.drain import drain
from benchmarks.figures import Figure
from benchmarks.figures import document
from benchmarks.figures import held_against
from benchmarks.figures import table
from benchmarks.footprint import footprint
from benchmarks.goals import GOALS
from benchmarks.growth import growth
from benchmarks.killed import killed
from benchmarks.page import page
from benchmarks.release import release

BENCHMARKS = {
    each.__name__: each for each in (acknowledge, release, drain, killed, footprint, growth, page, cold_start)
}


def main() -> None:
    """Run the benchmarks and print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: for correctness, not for figures")
    parser.add_argument("--output", type=Path, help="a folder for bench.json and bench.svg")
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *BENCHMARKS], help="only these")
    options = parser.parse_args()
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    print(machine)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.names or BENCHMARKS:
            begun = time.monotonic()
            figures += (measured := list(BENCHMARKS[name](_room(Path(folder), name), quick=options.quick)))
            print(*table(measured), f"({name} took {time.monotonic() - begun:.0f} s)", sep="\n", flush=True)
    print("\nTo be reached (nothing fails for it):", *held_against(GOALS, figures), sep="\n")
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        found = {"machine": machine, "quick": options.quick, "figures": document(figures)}
        options.output.joinpath("bench.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        options.output.joinpath("bench.svg").write_text(picture(figures), encoding="utf-8")


def _room(folder: Path, name: str) -> Path:
    room = folder / name
    room.mkdir()
    return room


if __name__ == "__main__":
    main()
