"""Our launcher for an embedded PostgreSQL."""
