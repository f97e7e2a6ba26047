"""People: signing in with two factors, sessions, invitations, user groups."""
