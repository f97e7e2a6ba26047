"""The lock-out: wrong passwords and wrong codes are counted together, by name and address, in the database (axes).

Why one count for both: eight tries are eight tries, and whoever has guessed the password has not earned eight more.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from allauth.account.adapter import get_adapter
from allauth.core import context
from axes.handlers.proxy import AxesProxyHandler
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError

from ebbtide.apps.orgs.models import User


@contextmanager
def counted(user: User) -> Iterator[None]:
    """Check a code of a person: refused where they are locked out, counted where it is wrong.

    Raises:
        ValidationError: locked out, or the code was wrong.
    """
    request = context.request
    credentials = {"username": user.email}
    if not AxesProxyHandler.is_allowed(request, credentials):
        request.axes_locked_out, request.axes_credentials = True, credentials  # axes' middleware answers with its page
        raise get_adapter().validation_error("too_many_login_attempts")
    try:
        yield
    except ValidationError:
        user_login_failed.send(sender=__name__, credentials=credentials, request=request)
        raise
