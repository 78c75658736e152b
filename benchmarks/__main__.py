"""`python -m benchmarks [--quick]`: prints medians, spreads and ratios; asserts nothing about time."""

import argparse
import os
import platform
import tempfile
from pathlib import Path

from benchmarks.acknowledge import acknowledge
from benchmarks.cold_start import cold_start
from benchmarks.page import page
from benchmarks.release import release


def main() -> None:
    """Run every benchmark and print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: for correctness, not for figures")
    quick = parser.parse_args().quick
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}")
    print(f"{'':<52} {'median':>10} {'min':>10} {'max':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for benchmark in (acknowledge, release, page, cold_start):
            for figure in benchmark(Path(folder), quick=quick):
                print(figure, flush=True)


if __name__ == "__main__":
    main()
