"""Reports over report rows: what happened in each Q, and what of it is purged."""
