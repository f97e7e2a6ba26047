"""Ebbtide: data-retention management for contact centres."""
