"""`python -m handler`."""

import sys

try:
    from handler.cli import main
except ModuleNotFoundError as error:
    sys.exit(f"{error.name} is not installed for this Python: run `make install`, then `.venv/bin/python -m handler`")

if __name__ == "__main__":
    main()
