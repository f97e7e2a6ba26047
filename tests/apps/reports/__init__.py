"""Reports: their sums, what they say, and what is purged of them."""
