"""Tokens: made, shown once, used, spent, revoked."""
