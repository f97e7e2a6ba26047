"""Exports of other systems: maps, files, rows, days."""
