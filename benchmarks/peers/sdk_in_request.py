"""Flask and the official SDK, everything inside the request: the documentation's own example."""

from benchmarks.peers.official_sdk import application
from benchmarks.peers.official_sdk import cancel

app = application(cancel)
