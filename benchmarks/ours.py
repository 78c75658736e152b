"""`python -m handler`, which believes the stand-in's certificate: no setting makes the handler believe another."""

import os

import certifi

if __name__ == "__main__":
    certifi.where = lambda: os.environ["REQUESTS_CA_BUNDLE"]
    from handler.cli import main

    main()
