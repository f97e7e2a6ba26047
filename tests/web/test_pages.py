"""Every page renders with every sample, says what it must, and nothing in it offends the Content-Security-Policy."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.template import engines
from django.template.loader import render_to_string
from django.test import RequestFactory, override_settings
from django.urls import set_urlconf

import ebbtide.web

from .interactions import interaction_samples
from .job_samples import job_samples
from .samples import samples as other_samples
from .samples_activation import activation_samples
from .samples_console import console_samples
from .token_samples import token_samples

WEB = Path(ebbtide.web.__file__).parent


def samples() -> dict[str, tuple[str, dict[str, Any]]]:
    return {
        **other_samples(),
        **job_samples(),
        **activation_samples(),
        **console_samples(),
        **token_samples(),
        **interaction_samples(),
    }


CASES = sorted(samples())


@pytest.fixture(autouse=True)
def _addresses() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=f"{__package__}.urls"):
        yield
    set_urlconf(None)


def page(case: str, **more: Any) -> str:
    template, context = samples()[case]
    request = RequestFactory().get("/")
    request.user = SimpleNamespace(is_authenticated=True, get_username=lambda: "alice")  # type: ignore[assignment]
    return render_to_string(template, {**context, **more}, request=request)


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", html).split())


class Inspector(HTMLParser):
    """Collects what a browser would stumble over."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.points: set[str] = set()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.faults += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and not given.get("src")):
            self.faults.append(f"inline <{tag}>")
        for name in ("src", "href", "action"):
            if (given.get(name) or "").startswith(("http:", "https:", "//", "javascript:")):
                self.faults.append(f"{tag} {name}={given[name]}")
        if "id" in given:
            self.ids.append(given["id"] or "")
        for name in ("aria-labelledby", "aria-describedby"):
            self.points.update((given.get(name) or "").split())
        if tag == "label" and given.get("for"):
            self.points.add(given["for"] or "")


@pytest.mark.parametrize("case", CASES)
def test_page_is_whole(case: str) -> None:
    html = page(case)
    inspector = Inspector()
    inspector.feed(html)
    assert inspector.faults == []
    assert len(inspector.ids) == len(set(inspector.ids)), "an id is there twice"
    assert inspector.points <= set(inspector.ids), "a label or description points nowhere"
    fragment = samples()[case][0].startswith("components/")
    assert len(re.findall(r"<h1\b", html)) == (0 if fragment else 1)
    assert not re.search(r"\S \.(\s|$)", words(html)), "a space before a full stop"
    assert "None" not in words(html)


