"""The handler as functions on AWS: `http` receives, `process` works, `sweep` finds what is due.

What receives and what works share nothing but the queue and the table. `entry` holds what Lambda
imports; everything else takes its surroundings as arguments.
"""

import logging

from handler.logs import JsonFormatter


def log_to_cloudwatch() -> None:
    """Log one line of JSON a step, to where the runtime puts it; AWS's own client says only what is wrong."""
    logging.getLogger().setLevel(logging.INFO)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(JsonFormatter())
    logging.getLogger("botocore").setLevel(logging.WARNING)
