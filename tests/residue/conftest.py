"""Stores as the tests of stores have them."""

from tests.stores.conftest import s3_settings, seaweedfs

__all__ = ["s3_settings", "seaweedfs"]
