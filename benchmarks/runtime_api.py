"""The Runtime API, as far as AWS's own runtime client needs it to run a function on this machine.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any
from uuid import uuid4

#: How long a call may take, in seconds.
TIMEOUT = 30


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A function that was ended breaks its connection off."""


class RuntimeApi:
    """Hands events to one function and takes what it answers."""

    def __init__(self) -> None:
        self._events: Queue[bytes] = Queue()
        self._answers: Queue[Any] = Queue()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def invoke(self, event: Any) -> Any:
        """Return what the function answers; raises RuntimeError for an error of it."""
        self._events.put(json.dumps(event).encode())
        what, answer = self._answers.get(timeout=TIMEOUT)
        if what != "response":
            msg = f"the function failed: {answer}"
            raise RuntimeError(msg)
        return answer

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = api._events.get()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", str(uuid4()))
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + TIMEOUT) * 1000)))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:sa-east-1:1:function:handler")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                api._answers.put((self.path.rpartition("/")[2], json.loads(body)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def running_function(package: Path, name: str, environ: Mapping[str, str]) -> Iterator[RuntimeApi]:
    """Run a function of a package under AWS's own runtime client, in a process of its own."""
    api = RuntimeApi()
    surroundings = {"PATH": os.environ["PATH"], "AWS_LAMBDA_RUNTIME_API": api.address, "LAMBDA_TASK_ROOT": str(package)}
    with (package.parent / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", name],
            cwd=package,
            env={**surroundings, **environ},
            stdout=log,
            stderr=log,
        )
    try:
        yield api
    finally:
        process.kill()
        process.wait()
        api.close()
