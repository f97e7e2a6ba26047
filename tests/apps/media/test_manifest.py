"""Every line of a manifest is a recording or a reject with its number and reason; a bad manifest is refused whole."""

import csv
import json
import os
from pathlib import Path

import pytest

from ebbtide.apps.media import importing
from ebbtide.apps.media.manifest import Line, Rejected, read_manifest
from ebbtide.domain.errors import InputInvalid
from tests.apps.media.scene import DAY, Scene
from tests.cast import counted, everything, load


def lines(path: Path) -> list[Line | Rejected]:
    return list(read_manifest(path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one recording; beside it, out of reach, another."""
    inside = tmp_path / "recordings"
    inside.mkdir()
    (inside / "a.wav").write_bytes(b"a")
    (inside / "sub").mkdir()
    (inside / "sub" / "b ü.wav").write_bytes(b"b")
    (tmp_path / "secret.wav").write_bytes(b"not yours")
    (inside / "out.wav").symlink_to(tmp_path / "secret.wav")
    (inside / "round.wav").symlink_to(inside / "round.wav")
    os.mkfifo(inside / "pipe.wav")
    return inside


BAD = [
    ({"file": "../secret.wav"}, "outside"),
    ({"file": "sub/../../secret.wav"}, "outside"),
    ({"file": "/etc/hostname"}, "outside"),
    ({"file": "out.wav"}, "outside"),
    ({"file": "a\0.wav"}, "outside"),
    ({"file": "round.wav"}, "not there"),
    ({"file": "pipe.wav"}, "not there"),
    ({"file": "sub"}, "not there"),
    ({"file": "."}, "not there"),
    ({"file": "none.wav"}, "not there"),
    ({"file": "a.wav/b.wav"}, "not there"),
    ({"file": "n" * 300}, "not there"),
    ({"file": "a\n.wav"}, "not there"),
    ({"file": "a\ud800.wav"}, "not there"),
    ({"file": ""}, "file is missing"),
    ({"file": None}, "file is missing"),
    ({"file": 7}, "file is missing"),
    ({"kind": "video"}, "none of audio, transcript, desktop"),
    ({"kind": "AUDIO"}, "none of audio, transcript, desktop"),
    ({"kind": "insights"}, "none of audio, transcript, desktop"),
    ({"kind": "\ud800"}, "none of audio, transcript, desktop"),
    ({"kind": ""}, "kind is missing"),
    ({"segment": ""}, "segment is missing"),
    ({"segment": "a\0b"}, "control characters"),
    ({"segment": "a\nb"}, "control characters"),
    ({"segment": "a\u202eb"}, "control characters"),
    ({"segment": "a\ud800"}, "control characters"),
    ({"segment": "../a"}, "control characters"),
]


@pytest.mark.parametrize(("change", "reason"), BAD)
def test_a_bad_line_is_rejected_alone(folder: Path, change: dict[str, object], reason: str) -> None:
    good = {"file": "a.wav", "kind": "audio", "segment": "s1"}
    path = folder / "m.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in (good, good | change, good)) + "\n")
    first, bad, last = lines(path)
    assert isinstance(first, Line)
    assert isinstance(last, Line)
    assert isinstance(bad, Rejected)
    assert (bad.line, last.line) == (2, 3)
    assert reason in bad.reason
    bad.row.encode()  # can be written to the file of rejects
    bad.reason.encode()


def test_good_lines(folder: Path) -> None:
    path = folder / "m.csv"
    path.write_bytes(
        "\ufefffile,kind,segment,more\r\na.wav,audio,s1,x\r\n\r\n"
        '"sub/b ü.wav",desktop,"s,2",\r\nsub/../a.wav,transcript,Ü/3\r\n'.encode()
    )
    assert [(one.line, one.path.name, one.kind, one.source_key) for one in lines(path) if isinstance(one, Line)] == [
        (2, "a.wav", "audio", "s1"),
        (4, "b ü.wav", "desktop", "s,2"),
        (5, "a.wav", "transcript", "Ü/3"),
    ]


@pytest.mark.parametrize("text", ["not json", "[1]", "3", "null", '{"file": "a.wav"', "[" * 100_000])
def test_a_line_that_is_no_json_object_is_rejected_alone(folder: Path, text: str) -> None:
    path = folder / "m.jsonl"
    good = json.dumps({"file": "a.wav", "kind": "audio", "segment": "s1"})
    path.write_text(f"{text}\n\n  \n{good}\n")
    bad, line = lines(path)
    assert isinstance(bad, Rejected)
    assert (bad.line, bad.reason) == (1, "it is not a JSON object")
    assert isinstance(line, Line)
    assert line.line == 4


REFUSED = [
    ("m.csv", b"", "is empty"),
    ("m.jsonl", b"", "is empty"),
    ("m.csv", b"file,kind\na.wav,audio\n", "no column 'segment'"),
    ("m.csv", b"\n\n", "no column 'file'"),
    ("m.csv", b"File,Kind,Segment\n", "no column 'file'"),
    ("m.csv", "file,kind,segment\na.wav,audio,Größe\n".encode("latin-1"), "cannot be read"),
    ("m.jsonl", '{"file": "Größe"}\n'.encode("latin-1"), "cannot be read"),
    ("m.csv", "file,kind,segment\na.wav,audio,s1\n".encode("utf-16"), "cannot be read"),
    ("m.csv", b'file,kind,segment\n"a.wav"x,audio,s1\n', "cannot be read"),
    ("m.csv", b'file,kind,segment\n"a.wav,audio,s1\n', "cannot be read"),
]


@pytest.mark.parametrize(("name", "content", "why"), REFUSED)
def test_a_manifest_that_cannot_be_read_is_refused(folder: Path, name: str, content: bytes, why: str) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(InputInvalid, match=why) as refused:
        lines(folder / name)
    assert refused.value.field == "manifest"


def written(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "kind", "segment"), *rows])
    return path


def test_a_manifest_that_ends_badly_changes_nothing(scene: Scene, folder: Path) -> None:
    """The bad byte lies behind the first batch and behind what is read ahead."""
    rows = [("a.wav", "audio", key) for key in scene.keys] * 400
    path = written(folder / "m.csv", rows)
    path.write_bytes(path.read_bytes() + b"a.wav,audio,Gr\xf6\xdfe\n")
    before = everything(scene.alice)
    with pytest.raises(InputInvalid):
        importing.import_manifest(scene.alice, manifest=path, store=scene.store, rejects=folder / "rejects")
    assert everything(scene.alice) == before
    assert not (folder / "rejects").exists()


def test_an_import_tells_every_end_and_repeats_none(scene: Scene, folder: Path) -> None:
    load(scene.alice, [{"source_key": "no date", "queue": "Sales", "day": None}])
    first, second = scene.keys[:2]
    (folder / "empty.wav").write_bytes(b"")
    rows = [
        ("a.wav", "audio", first),
        ("a.wav", "transcript", first),  # the same content as another kind
        ("a.wav", "audio", first),  # and once more as the same
        ("a.wav", "audio", second),
        ("empty.wav", "desktop", first),
        ("a.wav", "audio", "unknown"),
        ("a.wav", "audio", "no date"),
        ("../secret.wav", "audio", first),
        ("none.wav", "audio", first),
        ("a.wav", "video", first),
        ("a.wav", "audio", scene.foreign),
    ]
    path, rejects = written(folder / "m.csv", rows), folder / "rejects" / "r.csv"
    neighbour = everything(scene.charlie)
    done = importing.import_manifest(scene.alice, manifest=path, store=scene.store, rejects=rejects)
    assert done.counts.told() == {"read": 11, "imported": 4, "already_there": 1, "late": 0, "rejected": 6}
    assert done.rejects == rejects
    assert rejects.stat().st_mode & 0o777 == 0o600
    with rejects.open(newline="", encoding="utf-8") as file:
        told = {int(row["line"]): row["reason"] for row in csv.DictReader(file)}
    assert {number: reason[:30] for number, reason in told.items()} == {
        7: "there is no segment with that ",
        8: "its segment is undatable",
        9: "file '../secret.wav' lies outs",
        10: "file 'none.wav' is not there",
        11: "kind 'video' is none of audio,",
        12: "there is no segment with that ",
    }
    after = everything(scene.alice)
    assert len(after.media) == 4
    assert after.media == after.objects
    assert counted(scene.alice) == {
        (DAY, "Sales", "insights"): 3,
        (DAY, "Sales", "audio"): 2,
        (DAY, "Sales", "transcript"): 1,
        (DAY, "Sales", "desktop"): 1,
    }
    again = importing.import_manifest(scene.alice, manifest=path, store=scene.store, rejects=rejects)
    assert again.counts.told() == {"read": 11, "imported": 0, "already_there": 5, "late": 0, "rejected": 6}
    assert everything(scene.alice) == after
    assert everything(scene.charlie) == neighbour
