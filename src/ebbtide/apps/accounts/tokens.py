"""Secrets in links: long, random, told once, and stored only as their hash."""

import hashlib
import secrets

_BYTES = 32


def new_token() -> str:
    """Make a secret for a link: 256 random bits."""
    return secrets.token_urlsafe(_BYTES)


def digest(token: str) -> bytes:
    """Give what is stored of it: SHA-256. The token is random and long, so that nothing slower would add to it."""
    return hashlib.sha256(token.encode()).digest()
