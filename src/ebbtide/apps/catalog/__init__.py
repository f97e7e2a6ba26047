"""Queues and cells: what data there is, counted."""
