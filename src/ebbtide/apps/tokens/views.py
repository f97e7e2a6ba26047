"""The pages of an organization's tokens."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from ebbtide.apps.accounts.selectors import Rank
from ebbtide.apps.orgs.access import GET, POST, Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.tokens import selectors, services
from ebbtide.apps.tokens.forms import KINDS, TokenForm
from ebbtide.apps.tokens.scopes import MEANINGS, NAMES, Scope, may_make
from ebbtide.apps.tokens.secret import TokenKind
from ebbtide.apps.tokens.tables import TOKENS, token_line
from ebbtide.domain.errors import InputInvalid, Refused, Taken
from ebbtide.web.context.accounts import Choice
from ebbtide.web.context.tokens import TokenLine, TokenMadePage, TokenNewPage, TokensPage
from ebbtide.web.listing import asked_of, csv_answer, list_rows, sorted_rows

_UNACCEPTABLE = 422


def _lines(visit: Visit) -> list[TokenLine]:
    with acting_in(visit.org.id):
        return [
            token_line(row, used_at=used_at, requests=requests, now=visit.now)
            for row, used_at, requests in selectors.tokens(org=visit.org.id)
        ]


@organization_page(Permission.USERS_MANAGE)
def tokens(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show the tokens; as CSV too."""
    asked = asked_of(request.GET, table=TOKENS)
    lines = _lines(visit)
    if asked.csv:
        return csv_answer(TOKENS, sorted_rows(TOKENS, lines, asked=asked), name="ebbtide-tokens")
    return render(request, "pages/tokens.html", {"page": TokensPage(tokens=list_rows(TOKENS, lines, asked=asked))})


@organization_page(Permission.USERS_MANAGE, methods=(GET, POST))
def token_new(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Make a token, and show it this once."""
    rank = Rank(visit.access)
    form = TokenForm(request.POST if request.method == POST else None)
    if form.is_valid():
        given = form.cleaned_data
        try:
            made = services.make_token(
                visit.org.id,
                name=given["name"],
                kind=given["kind"],
                scopes=given["scopes"],
                days=given["days"],
                actor=visit.user.email,
                now=visit.now,
                rank=rank,
            )
        except (InputInvalid, Refused) as exc:
            form.add_error(exc.field if exc.field in form.fields else None, exc.message)
        else:
            line = token_line(made.row, used_at=None, requests=0, now=visit.now)
            page = TokenMadePage(token=line, secret=made.secret, example=_example(request, line, secret=made.secret))
            return render(request, "pages/token_made.html", {"page": page}, status=201)
    return _form(request, form, rank=rank)


def _example(request: HttpRequest, line: TokenLine, *, secret: str) -> str:
    """Give a command that shows that a token works, and changes nothing."""
    address = "/feed/" if line.kind == "feed" else "/api/v1/"
    return f"curl -H 'Authorization: Bearer {secret}' {request.build_absolute_uri(address)}"


def _form(request: HttpRequest, form: TokenForm, *, rank: Rank) -> HttpResponse:
    kind = str(form["kind"].value() or TokenKind.READ)
    ticked = set(form["scopes"].value() or ())
    meanings = {
        TokenKind.READ: _("A program of yours takes data out, through the retrieval API."),
        TokenKind.FEED: _("The telephone system brings data in. It can read nothing."),
    }
    page = TokenNewPage(
        kinds=tuple(
            Choice(
                value=one.value,
                label=str(label),
                help=meanings[one],
                chosen=one.value == kind,
                open=one is TokenKind.READ or may_make(one, (), rank=rank),
            )
            for one, label in KINDS.items()
        ),
        scopes=tuple(
            Choice(
                value=one.value,
                label=str(NAMES[one]),
                help=str(MEANINGS[one]),
                chosen=one.value in ticked,
                open=may_make(TokenKind.READ, (one,), rank=rank),
            )
            for one in Scope
        ),
        most_days=services.MOST_DAYS,
    )
    status = _UNACCEPTABLE if form.errors else 200
    return render(request, "pages/token_new.html", {"form": form, "page": page}, status=status)


@organization_page(Permission.USERS_MANAGE, methods=(POST,))
def token_revoke(request: HttpRequest, visit: Visit, tok: str) -> HttpResponse:
    """End a token."""
    try:
        name = services.revoke_token(visit.org.id, token_id=tok, actor=visit.user.email, now=visit.now)
    except Taken as exc:
        messages.info(request, exc.message)
    else:
        messages.success(request, _("%(name)s was revoked: its next request is refused.") % {"name": name})
    return redirect("tokens", org=visit.org.id)
