"""What was to be reached, as ratios in one run; `make bench` tells what was, and nothing fails for it."""

from benchmarks.figures import Goal

GOALS = [
    Goal("acknowledged, 16 connections", "bare, durable", 0.65, at_least=True),
    Goal("acknowledged, 16 connections", "SDK behind a queue", 2, at_least=True),
    Goal("p99 of that, 16 connections", "bare, durable", 1.8),
    Goal("p99 of that, 16 connections", "SDK in the request", 1 / 20),
    Goal("sent to cancelled, 5/s, p50", "two calls, warm", 1.05),
    Goal("sent to cancelled, 5/s, p99", "two calls, warm", 1.2),
    Goal("sent to cancelled, after a pause, p50", "two calls, new connection", 1.1),
    Goal("drained, 8 wide", "width / latency of two calls", 0.92, at_least=True),
    Goal("drained, 16 wide", "width / latency of two calls", 0.9, at_least=True),
    Goal("drained, 64 wide", "width / latency of two calls", 0.85, at_least=True),
    Goal("lost of 100 acknowledged, killed", "", 0),
    Goal("all resumed after", "", 5),
    Goal("start to first acknowledgement", "SDK in threads", 1),
    Goal("memory at rest", "SDK in threads", 1),
    Goal("cost to accept", "ours, 10,000 cases", 1.3),
    Goal("cost to claim", "ours, 10,000 cases", 1.3),
]
