"""The shell: every page rendered with made-up data."""
