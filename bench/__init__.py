"""Benchmarks: ratios against the bare yardstick, in the same run on the same server. `make bench` prints them."""
