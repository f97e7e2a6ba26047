"""The addresses the templates name, leading nowhere: a page is rendered here, never asked for."""

from django.http import HttpRequest, HttpResponse
from django.urls import path


def nowhere(request: HttpRequest, **ids: int) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("", nowhere, name="start"),
    path("sign-in/", nowhere, name="login"),
    path("sign-out/", nowhere, name="logout"),
    path("sign-in/passkey/", nowhere, name="mfa_login_webauthn"),
    path("password/forgotten/", nowhere, name="account_reset_password"),
    path("account/", nowhere, name="account"),
    path("account/password/", nowhere, name="account_change_password"),
    path("account/sessions/", nowhere, name="usersessions_list"),
    path("account/second-factor/", nowhere, name="mfa_index"),
    path("account/second-factor/app/", nowhere, name="mfa_activate_totp"),
    path("account/second-factor/app/remove/", nowhere, name="mfa_deactivate_totp"),
    path("account/second-factor/codes/new/", nowhere, name="mfa_generate_recovery_codes"),
    path("account/second-factor/passkeys/add/", nowhere, name="mfa_add_webauthn"),
    path("account/second-factor/passkeys/<int:pk>/", nowhere, name="mfa_edit_webauthn"),
    path("account/second-factor/passkeys/<int:pk>/remove/", nowhere, name="mfa_remove_webauthn"),
    path("o/<int:org>/people/", nowhere, name="people"),
    path("o/<int:org>/people/invite/", nowhere, name="person_invite"),
    path("o/<int:org>/people/groups/", nowhere, name="groups"),
    path("o/<int:org>/people/groups/new/", nowhere, name="group_new"),
    path("o/<int:org>/people/groups/<int:grp>/", nowhere, name="group"),
    path("o/<int:org>/people/groups/<int:grp>/delete/", nowhere, name="group_delete"),
    path("o/<int:org>/people/invitations/<int:inv>/resend/", nowhere, name="invitation_resend"),
    path("o/<int:org>/people/invitations/<int:inv>/revoke/", nowhere, name="invitation_revoke"),
    path("o/<int:org>/people/<int:mem>/", nowhere, name="person"),
    path("o/<int:org>/people/<int:mem>/remove/", nowhere, name="person_remove"),
    path("o/<int:org>/", nowhere, name="home"),
    path("o/<int:org>/storage/", nowhere, name="storage"),
    path("o/<int:org>/aside/", nowhere, name="aside"),
    path("o/<int:org>/jobs/", nowhere, name="jobs"),
    path("o/<int:org>/jobs/new/", nowhere, name="job_new"),
    path("o/<int:org>/jobs/preview/", nowhere, name="job_new_preview"),
    path("o/<int:org>/jobs/<int:job>/", nowhere, name="job"),
    path("o/<int:org>/jobs/<int:job>/edit/", nowhere, name="job_edit"),
    path("o/<int:org>/jobs/<int:job>/preview/", nowhere, name="job_preview"),
    path("o/<int:org>/jobs/<int:job>/pause/", nowhere, name="job_pause"),
    path("o/<int:org>/jobs/<int:job>/resume/", nowhere, name="job_resume"),
    path("o/<int:org>/jobs/<int:job>/restore/", nowhere, name="job_restore"),
    path("o/<int:org>/jobs/<int:job>/delete/", nowhere, name="job_delete"),
    path("o/<int:org>/runs/", nowhere, name="runs"),
    path("o/<int:org>/runs/<int:run>/", nowhere, name="run"),
    path("o/<int:org>/runs/<int:run>/numbers.csv", nowhere, name="run_csv"),
    path("o/<int:org>/runs/<int:run>/report.json", nowhere, name="run_json"),
    path("o/<int:org>/runs/<int:run>/plan/", nowhere, name="run_plan"),
    path("o/<int:org>/runs/<int:run>/progress/", nowhere, name="run_progress"),
    path("o/<int:org>/runs/<int:run>/stop/", nowhere, name="run_stop"),
    path("o/<int:org>/why/", nowhere, name="why"),
    path("o/<int:org>/plans/<int:plan>/confirm/", nowhere, name="plan_confirm"),
]
