"""Second factors: authenticator app, recovery codes and passkeys; changed only by somebody who has just confirmed."""

from typing import Any

from allauth.account import views as account
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.base import views as base
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.mfa.webauthn.internal.auth import begin_registration
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.views.decorators.http import require_safe

from ebbtide.apps.accounts.views.account import own
from ebbtide.apps.accounts.views.entrance import options_json
from ebbtide.apps.orgs.access import now_of, person
from ebbtide.web.context.accounts import FactorsPage, PasskeyLine

ONWARD = "ebbtide.onward"
"""Session key: the page that was closed for want of a second factor."""


@own
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Show what one signs in with, and how to change it."""
    user = person(request)
    aim = get_next_redirect_url(request)
    if aim:
        request.session[ONWARD] = aim
    held = list(Authenticator.objects.filter(user=user).order_by("created_at"))
    by_type = {one.type: one for one in held}
    app, codes = by_type.get(Authenticator.Type.TOTP), by_type.get(Authenticator.Type.RECOVERY_CODES)
    passkeys = tuple(
        PasskeyLine(id=one.pk, name=one.wrap().name, added=one.created_at, used=one.last_used_at)
        for one in held
        if one.type == Authenticator.Type.WEBAUTHN
    )
    on = app is not None or bool(passkeys)
    mode = settings.EBBTIDE_SECOND_FACTOR
    page = FactorsPage(
        app_since=app.created_at if app else None,
        app_used=app.last_used_at if app else None,
        passkeys=passkeys,
        codes_left=len(codes.wrap().get_unused_codes()) if codes else None,
        demanded=mode == "everyone" or (mode == "operators" and bool(user and user.is_operator)),
        onward=request.session.pop(ONWARD, "") if on else "",
        now=now_of(request),
    )
    return render(request, "pages/second_factor.html", {"page": page})


class Confirm(account.ReauthenticateView):
    """Asks for the password again."""

    template_name = "account/reauthenticate.html"


class ConfirmByCode(base.ReauthenticateView):
    """Asks for a code again."""

    template_name = "mfa/reauthenticate.html"


class ConfirmByPasskey(webauthn.ReauthenticateWebAuthnView):
    """Asks for a passkey again."""

    template_name = "mfa/webauthn/reauthenticate.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Tell the template what the browser needs."""
        found = super().get_context_data(**kwargs)
        others = self.get_reauthentication_alternatives()
        return {
            **found,
            "reauthentication_alternatives": others,
            "options": options_json(found["js_data"]["request_options"]),
        }

    def form_invalid(self, form: Any) -> HttpResponse:
        """Offer to try again."""
        super().form_invalid(form)
        answer: HttpResponse = self.get(self.request)
        return answer


class EnrolApp(totp.ActivateTOTPView):
    """Sets up an authenticator app: a picture to scan, the secret to type, and the first code as proof."""

    template_name = "mfa/totp/activate_form.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Tell the template the secret in groups of four, as people type it."""
        found: dict[str, Any] = super().get_context_data(**kwargs)
        secret = found["form"].secret
        found["secret"] = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
        return found


class RemoveApp(totp.DeactivateTOTPView):
    """Removes the authenticator app."""

    template_name = "mfa/totp/deactivate_form.html"


class RecoveryCodes(recovery.ViewRecoveryCodesView):
    """Shows new recovery codes, once."""

    template_name = "mfa/recovery_codes/index.html"


class NewRecoveryCodes(recovery.GenerateRecoveryCodesView):
    """Makes new recovery codes; the earlier ones are good for nothing then."""

    template_name = "mfa/recovery_codes/generate.html"


class AddPasskey(webauthn.AddWebAuthnView):
    """Adds a passkey that is enough to sign in by itself."""

    template_name = "mfa/webauthn/add_form.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Tell the template what the browser needs: a passkey that knows whose it is and asks who holds it."""
        found = super().get_context_data(**kwargs)
        found["form"] = kwargs.get("form") or self.get_form()
        return {**found, "options": options_json(begin_registration(self.request.user, passwordless=True))}


class RenamePasskey(webauthn.EditWebAuthnView):
    """Renames a passkey."""

    template_name = "mfa/webauthn/edit_form.html"
    success_url = reverse_lazy("mfa_index")


class RemovePasskey(webauthn.RemoveWebAuthnView):
    """Removes a passkey."""

    template_name = "mfa/webauthn/authenticator_confirm_delete.html"
    success_url = reverse_lazy("mfa_index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Tell the template its name, and nothing else of it."""
        del kwargs
        return {"name": self.object.wrap().name}


confirm = own(Confirm.as_view())
confirm_by_code = own(ConfirmByCode.as_view())
confirm_by_passkey = own(ConfirmByPasskey.as_view())
enrol_app = own(EnrolApp.as_view())
remove_app = own(RemoveApp.as_view())
recovery_codes = own(RecoveryCodes.as_view())
new_recovery_codes = own(NewRecoveryCodes.as_view())
add_passkey = own(AddPasskey.as_view())
rename_passkey = own(RenamePasskey.as_view())
remove_passkey = own(RemovePasskey.as_view())
