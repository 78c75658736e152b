"""The same, answered at once, with a pool of threads that does the work."""

import os
from concurrent.futures import ThreadPoolExecutor

from benchmarks.peers.official_sdk import application
from benchmarks.peers.official_sdk import cancel

pool = ThreadPoolExecutor(int(os.environ["WIDTH"]))
app = application(lambda payment_id: pool.submit(cancel, payment_id))
