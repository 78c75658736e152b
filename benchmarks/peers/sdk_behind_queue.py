"""The same, answered once it is in a queue: Celery and Redis, with what a careful engineer would set.

A task counts as done when it has ended, not when it was taken; what a dead worker held is given to another after a
minute and a half; Redis keeps what it was told on disk.
https://docs.celeryq.dev/en/stable/getting-started/backends-and-brokers/redis.html
"""

import os

from celery import Celery

from benchmarks.peers.official_sdk import application
from benchmarks.peers.official_sdk import cancel

queue = Celery("peer", broker=os.environ["BROKER_URL"])
queue.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={"visibility_timeout": 90},
)

cancelled = queue.task(cancel, name="cancel", autoretry_for=(Exception,), retry_backoff=True, max_retries=10)
app = application(cancelled.delay)
