"""Bad input at the command line: exit 2 or a reject, one message that names the field, and nothing has changed.

In this process rather than as processes of their own: the same commands, a hundred times faster.
"""

import csv
import gzip
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from typer.testing import CliRunner, Result

from ebbtide.apps.orgs.models import Organization
from ebbtide.cli.commands import app
from ebbtide.pg.launcher import Urls
from tests import cast

MAP = """
[columns]
key = "id"
queue = "q"
[time]
ended_at = "end"
"""
GOOD = "id,q,end\n1,Sales,2026-03-01T10:00:00Z\n"
DAYS = "Days must be a whole number from 1 to 5000, not {}."
COUNTED = (
    "orgs_organization", "orgs_user", "catalog_queue", "catalog_cell", "insights_segment", "insights_setaside",
    "media_mediaobject", "media_upload", "policies_retentionjob", "runs_plan", "runs_run", "ledger_entry",
)  # fmt: skip


@pytest.fixture
def ours(database: Urls, monkeypatch: pytest.MonkeyPatch) -> Organization:
    """Our organization, with another beside it that has a Q of its own."""
    monkeypatch.setattr(settings, "EBBTIDE_EMBEDDED", False)
    org, other = cast.centre("Ours"), cast.centre("Other")
    cast.load(org, cast.calls("Sales", day=date(2026, 1, 1), count=3))
    cast.load(other, cast.calls("Secret", day=date(2026, 1, 1), count=3))
    return org


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def state(urls: Urls) -> dict[str, list[Any]]:
    """Every row of every table that input could change, seen past row-level security, as nothing of the product can."""
    with psycopg.connect(urls.superuser) as connection:
        return {
            table: connection.execute(f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1").fetchall()  # noqa: S608
            for table in COUNTED
        }


@pytest.fixture
def unchanged(ours: Organization, database: Urls) -> Iterator[None]:
    """Hold that nothing has changed once the test is over."""
    before = state(database)
    yield
    assert state(database) == before


JOB = ("job", "create", "Ours")
ORG = ("org", "create", "New", "--onboarded", "2024-01-01")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        *[
            ((*JOB, "--global", "--days", text), f"days: {DAYS.format(repr(text))}")
            for text in ("0", "-1", "5001", "1.5", "", "30 days", "1e9", "NaN", "None", "٣٠")
        ],
        ((*JOB, "--days", "30"), "queue: A job is either --global or names Qs with --queue: give one of the two."),
        ((*JOB, "--queue", "", "--days", "30"), "queue: Name at least one Q."),
        ((*JOB, "--queue", "Secret", "--days", "30"), "There is no Q 'Secret' here"),
        ((*JOB, "--queue", "que_2", "--days", "30"), "There is no Q 'que_2' here"),
        ((*JOB, "--queue", "../Sales", "--days", "30"), "There is no Q '../Sales' here"),
        (("job", "create", "Nobody", "--global", "--days", "30"), "org: There is no organization 'Nobody'"),
        ((*ORG, "--tz", "Mars/Base"), "tz: There is no time zone 'Mars/Base': use an IANA name"),
        ((*ORG, "--tz", ""), "tz: There is no time zone '': use an IANA name"),
        ((*ORG, "--tz", "../../etc/passwd"), "tz: There is no time zone '../../etc/passwd'"),
        ((*ORG, "--tz", "UTC", "--night", "25:00"), "night: '25:00' is not a time of day: write it as HH:MM"),
        (("org", "create", "New", "--tz", "UTC", "--onboarded", "1.1.2024"), "onboarded: '1.1.2024' is not a date"),
        (("org", "create", "", "--tz", "UTC", "--onboarded", "2024-01-01"), "name: The organization's name must be"),
        (("org", "create", "a\nb", "--tz", "UTC", "--onboarded", "2024-01-01"), "name: The organization's name must"),
        (("org", "create", "Ours", "--tz", "UTC", "--onboarded", "2024-01-01"), "name: There is an organization"),
        (("org", "arm", "Ours"), "reason: Give a reason"),
        (("plan", "make", "Ours", "--as-of", "2999-01-01"), "as-of: 2999-01-01 is in the future: in Europe/Berlin"),
        (("run", "start", "Ours", "--as-of", "2999-01-01"), "as-of: 2999-01-01 is in the future: in Europe/Berlin"),
        (("run", "start", "Ours", "--as-of", "yesterday"), "as-of: 'yesterday' is not a date: write it as YYYY-MM-DD"),
        (("run", "start", "Ours", "--plan", "plan_999"), "plan: There is no plan 'plan_999' here"),
        (("run", "cancel", "run_9"), "run: There is no run 'run_9' here"),
        (("user", "create", "nobody"), "email: 'nobody' is not an e-mail address"),
        (("web", "--host", "no.such.host.invalid"), "host: 'no.such.host.invalid' is no address"),
        (("web", "--host", "192.0.2.1"), "host: 192.0.2.1 cannot be listened on"),
        (("web", "--port", "0"), "Invalid value for '--port'"),
        (("worker", "--concurrency", "0"), "Invalid value for '--concurrency'"),
        (("demo",), "DATABASE_URL: The demo has a database of its own"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2, done.stderr
    assert message in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    if not message.startswith("Invalid value"):  # those come with their usage, in a frame
        assert len(done.stderr.splitlines()) == 1, "one clear message"


def test_a_refusal_is_readable_for_machines(ours: Organization) -> None:
    done = run(*JOB, "--global", "--days", "0", "--format", "json")
    assert done.exit_code == 2
    assert json.loads(done.stderr) == {
        "error": "job_invalid",
        "field": "days",
        "message": DAYS.format("'0'"),
    }


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("name", "content", "columns", "message"),
    [
        ("calls.csv", b"", MAP, "calls.csv is empty (0 bytes): export it again."),
        ("calls.csv", b"id,q,stop\n1,Sales,2026-03-01T10:00:00Z\n", MAP, "'end'"),
        ("calls.csv.gz", gzip.compress(GOOD.encode() * 500)[:-20], MAP, "calls.csv.gz"),
        ("calls.csv.gz", b"no gzip at all", MAP, "calls.csv.gz"),
        ("calls.csv", b"id,q,end\na\0b,Sales,2026-03-01T10:00:00Z\n", MAP, "line 2 holds a NUL character"),
        ("calls.csv", "id,q,end\n1,Käse,2026-03-01T10:00:00Z\n".encode("latin-1"), MAP, "UTF-8"),
        ("calls.csv", GOOD.encode(), MAP.replace('ended_at = "end"', ""), "time.ended_at"),
        ("calls.csv", GOOD.encode(), "columns = [", "not TOML"),
    ],
    ids=["empty", "missing column", "truncated", "no gzip", "NUL", "latin-1", "map without time", "no map"],
)
def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, name: str, content: bytes, columns: str, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "map.toml").write_text(columns)
    done = run("import", "segments", str(tmp_path / name), "--org", "Ours", "--map", str(tmp_path / "map.toml"))
    assert done.exit_code == 2, done.stdout + done.stderr
    assert message in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.usefixtures("unchanged")
