"""How a difference in bytes looks on a page."""

from django import template

from ebbtide.web.templatetags.money import decimal_bytes

register = template.Library()


@register.filter
def signed_bytes(value: int) -> str:
    """Write a difference in decimal units with its sign; 0 has none."""
    sign = "+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else ""
    return f"{sign}{decimal_bytes(abs(value))}"
