"""Retention jobs, as customers set them."""
