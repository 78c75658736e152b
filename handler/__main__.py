"""`python -m handler`."""

import sys

if __name__ == "__main__":
    try:
        from handler.cli import main

        main()
    except ModuleNotFoundError as error:
        sys.exit(
            f"{error.name} is not installed for this Python: run `make install`, then `.venv/bin/python -m handler`"
        )
