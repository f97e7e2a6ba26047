"""The book: what was purged, when, by which run and job."""
