"""Made-up but believable data for the pages of tokens: a template name and its context, by the name of the case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms

from ebbtide.apps.retrieval.describing import page
from ebbtide.apps.tokens.forms import TokenForm
from ebbtide.apps.tokens.tables import TOKENS
from ebbtide.web.context.accounts import Choice
from ebbtide.web.context.shared import Frame, OrgLine
from ebbtide.web.context.tokens import TokenLine, TokenMadePage, TokenNewPage, TokensPage

from .account_samples import LONG, listed

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
SECRET = f"ebbtide_read_7_{'a1B2' * 11}c3d4e5f6"


def token_samples() -> dict[str, tuple[str, dict[str, Any]]]:
    """Give every case: name -> (template, context)."""
    inside = {"frame": Frame(org=OrgLine(id=7, name="Nordlicht", zone="Europe/Berlin"), now=NOW)}
    live = TokenLine(
        id=3,
        name=f"Data warehouse of {LONG}",
        kind="read",
        scopes=("Segments and interactions", "Recordings", "Transcripts"),
        hint="a1B2c3",
        made_by="aurelia.montgomery-featherstonehaugh@example.org",
        made_at=NOW - timedelta(days=40),
        expires_at=NOW + timedelta(days=50),
        used_at=NOW - timedelta(minutes=2),
        requests=1_204_331,
        state="live",
    )
    feed = replace(live, id=2, name="Telephone system", kind="feed", scopes=(), used_at=None, requests=0)
    expired = replace(live, id=1, name="Trial", state="expired", expires_at=NOW - timedelta(days=1))
    revoked = replace(
        live, id=4, name="Lost laptop", state="revoked", revoked_by="alice@example.org", revoked_at=NOW - timedelta(2)
    )
    kinds = (
        Choice(value="read", label="Read", help="A program of yours takes data out.", chosen=True),
        Choice(value="feed", label="Feed", help="The telephone system brings data in.", open=False),
    )
    scopes = (
        Choice(value="segments", label="Segments and interactions", help="Report rows.", chosen=True),
        Choice(value="recordings", label="Recordings", help="Audio and desktop recordings.", open=False),
    )
    new = TokenNewPage(kinds=kinds, scopes=scopes, most_days=730)
    wrong: forms.Form = TokenForm({"name": "", "kind": "read", "days": "9999"})
    made = TokenMadePage(
        token=live,
        secret=SECRET,
        example=f"curl -H 'Authorization: Bearer {SECRET}' https://ebbtide.example.org/api/v1/",
    )
    return {
        "tokens": (
            "pages/tokens.html",
            {**inside, "page": TokensPage(tokens=listed(TOKENS, [live, feed, expired, revoked]))},
        ),
        "tokens-empty": ("pages/tokens.html", {**inside, "page": TokensPage(tokens=listed(TOKENS, []))}),
        "tokens-unfound": (
            "pages/tokens.html",
            {**inside, "page": TokensPage(tokens=listed(TOKENS, [], "tokens.find=x"))},
        ),
        "token-new": ("pages/token_new.html", {**inside, "form": TokenForm(), "page": new}),
        "token-new-wrong": ("pages/token_new.html", {**inside, "form": wrong, "page": new}),
        "api": ("pages/api.html", {"page": page()}),
        "token-made": ("pages/token_made.html", {**inside, "page": made}),
    }
