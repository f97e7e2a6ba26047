"""Recordings as they are played and taken away: parts, types, rights, and the access log; waveform and transcript."""

import io
import json
import wave
from random import Random

import pytest
from django.test import Client

from ebbtide.apps.accounts.models import DataAccess
from ebbtide.apps.catalog.identity import segment_id
from ebbtide.apps.demo.speech import conversation
from ebbtide.apps.interactions import waveform
from ebbtide.apps.interactions.ranges import OutOfReachError, asked_part
from ebbtide.apps.media.formats import format_of
from ebbtide.apps.media.models import MediaObject
from ebbtide.apps.media.transcripts import Turn, read_transcript
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization, Permission
from ebbtide.domain.cell import DataType
from ebbtide.web.context.interactions import TranscriptPage, WaveformPage
from tests.apps.reports.purging import purge
from tests.cast import calls, centre, load, record

from .conftest import days_ago, job_for, person, signed_in

SOUND = conversation(Random(7), mark=b"x")  # noqa: S311 - how it sounds
SCRIPT = b"<script>alert(1)</script>"
SAID = {
    "turns": [
        {"speaker": "agent", "start_ms": 0, "end_ms": 900, "text": "Good <morning>."},
        {"speaker": "customer", "start_ms": 950, "end_ms": 1800, "text": "Hello, the roof leaks."},
    ]
}


@pytest.fixture
def alice(database: object) -> Organization:
    org = centre("Alice's")
    load(org, calls("Sales", day=days_ago(org, 3), count=3))
    for kind, content in (
        (DataType.AUDIO, SOUND),
        (DataType.TRANSCRIPT, json.dumps(SAID).encode()),
        (DataType.DESKTOP, SCRIPT),
    ):
        record(org, key(org), kind=kind, content=content)
    person("alice@example.org", org=org, admin=True)
    person("bob.listens@example.org", org=org, may=Permission.RECORDINGS_LISTEN)
    person("bob.takes@example.org", org=org, may=Permission.RECORDINGS_DOWNLOAD)
    person("bob.reads@example.org", org=org, may=Permission.INSIGHTS_VIEW)
    return org


@pytest.fixture
def charlie(database: object) -> Organization:
    org = centre("Charlie's")
    load(org, calls("Sales", day=days_ago(org, 3), count=3))
    record(org, key(org), kind=DataType.AUDIO, content=SOUND)
    person("charlie@example.org", org=org, admin=True)
    return org


def key(org: Organization, number: int = 0) -> str:
    return f"call-Sales-{days_ago(org, 3)}-{number}"


def address(org: Organization, kind: DataType, then: str = "") -> str:
    with acting_in(org.id):
        number = MediaObject.objects.get(kind=kind).id
    return f"/o/org_{org.id}/interactions/recordings/rec_{number}/{then}"


def segment(org: Organization, number: int = 0) -> str:
    return str(segment_id(key(org, number), pepper=bytes(org.pepper)))


def log(org: Organization) -> list[tuple[str, str, str]]:
    with acting_in(org.id):
        return list(DataAccess.objects.order_by("id").values_list("actor", "action", "kind"))


@pytest.fixture
def bob(alice: Organization, charlie: Organization) -> Client:
    return signed_in("bob.listens")