@pytest.mark.parametrize("case", CASES)
def test_no_variable_is_missing(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a template asks for and a shape lacks would silently be empty; here it leaves a mark."""
    engine = engines["django"].engine  # type: ignore[attr-defined]
    monkeypatch.setattr(engine, "string_if_invalid", "MISSING(%s)")
    missing = set(re.findall(r"MISSING\(([^)]*)\)", page(case)))
    optional = {"next", "user.get_username"}
    assert missing <= optional


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("home-simulating", "Simulating — nothing is deleted"),
        ("home-simulating", "Tonight would delete 12,408 items"),
        ("home-armed", "Armed since 2 Oct 2026, 11:15 CEST"),
        ("home-armed", "The platform's kill switch is on. No run deletes anything until it is turned off."),
        ("home-armed", "Incomplete: deleted 9,120 of 12,408 items; 88 kept, 3 failed, 3,197 not reached."),
        ("home-armed", "While the kill switch is on, no night deletes anything."),
        ("home-armed", "Tonight would delete"),
        ("home-quiet", "Each night deletes for good what has outlived its retention."),
        ("home-quiet", "Tonight will delete"),
        ("home-simulating", "The run will only report this: it deletes nothing."),
        ("home-armed", "As things stand, the run will be blocked before its first deletion. A kill switch is on"),
        ("home-asks", "The run will only report this, and ask a person to confirm it. Nothing ran for 40 hours."),
        ("home-simulating", "Tonight takes 1,204 items, 1.0 GiB. Kept 400 days in 7 Qs; no job in 2 Qs."),
        ("home-simulating", "Kept 30 days in 1 Q, 60 days in 1 Q, 90 days in 1 Q, 400 days in 1 Q and 1 more period;"),
        ("home-simulating", "Nothing is stored. Transcripts. Kept: no job reaches it."),
        ("home-simulating", "1,204 due tonight, 1.2 GiB"),
        ("home-started", "There is one job already: Deletes all data of the whole organization older than 400 days."),
        ("home-started", "It looks at every Q, reports what it would delete, and deletes nothing."),
        ("aside", "importing the same row again changes nothing."),
        ("aside", "not kept"),
        ("aside-none-fit", "No row fits."),
        ("aside-empty", "Every row that came in had a day, and came in time."),
        ("storage", "4.0 GiB in 160 items."),
        ("home-blocked", "a run may take 20 %. Look at the plan, and confirm it if its counts are right."),
        ("home-fresh", "There is no job. Without one, all data is kept."),
        ("home-quiet", "kept, no job"),
        ("jobs", "Deletes desktop recordings of Sales older than 30 days"),
        ("jobs", "Deletes all data of Claims, Billing, Retention and 4 more older than 1 day"),
        (
            "jobs",
            "by a shorter retention: Deletes all data of the whole organization older than 400 days (job 11); Deletes",
        ),
        ("jobs-empty", "Without a job nothing is ever deleted."),
        ("job-errors", "Choose at least one Q."),
        ("job-errors", "Ensure this value is greater than or equal to 1."),
        ("job-ineffective", "2 jobs would have no effect"),
        ("job-ineffective", "Save anyway"),
        ("job-newly", "1 item (1.0 MiB) becomes due by this."),
        ("job-newly", "To confirm, type the name of the organization: Nordlicht Versicherungen Kundenservice"),
        ("job-preview", "Tonight this job would take nothing, and nothing changes against now."),
        ("job", "in 41 runs, 2 Oct 2026"),
        ("job-idle", "19.0 GiB it would have deleted: it was a simulation"),
        ("job-deleted", "Deleted 23 Nov 2026, 09:40 CET by Alice Moreau."),
        ("job-delete", "this job decides in its place: Deletes all data of the whole organization older than 400 days"),
        ("job-delete-last", "no other job reaches that data: it is kept until you make one."),
        ("runs-empty", "It deletes nothing: it reports here what it would delete."),
        ("runs-empty-armed", "It deletes for good what has outlived its retention, and reports it here."),
        ("runs-empty-stopped", "It deletes nothing while the kill switch is on."),
        ("runs-none-fit", "No run is like that in these days."),
        ("run-going", "310 of 12,408 items"),
        ("run-going", "about 43 minutes"),
        ("run-waiting", "nothing is deleted until then."),
        ("run-stopping", "Somebody has stopped this run."),
        ("run-incomplete", "9.4 a second, 12.5 MiB a second"),
        ("run-plan", "The plan names 12,408 items, 31.0 GiB."),
        ("why-never", "Is it the id of an interaction with several segments?"),
        ("why-found", "Goes in the night of 24 Nov 2026 (in 16 hours) by job 12: Q desktop 30."),
        ("why-found-simulating", "Would go in the night of 24 Nov 2026"),
        ("why-found", "If it had any, they were purged on"),
        ("why-found", "Its day cannot be known (no instant)."),
        ("run-simulated", "Simulated: would have deleted 12,408 items (31.0 GiB). Nothing was deleted."),
        ("run-blocked", "The platform operator starts it: ebbtide run start org_7 --plan plan_555"),
        ("deletion-fresh", "Wait for tonight's run, or make a simulation now. It deletes nothing."),
        ("deletion-fresh-viewer", "Whoever manages Data Management can ask for deletion to be switched on."),
        ("deletion-ask", "412,077 items · 903.0 GiB · 31.0 % of 1,329,280"),
        ("deletion-ask", "Caps do not spread it over several nights"),
        ("deletion-unfit", "The retention jobs have changed since the simulation. No request can rest on it"),
        ("deletion-open", "Your request waits for the platform operator"),
        ("deletion-declined", "The operator's reason: Two Qs hold an open dispute."),
        ("deletion-expired", "The operator can no longer grant it."),
        ("deletion-expired", "No Q here has that in its name."),
        ("deletion-armed", "Switched on by: Platform operator. Reason: Letter of 20 November"),
        ("deletion-stopped", "While the kill switch is on, no night deletes anything."),
        ("deletion-form-errors", "name: type it exactly as it stands above."),
        ("requests-none-open", "Nobody waits for an answer."),
        ("requests", "1 organization asks for deletion to be switched on."),
        ("request-open", "Share, now31.1 %a night may take 20 %"),
        ("request-closed", "Its runs may take at most 5,000 items a night."),
        ("org-deletion-fresh", "There is an open request. Look at it"),
        ("error-409", "Job 12 was changed by Alice Moreau a moment ago."),
    ],
)
def test_page_says(case: str, said: str) -> None:
    assert said in words(page(case)).replace("\N{NO-BREAK SPACE}", " ")


def test_names_are_escaped() -> None:
    html = page("home-simulating")
    assert "<Level 2>" not in html
    assert "&lt;Level 2&gt;" in html


def test_who_may_not_change_is_offered_no_change() -> None:
    assert "/delete/" in page("job")
    assert "/jobs/new/" in page("jobs")
    watching = samples()["home-quiet"][1]["frame"]
    html = page("jobs", frame=watching) + page("job", frame=watching) + page("job-paused", frame=watching)
    for change in ("delete", "edit", "pause", "resume", "new"):
        assert f"/{change}/" not in html


def test_ineffective_dialog_sends_its_consent_with_the_form() -> None:
    html = page("job-ineffective")
    assert 'form="job-form" name="save_anyway" value="11-13"' in html
    assert "save_anyway" not in page("job-edit")


@pytest.mark.parametrize("case", ["error-400", "error-403", "error-404", "error-409", "error-500", "error-503"])
def test_error_pages_need_neither_request_nor_context(case: str) -> None:
    html = render_to_string(samples()[case][0])
    assert "Go to home" in html
    assert "Sign out" not in html


def test_all_words_can_be_translated() -> None:
    """Text outside of tags must come from {% translate %} or {% blocktranslate %}, the product's name apart."""
    allowed = {"Ebbtide", "SHA-256", "400", "403", "404", "409", "429", "500", "503", "Esc"}
    for file in sorted((WEB / "templates").rglob("*.html")):
        text = file.read_text()
        text = re.sub(r"{% comment %}.*?{% endcomment %}", "", text, flags=re.DOTALL)
        text = re.sub(r"{% blocktranslate.*?{% endblocktranslate %}", "", text, flags=re.DOTALL)
        text = re.sub(r"{% block narrow %}.*?{% endblock %}", "", text)
        text = re.sub(r"{%.*?%}|{{.*?}}", "\n", text)
        text = re.sub(r"<[^>]*>", "\n", text)
        bare = {word.strip() for word in text.split("\n") if re.search(r"[A-Za-z]{2,}|\d{3}", word)}
        bare = {re.sub(r"^[\s·.]+|[\s·.]+$", "", word) for word in bare}
        assert bare <= allowed, f"{file.name}: {bare - allowed}"
