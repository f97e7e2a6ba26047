"""Django settings: everything the framework needs, from `ebbtide.config.environment`."""

import secrets
from contextlib import suppress
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from csp.constants import NONE, SELF
from django.utils.functional import lazystr

from ebbtide.config.environment import read_environment
from ebbtide.config.logs import logging_by_place

ENVIRONMENT = read_environment()
EBBTIDE_DATA = ENVIRONMENT.data
EBBTIDE_POSTGRES_BIN = ENVIRONMENT.postgres_bin
EBBTIDE_EMBEDDED = not ENVIRONMENT.web_url
EBBTIDE_SECOND_FACTOR = ENVIRONMENT.second_factor
EBBTIDE_STRETCH = ENVIRONMENT.stretch
EBBTIDE_FIRST_NIGHTS = ENVIRONMENT.first_nights
EBBTIDE_BACKUP_DAYS = ENVIRONMENT.backup_days
EBBTIDE_SINGLE_SIGN_ON = ENVIRONMENT.single_sign_on
EBBTIDE_API_PER_MINUTE = ENVIRONMENT.api_per_minute
EBBTIDE_FEED_PER_MINUTE = ENVIRONMENT.feed_per_minute
EBBTIDE_FEED_MEDIA_MIB = ENVIRONMENT.feed_media_mib
EBBTIDE_OBJECTS_URL = ENVIRONMENT.objects_url or (EBBTIDE_DATA / "objects").as_uri()
EBBTIDE_EXPORTS_URL = ENVIRONMENT.exports_url
EBBTIDE_EXPORT_BYTES = ENVIRONMENT.export_gib * 1024**3


@cache
def _secret_key() -> str:
    """Give the signing key: the one set, else one made once and kept beside the data, readable by its owner alone."""
    if ENVIRONMENT.secret_key is not None:
        return ENVIRONMENT.secret_key
    file = EBBTIDE_DATA / "secret-key"
    if not file.exists():
        EBBTIDE_DATA.mkdir(parents=True, exist_ok=True)
        made = EBBTIDE_DATA / f"secret-key.{secrets.token_hex(4)}"
        made.touch(mode=0o600)
        made.write_text(secrets.token_urlsafe(50))
        with suppress(FileExistsError):  # another process of ours was first: its key is the one
            file.hardlink_to(made)
        made.unlink()
    return file.read_text()


def DATABASE_PARTS(url: str) -> dict[str, Any]:  # noqa: N802 - a setting, so that the floors below can ask it
    """Turn a PostgreSQL URL into Django's form; an empty URL is filled in by the command line once it knows it."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "ebbtide",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", unquote(parts.hostname or "")),
        "PORT": query.pop("port", str(parts.port or "")),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        # a host that loses its power says no goodbye: both sides find out within a minute, and its locks are free
        "OPTIONS": {
            "application_name": "ebbtide",
            "connect_timeout": 10,
            # Both ends notice within half a minute that the other's host is gone: a run is held by its connection.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 25_000,
            "options": "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 "
            "-c tcp_user_timeout=25000",
            **query,
        },
        "TEST": {"MIRROR": None},
    }


def _single_sign_on_apps() -> list[dict[str, object]]:
    """Give the provider of single sign-on in allauth's form; none where none is set."""
    provider = ENVIRONMENT.single_sign_on
    if provider is None:
        return []
    return [
        {
            "provider_id": "sso",
            "name": provider.name,
            "client_id": provider.client,
            "secret": provider.secret,
            "settings": {"server_url": provider.url, "oauth_pkce_enabled": True},
        }
    ]


DATABASES = {
    "default": DATABASE_PARTS(ENVIRONMENT.web_url),
    "sweep": DATABASE_PARTS(ENVIRONMENT.sweep_url),
    "owner": DATABASE_PARTS(ENVIRONMENT.owner_url),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

SECRET_KEY = lazystr(_secret_key)  # made when first needed: most commands sign nothing
DEBUG = False
ALLOWED_HOSTS = list(ENVIRONMENT.hosts)
ROOT_URLCONF = "ebbtide.config.urls"
WSGI_APPLICATION = "ebbtide.config.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "csp",
    "axes",
    "procrastinate.contrib.django",
    "ebbtide.web",  # before allauth: our templates stand in place of its own
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "ebbtide.apps.orgs",
    "ebbtide.apps.accounts",
    "ebbtide.apps.catalog",
    "ebbtide.apps.insights",
    "ebbtide.apps.media",
    "ebbtide.apps.policies",
    "ebbtide.apps.ledger",
    "ebbtide.apps.runs",
    "ebbtide.apps.billing",
    "ebbtide.apps.reports",
    "ebbtide.apps.tokens",
    "ebbtide.apps.interactions",
    "ebbtide.apps.retrieval",
    "ebbtide.apps.feed",
    "ebbtide.apps.exports",
    "ebbtide.apps.editor",
    "ebbtide.apps.activation",
    "ebbtide.apps.console",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "ebbtide.apps.tokens.middleware.ProgramsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "ebbtide.apps.orgs.middleware.ClockMiddleware",
    "ebbtide.apps.orgs.middleware.ErrorMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "ebbtide.apps.accounts.middleware.SecondFactorMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ebbtide.apps.runs.frame.frame",
                "ebbtide.apps.billing.banner.budget_note",
            ],
        },
    },
]

