"""`python -m handler`."""

import signal
import sys

if __name__ == "__main__":
    # Whoever changes their mind is told nothing: 128 and the number of the signal, as shells have it.
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
    try:
        from handler.cli import main

        main()
    except ModuleNotFoundError as error:
        sys.exit(
            f"{error.name} is not installed for this Python: run `make install`, then `.venv/bin/python -m handler`"
        )
    except OSError as error:
        # What is left in the buffer could not be written either.
        sys.stdout = None
        sys.exit(f"Error: {error.strerror or error}")
