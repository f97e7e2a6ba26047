"""Months in addresses: `/o/org_7/costs/2026-11/`.

As with ids, the converter takes any text: what is no month gets the very same answer as a month without a statement.
"""

from django.urls import register_converter

from ebbtide.domain.billing import Month


class MonthInAddress:
    """A month, YYYY-MM."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        """Leave it as it came: pages judge it."""
        return value

    def to_url(self, value: Month | str) -> str:
        """Write a month."""
        return str(value)


register_converter(MonthInAddress, "month")
