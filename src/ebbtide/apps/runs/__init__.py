"""Plans and runs: the night itself."""
