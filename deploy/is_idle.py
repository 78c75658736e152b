"""Tells whether a deployment holds work that would be lost with it; `make remove` asks."""

import sys
from collections.abc import Sequence
from typing import Any

import boto3

QUEUES = ("notifications", "notifications-dead")


def waiting(sqs: Any, prefix: str) -> dict[str, int]:
    """Return how many messages each queue holds that goes with a removal; one that is not there holds none."""
    found = {}
    for name in QUEUES:
        for url in sqs.list_queues(QueueNamePrefix=f"{prefix}-{name}").get("QueueUrls", []):
            if url.endswith(f"/{prefix}-{name}"):
                names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
                names.append("ApproximateNumberOfMessagesDelayed")
                counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
                found[f"{prefix}-{name}"] = sum(int(count) for count in counts.values())
    return found


def main(arguments: Sequence[str]) -> int:
    """Print what waits; return 1 if anything does."""
    prefix, region = arguments
    held = {name: count for name, count in waiting(boto3.client("sqs", region_name=region), prefix).items() if count}
    for name, count in held.items():
        print(f"{name} holds {count} messages, which a removal deletes", file=sys.stderr)
    if held:
        print("Let them be worked off, or move them back; remove all the same with FORCE=1.", file=sys.stderr)
    return 1 if held else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
