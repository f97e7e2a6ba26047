"""Tokens by which programs come in: made and revoked by people, each for few things and a limited time."""
