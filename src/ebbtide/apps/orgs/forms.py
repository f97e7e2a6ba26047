"""Signing in."""

from django.contrib.auth.forms import AuthenticationForm


class SignInForm(AuthenticationForm):
    """Name and password; the name's case does not count."""

    def clean_username(self) -> str:
        """Write the name in one way: attempts are counted by it, and another spelling would be another count."""
        name: str = self.cleaned_data["username"]
        return name.strip().lower()
