"""Interactions one by one: the list of them, what happened in each, and its recordings."""
