"""`python -m tests.moto_server`: a pretend AWS that answers one request at a time.

moto undoes a cancelled transaction by putting the whole table back as it was, and with it whatever
other threads wrote meanwhile. What races is on our side of the network.

It takes every template: moto calls cfn-lint and holds even warnings about what osls writes for errors;
a test of its own lints.
"""

from moto.cloudformation.models import CloudFormationBackend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.moto_server.werkzeug_app import create_backend_app

from handler.server import Limits
from handler.server import Server


def main() -> None:
    """Serve until killed."""
    CloudFormationBackend.validate_template = lambda _self, _template: []  # type: ignore[assignment,method-assign]
    server = Server(
        DomainDispatcherApplication(create_backend_app), "127.0.0.1", 0, Limits(threads=1, cut_off=64 * 1024 * 1024)
    )
    print(f"Listening on {server.url}", flush=True)
    server.run()


if __name__ == "__main__":
    main()