def test_keys_that_reach_elsewhere_are_rejected_with_line_and_reason(tmp_path: Path) -> None:
    bad = ["../1", "a/../../b", "a\nb", "a\rb", "", "k" * 1_025]
    with (tmp_path / "calls.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "q", "end"])
        rows.writerows([key, "Sales", "2026-03-01T10:00:00Z"] for key in bad)
    (tmp_path / "map.toml").write_text(MAP)
    done = run(
        "import", "segments", str(tmp_path / "calls.csv"), "--org", "Ours", "--map", str(tmp_path / "map.toml"),
        "--format", "json",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["read"], told["rejected"], told["imported"]) == (len(bad), len(bad), 0)
    with Path(told["rejects_file"]).open(newline="") as file:
        rejects = list(csv.DictReader(file))
    assert len(rejects) == len(bad)
    assert all(reject["line"].isdigit() and "key" in reject["reason"] for reject in rejects)


@pytest.mark.usefixtures("unchanged")
def test_recordings_from_outside_the_manifests_folder_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "secret.wav").write_bytes(b"not yours")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.wav").symlink_to(tmp_path / "secret.wav")
    key = "call-Sales-2026-01-01-0"
    lines = [
        {"file": "../secret.wav", "kind": "audio", "segment": key},
        {"file": str(tmp_path / "secret.wav"), "kind": "audio", "segment": key},
        {"file": "link.wav", "kind": "audio", "segment": key},
        {"file": "a\0.wav", "kind": "audio", "segment": key},
        {"file": "link.wav", "kind": "video", "segment": key},
        {"file": "link.wav", "kind": "audio", "segment": "a\nb"},
        {"file": "link.wav", "kind": "audio", "segment": "../../b"},
        {"file": "", "kind": "audio", "segment": key},
    ]
    manifest = tmp_path / "in" / "manifest.jsonl"
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = run("import", "media", str(manifest), "--org", "Ours", "--format", "json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["read"], told["rejected"], told["imported"]) == (len(lines), len(lines), 0)
