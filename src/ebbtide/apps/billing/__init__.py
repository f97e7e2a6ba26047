"""What storage costs: nightly metering, rate cards, statements."""
