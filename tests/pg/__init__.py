"""The embedded PostgreSQL: started, shared, killed, refused, as root and as an ordinary user."""