def test_a_player_gets_all_of_it_or_the_part_it_asks_for(bob: Client, alice: Organization) -> None:
    path, size = address(alice, DataType.AUDIO), len(SOUND)
    whole = bob.get(path)
    assert (whole.status_code, b"".join(whole)) == (200, SOUND)
    assert whole["Content-Type"] == "audio/wav"
    assert whole["Accept-Ranges"] == "bytes"
    assert int(whole["Content-Length"]) == size
    for asked, first, last in (("0-", 0, size - 1), ("100-199", 100, 199), ("-10", size - 10, size - 1),
                               (f"5-{size * 9}", 5, size - 1), (f"{size - 1}-", size - 1, size - 1)):  # fmt: skip
        part = bob.get(path, headers={"Range": f"bytes={asked}"})
        assert part.status_code == 206, asked
        assert part["Content-Range"] == f"bytes {first}-{last}/{size}"
        assert int(part["Content-Length"]) == last - first + 1
        assert b"".join(part) == SOUND[first : last + 1]
    for asked in (f"{size}-", "-0"):
        answer = bob.get(path, headers={"Range": f"bytes={asked}"})
        assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{size}")
    for asked in ("0-1,5-6", "7-3", "x-", "-", ""):
        assert bob.get(path, headers={"Range": f"bytes={asked}"}).status_code == 200, asked
    tag = whole["ETag"]
    assert bob.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert bob.get(path, headers={"Range": "bytes=0-1", "If-Range": tag}).status_code == 206
    assert bob.get(path, headers={"Range": "bytes=0-1", "If-Range": '"other"'}).status_code == 200
    head = bob.head(path)
    assert (head.status_code, head.content, int(head["Content-Length"])) == (200, b"", size)
    assert log(alice) == [("bob.listens@example.org", "listen", "audio")]  # all of one sitting


def test_nothing_uploaded_runs_in_a_browser(bob: Client, alice: Organization) -> None:
    answer = bob.get(address(alice, DataType.DESKTOP))
    assert b"".join(answer) == SCRIPT
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith('attachment; filename="ebbtide-rec_')
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "no-store" in answer["Cache-Control"]


def test_who_may_listen_download_or_neither(bob: Client, alice: Organization, charlie: Organization) -> None:
    path, download = address(alice, DataType.AUDIO), address(alice, DataType.AUDIO, "download/")
    transcript = f"/o/org_{alice.id}/interactions/{segment(alice)}/transcript/"
    taking, reading = signed_in("bob.takes"), signed_in("bob.reads")
    for client, listens, takes in ((bob, 200, 403), (taking, 200, 200), (reading, 403, 403)):
        assert client.get(path).status_code == listens
        assert client.get(download).status_code == takes
        assert client.get(address(alice, DataType.AUDIO, "waveform/")).status_code == listens
        assert client.get(transcript).status_code == listens
    assert [line for line in log(alice) if line[1] == "download"] == [("bob.takes@example.org", "download", "audio")]
    assert ("bob.listens@example.org", "read", "transcript") in log(alice)
    stranger = signed_in("charlie")
    assert stranger.get(path).status_code == 404
    theirs = address(charlie, DataType.AUDIO).replace(f"org_{charlie.id}", f"org_{alice.id}")
    assert signed_in("alice").get(theirs).status_code == 404
    assert log(charlie) == []


def test_an_interaction_s_page_offers_what_one_may(bob: Client, alice: Organization) -> None:
    page = f"/o/org_{alice.id}/interactions/{segment(alice)}/"
    text = signed_in("alice").get(page).content.decode()
    assert 'preload="none"' in text
    assert "/download/" in text
    text = signed_in("bob.reads").get(page).content.decode()
    assert "<audio" not in text
    assert "/download/" not in text
    assert "needs the permission to listen" in text
    assert log(alice) == []  # nothing was played yet


def test_what_is_purged_is_not_there_any_more(bob: Client, alice: Organization, charlie: Organization) -> None:
    path, theirs = address(alice, DataType.AUDIO), address(charlie, DataType.AUDIO)
    job_for(alice, 1)
    purge(alice)
    for then in ("", "waveform/"):
        assert bob.get(path + then).status_code == 404
    text = bob.get(f"/o/org_{alice.id}/interactions/{segment(alice)}/transcript/").content.decode()
    assert "No transcript of it is stored." in text
    assert b"".join(signed_in("charlie").get(theirs)) == SOUND


