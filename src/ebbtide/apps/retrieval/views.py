"""The description of the retrieval API; it tells nothing of anybody, so whoever asks may read it."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ebbtide.apps.retrieval.describing import description, page


@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    """Show the description as a page."""
    return render(request, "pages/api.html", {"page": page()})


@require_safe
def openapi(request: HttpRequest) -> JsonResponse:
    """Give the description to programs."""
    return JsonResponse(description(request.build_absolute_uri("/").rstrip("/")))
