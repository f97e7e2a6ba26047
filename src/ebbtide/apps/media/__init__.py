"""Recordings and transcripts: objects in a store, rows that index them."""
