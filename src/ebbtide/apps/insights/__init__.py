"""Report rows of interactions, by segment."""