def test_waveform_and_transcript(bob: Client, alice: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: WaveformPage = bob.get(address(alice, DataType.AUDIO, "waveform/")).context["page"]
    with wave.open(io.BytesIO(SOUND)) as file:
        seconds = file.getnframes() / file.getframerate()
    assert shown.chart is not None
    assert abs(shown.chart.seconds - seconds) < 0.1
    assert bob.get(address(alice, DataType.DESKTOP, "waveform/")).context["page"].chart is None
    monkeypatch.setattr(waveform.AT_ONCE, "acquire", lambda **_: False)
    assert bob.get(address(alice, DataType.AUDIO, "waveform/")).context["page"].busy
    answer = bob.get(f"/o/org_{alice.id}/interactions/{segment(alice)}/transcript/")
    page: TranscriptPage = answer.context["page"]
    assert [turn.text for turn in page.parts[0].turns] == ["Good <morning>.", "Hello, the roof leaks."]
    assert 'data-start="950"' in answer.content.decode()
    assert "Good &lt;morning&gt;." in answer.content.decode()
    for wrong in (segment(alice).upper(), "x", "0" * 32, str(segment_id("never", pepper=bytes(alice.pepper)))):
        assert bob.get(f"/o/org_{alice.id}/interactions/{wrong}/transcript/").status_code == 404


def test_how_loud_it_is() -> None:
    def tone(*levels: int) -> bytes:
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(8_000)
            for level in levels:
                out.writeframes(level.to_bytes(2, "little", signed=True) * 4_000)
        return file.getvalue()

    found = waveform.loudness(tone(1_000, -16_000, 8_000))
    assert found is not None
    peaks, seconds = found
    assert abs(seconds - 1.5) < 0.1
    third = len(peaks) // 3
    assert max(peaks[2 : third - 2]) < 0.1
    assert min(peaks[third + 2 : 2 * third - 2]) > 0.95
    assert 0.4 < max(peaks[2 * third + 2 : -2]) < 0.6
    for nothing in (b"", SCRIPT, SOUND[:20], b"RIFF" + b"\0" * 60):
        assert waveform.loudness(nothing) is None


@pytest.mark.parametrize(
    ("head", "kind", "found"),
    [
        (SOUND[:64], DataType.AUDIO, "audio/wav"),
        (b"\0\0\0\x20ftypM4A ", DataType.AUDIO, "audio/mp4"),
        (b"\0\0\0\x20ftypisom", DataType.DESKTOP, "video/mp4"),
        (b"\x1aE\xdf\xa3", DataType.DESKTOP, "video/webm"),
        (b"OggS", DataType.AUDIO, "audio/ogg"),
        (b"\xff\xfb\x90", DataType.AUDIO, "audio/mpeg"),
        (b"\xff\xd8\xff", DataType.AUDIO, "application/octet-stream"),  # a JPEG
        (b"<html>", DataType.AUDIO, "application/octet-stream"),
        (b"<html>", DataType.TRANSCRIPT, "text/plain; charset=utf-8"),
        (b' {"turns"', DataType.TRANSCRIPT, "application/json"),
        (b"", DataType.AUDIO, "application/octet-stream"),
    ],
)
def test_what_it_is_goes_by_its_first_bytes(head: bytes, kind: DataType, found: str) -> None:
    assert format_of(head, kind=kind).type == found


def test_transcripts_of_several_makers_are_read() -> None:
    seconds = {"segments": [{"start": 1.5, "end": 2, "text": " Yes. "}, {"text": ""}, 7, {"start": -1, "text": "No."}]}
    assert read_transcript(json.dumps(seconds).encode()) == (
        Turn(1500, 2000, "", "Yes."),
        Turn(None, None, "", "No."),
    )
    assert read_transcript("\ufeffOne\n\n two ".encode()) == (Turn(None, None, "", "One"), Turn(None, None, "", "two"))
    for nothing in (b"\xff\xfe\0", b"[]", b"{}", b"[[[", b"[" * 100_000, b""):
        assert all(turn.start_ms is None for turn in read_transcript(nothing))


def test_ranges_no_header_can_break() -> None:
    for header in ("bytes=" + "9" * 30 + "-", "bytes=0-" + "9" * 30, "items=0-1", "bytes=١-٢"):  # noqa: RUF001 - digits that are none
        assert asked_part(header, size=10) is None
    with pytest.raises(OutOfReachError):
        asked_part("bytes=0-", size=0)
