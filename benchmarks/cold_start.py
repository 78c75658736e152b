"""From the start of a container to the first acknowledgement: our function against a bare one, built the same way."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from benchmarks.contestants import WHSEC
from benchmarks.figures import OURS
from benchmarks.figures import Figure
from benchmarks.runtime_api import running_function
from deploy import package
from handler.clock import utc_now
from handler.models import Delivery
from handler.signing import merchant_request
from tests import amazon

BARE = Path(__file__).parent / "bare_function.py"


def cold_start(folder: Path, *, quick: bool) -> Iterator[Figure]:
    """Start both in turn, each in a process of its own, under AWS's own runtime client; the first is not counted."""
    rounds = 1 if quick else 15
    build = folder / "build"
    package.main(build)
    shutil.copy(BARE, build / "package")
    if sys.version_info[:2] == tuple(map(int, package.described("runtime").removeprefix("python").split("."))):
        package.compile_all(build / "package")
    with amazon.moto_server(folder) as endpoint:
        environ = _deployed(endpoint)
        ours, bare = [], []
        for _ in range(rounds + 1):
            ours.append(_first_answer(build / "package", "handler.aws.entry.http.handle", environ))
            bare.append(_first_answer(build / "package", "bare_function.handle", environ))
    yield Figure("cold start of the function on AWS", OURS, ours[1:], "ms")
    yield Figure("cold start of the function on AWS", "bare function", bare[1:], "ms")


def _deployed(endpoint: str) -> Mapping[str, str]:
    # The clients that make queue and parameters look for their server there.
    os.environ.update({**amazon.CREDENTIALS, "AWS_ENDPOINT_URL": endpoint})
    path = f"/{uuid4().hex}"
    amazon.put_parameters(path, MERCHANT_WEBHOOK_SECRET=WHSEC)
    return {
        **amazon.CREDENTIALS,
        "AWS_ENDPOINT_URL": endpoint,
        "PARAMETER_PATH": path,
        "QUEUE_URL": amazon.create_queue(),
        "METRICS": "bench",
    }


def _first_answer(folder: Path, name: str, environ: Mapping[str, str]) -> float:
    """Return how long a container takes from nothing to its first 200, in milliseconds."""
    _, headers, body = merchant_request("buyer.withdrew", {"payment_id": "1"}, f"msg_{uuid4().hex}", WHSEC)
    signed = {name.lower(): value for name, value in headers.items()}
    event = amazon.http_event(Delivery("merchant", "default", body, "", signed, utc_now()))
    begun = time.perf_counter()
    with running_function(folder, name, environ) as api:
        answer = api.invoke(event)
        took = (time.perf_counter() - begun) * 1000
    if answer["statusCode"] != 200:
        msg = f"{name} answered {answer}"
        raise RuntimeError(msg)
    return took
