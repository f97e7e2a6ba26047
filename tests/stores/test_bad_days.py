"""A store that is busy, hangs, loses its answer or hides errors in it: what is told is what is."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import obstore
import pytest
from obstore.store import S3Store

from ebbtide.domain.errors import StoreUnreachable
from ebbtide.domain.outcome import AlreadyGone, Failed, Purged
from ebbtide.stores.objects import Objects, opening
from ebbtide.stores.objects.pace import Pace, Patience, Timing
from tests.stores import seaweed
from tests.stores.proxy import Deed, Proxy, between

CELL = "org_1/que_1/2026-01-01/audio"
NEIGHBOUR = "org_2/que_1/2026-01-01/audio/0"
_numbers = itertools.count(1)


class Time:
    """A clock that is moved by who sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    @property
    def timing(self) -> Timing:
        return Timing(sleep=self.sleep, monotonic=lambda: self.now, chance=lambda: 1.0)


class Scene:
    """A store behind a proxy, with so many objects and a neighbour's one."""

    def __init__(self, proxy: Proxy, server: seaweed.Seaweed, *, count: int) -> None:
        self.prefix = f"bad-{next(_numbers)}"
        self.proxy = proxy
        self.client = server.client()
        self.time = Time()
        self.objects = Objects(f"s3://{seaweed.BUCKET}/{self.prefix}", timing=self.time.timing)
        self.keys = [f"{CELL}/{number}" for number in range(count)]
        self.objects.put(NEIGHBOUR, [b"x"])
        direct = S3Store(
            seaweed.BUCKET, prefix=self.prefix, endpoint=server.endpoint, client_options={"allow_http": True}
        )
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: obstore.put(direct, key, b"x"), self.keys))

    def left(self) -> set[str]:
        found = seaweed.listed(self.client, prefix=f"{self.prefix}/org_")
        return {key.removeprefix(f"{self.prefix}/") for key in found}


@pytest.fixture
def proxy(s3_settings: seaweed.Seaweed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with between(s3_settings.endpoint) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint)
        yield running


def first(count: int, deed: Deed) -> "itertools.chain[Deed]":
    return itertools.chain([deed] * count, itertools.repeat(Deed.PASS))


def of_deletes(proxy: Proxy, deeds: Iterator[Deed]) -> None:
    proxy.decide = lambda request: next(deeds) if request.deletes else Deed.PASS


def test_a_store_that_asks_for_less_is_given_less(proxy: Proxy, s3_settings: seaweed.Seaweed) -> None:
    scene = Scene(proxy, s3_settings, count=400)
    of_deletes(proxy, first(3, Deed.SLOW_DOWN))
    before = scene.objects.pace.at_once
    assert set(scene.objects.destroy(scene.keys)) == {Purged()}
    assert scene.objects.pace.at_once <= before // 2 + 1, "halved once, and one more since"
    assert scene.time.slept == [0.2]
    assert scene.left() == {NEIGHBOUR}


def test_an_answer_that_is_lost_after_the_deed_is_looked_into_before_asking_again(
    proxy: Proxy, s3_settings: seaweed.Seaweed
) -> None:
    scene = Scene(proxy, s3_settings, count=120)
    of_deletes(proxy, itertools.repeat(Deed.LOSE))
    asked = [*scene.keys, f"{CELL}/none"]
    assert list(scene.objects.destroy(asked)) == [*[Purged()] * 120, AlreadyGone()]
    assert len([one for one in proxy.seen if one.deletes]) == 3, "each of the three requests once"
    assert scene.left() == {NEIGHBOUR}
    assert set(scene.objects.destroy(asked)) == {AlreadyGone()}


@pytest.mark.parametrize("named", ["7", "nobody"])
def test_errors_inside_a_good_answer_are_looked_into(proxy: Proxy, s3_settings: seaweed.Seaweed, named: str) -> None:
    """It deletes what it is asked and says of one key that it did not, or of one that nobody asked for."""
    scene = Scene(proxy, s3_settings, count=40)
    proxy.decide = lambda request: Deed.INSIDE if request.deletes else Deed.PASS
    error = f"<Error><Key>{scene.prefix}/{CELL}/{named}</Key><Code>AccessDenied</Code><Message>no</Message></Error>"
    proxy.inside = lambda answer: answer.replace(b"</DeleteResult>", f"{error}</DeleteResult>".encode())
    assert set(scene.objects.destroy(scene.keys)) == {Purged()}, "it is gone, whatever was said of it"
    assert scene.left() == {NEIGHBOUR}


def test_success_inside_an_answer_is_looked_into(proxy: Proxy, s3_settings: seaweed.Seaweed) -> None:
    scene = Scene(proxy, s3_settings, count=3)
    proxy.decide = lambda request: Deed.LIE if request.deletes else Deed.PASS
    outcomes = scene.objects.destroy([*scene.keys, f"{CELL}/none"])
    lied = Failed("the store says it is deleted, and lists it")
    assert list(outcomes) == [lied, lied, lied, AlreadyGone()]
    assert scene.left() == {*scene.keys, NEIGHBOUR}


