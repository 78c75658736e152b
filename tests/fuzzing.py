"""Fuzzing led by coverage: `python -m tests.fuzzing --inputs 1000000`, or `make fuzz`.

An input that fails is kept below `build/`, and `--input FILE` tries it again, without the fuzzer.
"""

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = Path("build/fuzzing")

#: How often progress is told, in inputs.
EVERY = 50_000

#: The longest input, in bytes.
LONGEST = 6000


class Run:
    """Counts the inputs, and ends with the first one that fails."""

    def __init__(self, try_input: Callable[[bytes], None], inputs: int) -> None:
        self._try, self._inputs = try_input, inputs
        self._begun, self._count = time.monotonic(), 0

    def __call__(self, data: bytes) -> None:
        try:
            self._try(data)
        except Exception:  # noqa: BLE001 - each one is a find
            self._report(data)
        self._count += 1
        if self._count % EVERY == 0 or self._count == self._inputs:
            seconds = time.monotonic() - self._begun
            print(f"{self._count:,} inputs in {seconds:.0f} s, {self._count / seconds:,.0f}/s, none failed", flush=True)
        if self._count == self._inputs:
            # The fuzzer would go on, and ends processes in its own way.
            os._exit(0)

    def _report(self, data: bytes) -> None:
        traceback.print_exc()
        FOLDER.mkdir(parents=True, exist_ok=True)
        kept = FOLDER / sha256(data).hexdigest()[:16]
        kept.write_bytes(data)
        print(f"input {self._count + 1:,} failed: {data!r}", f"again: python -m tests.fuzzing --input {kept}", sep="\n")
        sys.stdout.flush()
        os._exit(1)


def fuzz(inputs: int, seed: int) -> None:
    """Try so many inputs; does not return."""
    import atheris  # noqa: PLC0415 - only here is it needed, and it is not everywhere to be had

    with atheris.instrument_imports(include=["handler", "marshmallow", "waitress"]):
        from tests import fuzz_inputs  # noqa: PLC0415 - what is imported under it is what leads it

    with TemporaryDirectory() as folder:
        corpus, words = Path(folder, "corpus"), Path(folder, "words")
        corpus.mkdir()
        for number, text in enumerate(fuzz_inputs.seeds()):
            Path(corpus, str(number)).write_bytes(text)
        spelled = ("".join(f"\\x{byte:02x}" for byte in word) for word in sorted(fuzz_inputs.words()))
        words.write_text("".join(f'"{word}"\n' for word in spelled))
        options = [f"-seed={seed}", f"-max_len={LONGEST}", f"-dict={words}", "-verbosity=0", "-len_control=0"]
        atheris.Setup([sys.argv[0], *options, str(corpus)], Run(fuzz_inputs.try_input, inputs))
        atheris.Fuzz()


def main() -> None:
    """Fuzz, or try one input again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--input", type=Path)
    arguments = parser.parse_args()
    if arguments.input is None:
        fuzz(arguments.inputs, arguments.seed)
    else:
        from tests import fuzz_inputs  # noqa: PLC0415 - see above

        fuzz_inputs.try_input(arguments.input.read_bytes())
        print("it does not fail")


if __name__ == "__main__":
    main()
