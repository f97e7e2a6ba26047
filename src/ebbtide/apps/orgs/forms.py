"""Signing in."""

from django.contrib.auth.forms import AuthenticationForm

NAME_LENGTH = 254


class SignInForm(AuthenticationForm):
    """Name and password; the name's case does not count."""

    def clean_username(self) -> str:
        """Write the name in one way: attempts are counted by it, and another spelling would be another count."""
        name: str = self.cleaned_data["username"]
        if len(name) > NAME_LENGTH:  # no account has such a name, and the count of attempts has no room for it
            raise self.get_invalid_login_error()
        return name.strip().lower()
