"""Addresses of accounts and of an organization's people.

Of django-allauth's pages these are all that exist, under addresses of ours; `account_login` and `login` are one page.
"""

from allauth.socialaccount.providers.openid_connect import views as openid
from django.conf import settings
from django.urls import URLPattern, path, register_converter
from django.urls.converters import StringConverter

from ebbtide.apps.accounts.views import access_log, account, entrance, factors, groups, people
from ebbtide.apps.orgs import addresses as addresses  # noqa: PLC0414 - registers the converters used here


class UserNumber(StringConverter):
    """A person's number as django-allauth writes it: without the dash that ends it."""

    regex = "[0-9A-Za-z]+"


register_converter(UserNumber, "uid")

_ENTRANCE = [
    path("sign-in/", entrance.sign_in, name="login"),
    path("sign-in/", entrance.sign_in, name="account_login"),
    path("sign-in/second-step/", entrance.second_step, name="mfa_authenticate"),
    path("sign-in/passkey/", entrance.passkey_sign_in, name="mfa_login_webauthn"),
    path("password/forgotten/", entrance.forgotten, name="account_reset_password"),
    path("password/forgotten/sent/", entrance.forgotten_sent, name="account_reset_password_done"),
    path("password/new/<uid:uidb36>-<str:key>/", entrance.new_password, name="account_reset_password_from_key"),
    path("set-up/<str:token>/", entrance.first_operator, name="set_up"),
    path("invitation/<org:org>/<str:token>/", entrance.invitation, name="invitation"),
]
_OWN = [
    path("account/", account.overview, name="account"),
    path("account/password/", account.change_password, name="account_change_password"),
    path("account/sessions/", account.sessions, name="usersessions_list"),
    path("account/confirm/", factors.confirm, name="account_reauthenticate"),
    path("account/confirm/code/", factors.confirm_by_code, name="mfa_reauthenticate"),
    path("account/confirm/passkey/", factors.confirm_by_passkey, name="mfa_reauthenticate_webauthn"),
    path("account/second-factor/", factors.overview, name="mfa_index"),
    path("account/second-factor/app/", factors.enrol_app, name="mfa_activate_totp"),
    path("account/second-factor/app/remove/", factors.remove_app, name="mfa_deactivate_totp"),
    path("account/second-factor/codes/", factors.recovery_codes, name="mfa_view_recovery_codes"),
    path("account/second-factor/codes/new/", factors.new_recovery_codes, name="mfa_generate_recovery_codes"),
    path("account/second-factor/passkeys/add/", factors.add_passkey, name="mfa_add_webauthn"),
    path("account/second-factor/passkeys/<int:pk>/", factors.rename_passkey, name="mfa_edit_webauthn"),
    path("account/second-factor/passkeys/<int:pk>/remove/", factors.remove_passkey, name="mfa_remove_webauthn"),
]
_PEOPLE = [
    path("o/<org:org>/people/", people.people, name="people"),
    path("o/<org:org>/people/invite/", people.invite, name="person_invite"),
    path("o/<org:org>/people/access-log/", access_log.access_log, name="access_log"),
    path("o/<org:org>/people/groups/", groups.groups, name="groups"),
    path("o/<org:org>/people/groups/new/", groups.group_new, name="group_new"),
    path("o/<org:org>/people/groups/<grp:grp>/", groups.group, name="group"),
    path("o/<org:org>/people/groups/<grp:grp>/delete/", groups.group_delete, name="group_delete"),
    path("o/<org:org>/people/invitations/<inv:inv>/resend/", people.invitation_resend, name="invitation_resend"),
    path("o/<org:org>/people/invitations/<inv:inv>/revoke/", people.invitation_revoke, name="invitation_revoke"),
    path("o/<org:org>/people/<mem:mem>/", people.person, name="person"),
    path("o/<org:org>/people/<mem:mem>/remove/", people.person_remove, name="person_remove"),
]
SINGLE_SIGN_ON = [
    path("sign-in/<str:provider_id>/login/", openid.login, name="openid_connect_login"),
    path("sign-in/<str:provider_id>/login/callback/", openid.callback, name="openid_connect_callback"),
]
"""Exist where EBBTIDE_OIDC_URL is set."""

urlpatterns: list[URLPattern] = [
    *_ENTRANCE,
    *_OWN,
    *_PEOPLE,
    *(SINGLE_SIGN_ON if settings.EBBTIDE_SINGLE_SIGN_ON else []),
]
