"""`python -m tests.worlds`: many worlds over all cores, the seed of each one in which something was wrong."""

import json
import multiprocessing
import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from traceback import format_tb

from tests.worlds.mutants import MUTANTS
from tests.worlds.places import PLACES
from tests.worlds.places import Run
from tests.worlds.world import REAL

#: How many worlds one process runs before it tells, by where their record is.
PORTIONS = {"file": 50, "table": 5}

DESIGNS = {"the real one": REAL, **MUTANTS}


def main() -> int:
    """Run what was asked for; 1 if anything was wrong."""
    parser = ArgumentParser(prog="python -m tests.worlds", description=__doc__)
    parser.add_argument("--worlds", type=int, default=2000, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--first", type=int, default=0, help="the first seed (%(default)s)")
    parser.add_argument("--record", choices=PLACES, default="file", help="where their record is (%(default)s)")
    parser.add_argument("--design", choices=DESIGNS, default="the real one", help="what to let live in them")
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.worlds) if asked.seed is None else [asked.seed]
    return simulate(seeds, asked.design, asked.record)


def simulate(seeds: Sequence[int], design: str, place: str) -> int:
    """Run worlds and tell how far it is; return 1 if anything was wrong in any."""
    begun, done, wrong = time.monotonic(), 0, 0
    again = f"python -m tests.worlds --record {place}" + ("" if design == "the real one" else f" --design '{design}'")
    size = PORTIONS[place]
    portions = [(list(seeds[begin : begin + size]), design, place) for begin in range(0, len(seeds), size)]
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for number, found in pool.imap_unordered(portion, portions):
            done += number
            for seed, objections in found:
                wrong += 1
                print(f"\rseed {seed}: {json.dumps(objections, indent=2)}\nagain: {again} --seed {seed}")
            left = (len(seeds) - done) * (time.monotonic() - begun) / done
            bar = "#" * (40 * done // len(seeds))
            line = f"[{bar:40}] {done:,} of {len(seeds):,} worlds, {wrong} wrong, {left:,.0f} s left"
            if sys.stdout.isatty():
                print(f"\r{line} ", end="", flush=True)
            elif (done - number) * 20 // len(seeds) < done * 20 // len(seeds):
                print(line, flush=True)
    print(f"\n{done:,} worlds in {time.monotonic() - begun:,.0f} s, {wrong} with something wrong")
    return 1 if wrong else 0


def portion(asked: tuple[list[int], str, str]) -> tuple[int, list[tuple[int, list[str]]]]:
    """Run some worlds; return how many, and what was wrong in which."""
    seeds, design, place = asked
    with PLACES[place]() as run:
        objections = [(seed, lived(run, seed, design)) for seed in seeds]
    return len(seeds), [(seed, wrong) for seed, wrong in objections if wrong]


def lived(run: Run, seed: int, design: str) -> list[str]:
    """Return what was wrong in one world; that it came to no end is that, too."""
    try:
        return run(seed, DESIGNS[design])
    except Exception as error:  # noqa: BLE001 - the seed is told, whatever it was
        return [f"the world broke off: {error!r}", *format_tb(error.__traceback__)[-3:]]


if __name__ == "__main__":
    sys.exit(main())