def test_a_store_that_is_busy_for_good_is_given_up(proxy: Proxy, s3_settings: seaweed.Seaweed) -> None:
    scene = Scene(proxy, s3_settings, count=60)
    of_deletes(proxy, itertools.repeat(Deed.SLOW_DOWN))
    with pytest.raises(StoreUnreachable, match=r"SlowDown|503"):
        scene.objects.destroy(scene.keys)
    assert scene.time.slept == [0.2, 0.4, 0.8, 1.6, 3.2]
    assert scene.objects.pace.at_once == 1
    assert scene.left() == {*scene.keys, NEIGHBOUR}


def test_what_was_done_before_a_store_was_given_up_is_told_as_done(proxy: Proxy, s3_settings: seaweed.Seaweed) -> None:
    scene = Scene(proxy, s3_settings, count=400)
    of_deletes(proxy, itertools.chain([Deed.PASS], itertools.repeat(Deed.SLOW_DOWN)))
    outcomes = scene.objects.destroy(scene.keys)
    gone = {key for key, outcome in zip(scene.keys, outcomes, strict=True) if outcome == Purged()}
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert len(gone) == 50
    assert len(failed) == 350
    assert all("busy for too long" in outcome.reason for outcome in failed)
    assert scene.left() == {*scene.keys, NEIGHBOUR} - gone


def test_a_store_that_hangs_is_given_up_after_a_bounded_time(
    proxy: Proxy, s3_settings: seaweed.Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(opening.CLIENT, "timeout", timedelta(seconds=0.3))
    scene = Scene(proxy, s3_settings, count=60)
    of_deletes(proxy, itertools.repeat(Deed.HANG))
    with pytest.raises(StoreUnreachable):
        scene.objects.destroy(scene.keys)
    assert len([one for one in proxy.seen if one.deletes]) <= 2 * Patience().attempts
    of_deletes(proxy, itertools.repeat(Deed.PASS))
    assert set(scene.objects.destroy(scene.keys)) == {Purged()}


def test_patience_ends_by_time_too() -> None:
    time = Time()
    tries = 0
    for _ in Patience(attempts=50, in_all_s=60).tries(time.timing):
        tries += 1
        time.now += 25  # each request hangs so long
    assert tries == 3
    assert time.now < 90


def test_waits_grow_and_are_no_longer_than_the_longest() -> None:
    time = Time()
    assert list(Patience(attempts=9, in_all_s=1_000).tries(time.timing)) == list(range(9))
    assert time.slept == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    hurried = Timing(sleep=time.sleep, monotonic=lambda: time.now, chance=lambda: 0.0)
    time.slept.clear()
    list(Patience(attempts=3).tries(hurried))
    assert time.slept == [0.1, 0.2], "by chance between half and all of it"


def test_pace_grows_while_answers_hold_their_time_and_halves_where_refused() -> None:
    pace = Pace(first=4, most=6)
    for expected in (5, 6, 6):
        pace.learn(seconds_a_key=0.001, refused=False)
        assert pace.at_once == expected
    pace.learn(seconds_a_key=0.01, refused=False)
    assert pace.at_once == 6, "it got slower: no more, no fewer"
    for expected in (3, 1, 1):
        pace.learn(seconds_a_key=None, refused=True)
        assert pace.at_once == expected
    pace.learn(seconds_a_key=0.01, refused=False)
    assert pace.at_once == 2
    pace.learn(seconds_a_key=None, refused=False)
    assert pace.at_once == 2


def test_a_listing_in_order_reads_no_more_than_the_stretch_asked_for(
    proxy: Proxy, s3_settings: seaweed.Seaweed
) -> None:
    scene = Scene(proxy, s3_settings, count=1_500)
    scene.keys.sort()
    for in_order in (False, True):
        scene.objects.trust_order(in_order)
        proxy.seen.clear()
        asked = scene.keys[700:720]
        assert scene.objects.missing([*asked, f"{CELL}/none"]) == {f"{CELL}/none"}
        listings = [one for one in proxy.seen if one.method == "GET"]
        assert len(listings) == 2 - in_order
    assert set(scene.objects.destroy(scene.keys[700:720])) == {Purged()}
    assert scene.left() == {*scene.keys[:700], *scene.keys[720:], NEIGHBOUR}


def test_a_listing_that_is_in_no_order_is_read_to_its_end(
    proxy: Proxy, s3_settings: seaweed.Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(proxy, s3_settings, count=30)
    scene.objects.trust_order(True)
    presence = scene.objects._presence
    mixed = sorted(scene.keys, reverse=True)
    monkeypatch.setattr(presence, "pages", lambda _folder, **_asked: iter([mixed[:20], mixed[20:]]))
    assert scene.objects.missing(scene.keys[:5]) == set()
    assert not presence.in_order
