"""What `make bench` runs: each figure beside its limit, in turn, in one run."""
