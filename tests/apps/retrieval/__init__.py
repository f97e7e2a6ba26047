"""The retrieval API."""
