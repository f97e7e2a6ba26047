"""Every route of the product: pages for people, and what programs may read and bring in; nothing of data management."""

from django.urls import URLPattern, URLResolver, include, path

from ebbtide.apps.orgs import addresses as addresses  # noqa: PLC0414 - registers the converters used here

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("ebbtide.apps.orgs.urls")),
    path("", include("ebbtide.apps.accounts.urls")),
    path("o/<org:org>/", include("ebbtide.apps.runs.urls")),
    path("o/<org:org>/", include("ebbtide.apps.editor.urls")),
    path("o/<org:org>/", include("ebbtide.apps.billing.urls")),
    path("platform/", include("ebbtide.apps.billing.platform_urls")),
    path("o/<org:org>/", include("ebbtide.apps.reports.urls")),
    path("o/<org:org>/", include("ebbtide.apps.tokens.urls")),
    path("o/<org:org>/", include("ebbtide.apps.interactions.urls")),
    path("o/<org:org>/", include("ebbtide.apps.exports.urls")),
    path("", include("ebbtide.apps.activation.urls")),
    path("api/", include("ebbtide.apps.retrieval.urls")),
    path("feed/", include("ebbtide.apps.feed.urls")),
    path("platform/", include("ebbtide.apps.console.urls")),
]

handler400 = "ebbtide.apps.orgs.errors.bad_request"
handler403 = "ebbtide.apps.orgs.errors.permission_denied"
handler404 = "ebbtide.apps.orgs.errors.page_not_found"
handler500 = "ebbtide.apps.orgs.errors.server_error"
