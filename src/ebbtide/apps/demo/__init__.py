"""Invented contact centres for `ebbtide demo`, tests and benchmarks.

The generators are pure: a profile and a seed go in, frames and bytes come out. They know no database, so that the same
centre can be loaded by the demo, imported as a file by a test, and fed to a benchmark at any size.
"""