AUTH_USER_MODEL = "orgs.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "start"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AXES_USERNAME_FORM_FIELD = "username"  # what the sign-in form calls it; axes would look for the model's "email"
AXES_LOCKOUT_CALLABLE = "ebbtide.apps.orgs.errors.locked_out"
AXES_CLIENT_IP_CALLABLE = "ebbtide.apps.accounts.adapters.client_address"

# django-allauth: apps/accounts/adapters.py says what of it is ours, and apps/accounts/urls.py which of its pages exist
ALLAUTH_TRUSTED_PROXY_COUNT = ENVIRONMENT.proxies
ACCOUNT_ADAPTER = "ebbtide.apps.accounts.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # an address is proven by the invitation that was sent to it
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_FORMS = {
    "login": "ebbtide.apps.accounts.forms.SignInForm",
    "reset_password": "ebbtide.apps.accounts.forms.ForgottenForm",
    "reset_password_from_key": "ebbtide.apps.accounts.forms.NewPasswordForm",
    "change_password": "ebbtide.apps.accounts.forms.ChangePasswordForm",
    "reauthenticate": "ebbtide.apps.accounts.forms.ConfirmForm",
}
ACCOUNT_SESSION_REMEMBER = True  # every session lasts SESSION_COOKIE_AGE
ACCOUNT_RATE_LIMITS = {
    "login": None,  # the lock-out is axes': counted in the database, for all web servers alike
    "login_failed": "10/5m/key",  # codes of one account, from wherever; axes counts them too
}
MFA_ADAPTER = "ebbtide.apps.accounts.adapters.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Ebbtide"
MFA_TOTP_TOLERANCE = 1  # a code counts for half a minute before and after
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_FORMS = {
    "authenticate": "ebbtide.apps.accounts.forms.CodeForm",
    "reauthenticate": "ebbtide.apps.accounts.forms.ConfirmCodeForm",
    "activate_totp": "ebbtide.apps.accounts.forms.EnrolAppForm",
    "add_webauthn": "ebbtide.apps.accounts.forms.AddPasskeyForm",
    "edit_webauthn": "ebbtide.apps.accounts.forms.RenamePasskeyForm",
}
SOCIALACCOUNT_ADAPTER = "ebbtide.apps.accounts.adapters.SingleSignOnAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = True  # a form would have to lead to the provider, which the policy's form-action forbids
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": _single_sign_on_apps()}}

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENVIRONMENT.https
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "ebbtide.apps.orgs.errors.csrf_failed"
SECURE_SSL_REDIRECT = ENVIRONMENT.https
SECURE_HSTS_SECONDS = 31_536_000 if ENVIRONMENT.https else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENVIRONMENT.https else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "media-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    },
}

SMTP = ENVIRONMENT.smtp
EMAIL_BACKEND = (
    "ebbtide.apps.accounts.mail.FolderBackend" if SMTP is None else "django.core.mail.backends.smtp.EmailBackend"
)
if SMTP is not None:
    EMAIL_HOST, EMAIL_PORT = SMTP.host, SMTP.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = SMTP.user, SMTP.password
    EMAIL_USE_SSL, EMAIL_USE_TLS = SMTP.security == "tls", SMTP.security == "starttls"
EMAIL_TIMEOUT = 15  # seconds
DEFAULT_FROM_EMAIL = ENVIRONMENT.mail_from

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
USE_THOUSAND_SEPARATOR = False

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # straight out of the package: there is nothing to collect
WHITENOISE_AUTOREFRESH = False
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}

PROCRASTINATE_DATABASE_ALIAS = "sweep"
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "tasks"

LOGGING = logging_by_place()

SILENCED_SYSTEM_CHECKS: list[str] = []
