"""The bare callable that keeps nothing."""

from benchmarks.peers.bare import serve

if __name__ == "__main__":
    serve(lambda _webhook_id, _timestamp: None)
