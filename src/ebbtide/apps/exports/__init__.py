"""Exports: what somebody chose of the data, in one archive, for as long as the data itself is there."""
