"""The profile of an invented contact centre: its queues, agents and customers, and how busy it is when.

A profile holds what a planner of such a centre would tell a visitor (volumes, patience, handling times, opening hours)
and not one call: `calls` draws those. Every person, company and number is invented; telephone numbers come from the
ranges that the regulators of Germany and North America keep free for fiction, addresses from reserved domains.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice, product
from typing import Literal

Channel = Literal["voice", "chat", "email", "sms", "other"]
Topic = Literal["claims", "policy", "sales", "roadside", "billing", "technical", "general"]

MINUTES_PER_DAY = 24 * 60
SATURDAY = 5  # as `date.weekday` counts; in polars weekdays above it are the weekend

# Monday first: the week starts with what the weekend left behind and thins out towards Friday.
WORKING_WEEK = (1.22, 1.06, 1.0, 0.97, 0.87)


@dataclass(frozen=True)
class QueueProfile:
    """Describe one queue.

    Attributes:
        name: as people of the centre say it.
        channel: what the queue takes.
        calls_per_weekday: arrivals on an ordinary working day; only their proportion among the queues matters.
        patience_median_s: half of the waiting customers have left by then, in seconds.
        talk_median_s: half of the conversations are shorter, in seconds.
        talk_sigma: spread of the talk time: standard deviation of its logarithm.
        wrap_median_s: half of the wrap-ups are shorter, in seconds.
        wait_mean_s: mean wait of those who wait at all, in seconds, when the queue is fully but not over-loaded.
        load: demand against staff on an ordinary day; at 1.0 every agent is always busy.
        opens: first open hour of the day, local, 0-23.
        closes: hour at which arrivals end, local, 1-24.
        always: share of the arrivals that come evenly around the clock; 0 for a queue that closes.
        saturday: arrivals of a Saturday against an ordinary working day.
        sunday: arrivals of a Sunday against an ordinary working day.
        hold_share: share of answered conversations with a hold.
        transfer_share: share of answered conversations handed on to another queue.
        callback_share: share of those facing a long wait who ask to be called back.
        overflow_s: after this wait a segment flows out into another queue, in seconds.
        busiest_month: month in which the yearly season peaks, 1-12.
        topic: what people talk about.
    """

    name: str
    channel: Channel
    calls_per_weekday: float
    patience_median_s: float
    talk_median_s: float
    talk_sigma: float = 0.7
    wrap_median_s: float = 35.0
    wait_mean_s: float = 55.0
    load: float = 0.88
    opens: int = 8
    closes: int = 20
    always: float = 0.0
    saturday: float = 0.24
    sunday: float = 0.04
    hold_share: float = 0.16
    transfer_share: float = 0.06
    callback_share: float = 0.12
    overflow_s: float = 300.0
    busiest_month: int = 1
    topic: Topic = "general"

    def level(self, day: date) -> float:
        """Say how busy a date usually is.

        Args:
            day: a local date.

        Returns:
            Usual arrivals against those of an ordinary working day, before season and chance.
        """
        weekday = day.weekday()
        return WORKING_WEEK[weekday] if weekday < SATURDAY else (self.saturday, self.sunday)[weekday - SATURDAY]

    def season(self, day: date) -> float:
        """Say how the yearly season lifts or lowers a date.

        Args:
            day: a local date.

        Returns:
            A factor around 1.
        """
        peak = (self.busiest_month - 0.5) / 12
        return 1 + 0.16 * math.cos(2 * math.pi * (day.timetuple().tm_yday / 365.25 - peak))

    def arrivals_by_minute(self, *, weekend: bool) -> list[float]:
        """Spread a day's arrivals over its minutes.

        Args:
            weekend: a weekend has one late, flat hump; a working day one before lunch and a lower one after it.

        Returns:
            One weight per local minute of the day, 1,440 in all, with sum 1.
        """
        late = {"voice": 0.0, "chat": 1.5, "sms": 1.5, "email": 0.7, "other": 0.0}[self.channel]
        humps = ((1.0, 12.0 + late, 2.6),) if weekend else ((1.0, 10.2 + late, 1.35), (0.85, 14.8 + late, 1.9))
        weights = []
        for minute in range(MINUTES_PER_DAY):
            hour = minute / 60
            weight = sum(height * math.exp(-(((hour - middle) / width) ** 2) / 2) for height, middle, width in humps)
            weights.append(weight if self.opens <= hour < self.closes else 0.0)
        total = sum(weights)
        even = self.always / MINUTES_PER_DAY
        return [even + (1 - self.always) * weight / total for weight in weights]


@dataclass(frozen=True)
class Centre:
    """Describe one contact centre.

    Attributes:
        name: of the organization.
        zone: IANA name of its time zone.
        onboarded: the day it became a customer; decides whether it starts with a job.
        queues: at least one, with different names.
        agents: identities as they appear on segments, at least one.
        key_prefix: start of every source key and interaction id.
        phones: telephone numbers of its customers.
        language: of its customers, as an ISO 639-1 code.
        closed: month and day of the holidays on which only round-the-clock queues work.
    """

    name: str
    zone: str
    onboarded: date
    queues: tuple[QueueProfile, ...]
    agents: tuple[str, ...]
    key_prefix: str
    phones: tuple[str, ...]
    language: str = "en"
    closed: tuple[tuple[int, int], ...] = ((1, 1), (12, 25), (12, 26))

    def skills(self, agent: int) -> frozenset[int]:
        """Say which queues an agent takes.

        Args:
            agent: position in `agents`.

        Returns:
            Positions in `queues`: one main queue, and the next one to help out in.
        """
        # Agents are spread over the queues in proportion to the work of each.
        work = [queue.calls_per_weekday * (queue.talk_median_s + queue.wrap_median_s) for queue in self.queues]
        place, reached, main = (agent * 0.618034) % 1 * sum(work), 0.0, len(work) - 1
        for position, load in enumerate(work):
            reached += load
            if place < reached:
                main = position
                break
        return frozenset({main, (main + 1) % len(work)})

    def on_shift(self, agent: int, *, weekday: int, hour: int) -> bool:
        """Say whether an agent works at an hour.

        Args:
            agent: position in `agents`.
            weekday: 0 for Monday to 6 for Sunday, local.
            hour: 0-23, local.

        Returns:
            Whether the agent is on shift.
        """
        # Five days a week: two days off in a row, for most of them the weekend.
        first_off = 5 if agent % 3 else agent // 3 % 7
        if weekday in {first_off, (first_off + 1) % 7}:
            return False
        begin, end = ((7, 15), (8, 16), (10, 18), (12, 20), (20, 31))[agent % 5]
        return begin <= hour < end or begin <= hour + 24 < end


_FIRST = ("mara", "jonas", "elif", "tobias", "nadja", "imre", "sanne", "lukas", "orla", "piet", "yara", "emil", "greta")
_LAST = ("lindgren", "okafor", "brandt", "vasquez", "demir", "hollis", "petrov", "adeyemi", "novak", "quist", "tanaka")


def _agents(count: int, *, domain: str) -> tuple[str, ...]:
    names = (
        f"{first}.{_LAST[(row + step) % len(_LAST)]}" for step, (row, first) in product(range(11), enumerate(_FIRST))
    )
    return tuple(f"{name}@{domain}" for name in islice(names, count))


# Source: Bundesnetzagentur, numbers set aside for fiction (Berlin, Frankfurt, Hamburg, Cologne, Munich).
_GERMAN = ("+493023125", "+496990009", "+494066969", "+492214710", "+498999998")
GERMAN_PHONES = tuple(f"{place}{number:03d}" for place in _GERMAN for number in range(1000))

# Source: North American Numbering Plan Administration: 555-0100 to 555-0199 of every area are set aside for fiction.
_AREAS = (
    201, 202, 203, 212, 215, 216, 301, 302, 303, 304, 312, 315, 401, 404, 410, 412, 413, 415, 503, 508, 512, 513,
    516, 518, 585, 602, 603, 607, 609, 612, 614, 617, 702, 703, 704, 716, 718, 732, 802, 804, 814, 845, 860, 914,
)  # fmt: skip
AMERICAN_PHONES = tuple(f"+1{area}55501{number:02d}" for area in _AREAS for number in range(100))

HARBOUR = Centre(
    name="Harbour Insurance",
    zone="Europe/Berlin",
    onboarded=date(2021, 5, 17),
    queues=(
        QueueProfile("Claims", "voice", 118, 190, 260, hold_share=0.24, wrap_median_s=70, load=0.93, topic="claims"),
        QueueProfile("Policy Service", "voice", 96, 150, 210, transfer_share=0.09, topic="policy"),
        QueueProfile("New Business", "voice", 41, 85, 330, wait_mean_s=35, load=0.82, busiest_month=11, topic="sales"),
        QueueProfile(
            "Roadside Assistance",
            "voice",
            44,
            320,
            185,
            always=0.35,
            saturday=1.15,
            sunday=1.05,
            opens=6,
            closes=24,
            callback_share=0.04,
            transfer_share=0.03,
            topic="roadside",
        ),
        QueueProfile(
            "Website Chat", "chat", 38, 140, 540, talk_sigma=0.6, wait_mean_s=40, wrap_median_s=20, topic="policy"
        ),
        QueueProfile(
            "Mail Room",
            "email",
            52,
            86_400,
            310,
            wait_mean_s=9_000,
            wrap_median_s=45,
            always=0.25,
            saturday=0.4,
            sunday=0.35,
            transfer_share=0.08,
            topic="claims",
        ),
        QueueProfile("Complaints", "email", 14, 86_400, 520, wait_mean_s=14_000, always=0.25, topic="general"),
    ),
    agents=_agents(52, domain="harbour.example"),
    key_prefix="HB",
    phones=GERMAN_PHONES,
    language="de",
    closed=((1, 1), (5, 1), (10, 3), (12, 25), (12, 26)),
)

LANTERNFISH = Centre(
    name="Lanternfish Mobile",
    zone="America/New_York",
    onboarded=date(2023, 3, 13),
    queues=(
        QueueProfile(
            "Billing", "voice", 132, 140, 240, load=0.91, hold_share=0.2, saturday=0.45, sunday=0.2, topic="billing"
        ),
        QueueProfile(
            "Technical Support",
            "voice",
            121,
            260,
            420,
            talk_sigma=0.8,
            hold_share=0.31,
            load=0.91,
            wait_mean_s=75,
            opens=6,
            closes=24,
            always=0.15,
            saturday=0.8,
            sunday=0.7,
            busiest_month=12,
            topic="technical",
        ),
        QueueProfile(
            "Orders", "voice", 64, 70, 290, load=0.8, wait_mean_s=30, saturday=0.7, busiest_month=12, topic="sales"
        ),
        QueueProfile(
            "Support Chat",
            "chat",
            87,
            150,
            610,
            talk_sigma=0.6,
            wait_mean_s=45,
            saturday=0.8,
            sunday=0.7,
            opens=7,
            closes=24,
            topic="technical",
        ),
        QueueProfile("Text Messages", "sms", 26, 400, 380, wait_mean_s=120, saturday=0.7, sunday=0.5, topic="billing"),
        QueueProfile(
            "Inbox", "email", 33, 86_400, 260, wait_mean_s=7_200, always=0.3, saturday=0.5, sunday=0.5, topic="billing"
        ),
    ),
    agents=_agents(64, domain="lanternfish.example"),
    key_prefix="LF",
    phones=AMERICAN_PHONES,
    closed=((1, 1), (7, 4), (12, 25)),
)


def small_centre(
    *,
    name: str = "Corner Shop",
    zone: str = "UTC",
    queues: Sequence[str | QueueProfile] = ("Sales", "Support"),
    onboarded: date = date(2021, 1, 4),
) -> Centre:
    """Make a centre of eight agents for tests.

    Args:
        name: of the organization; its letters also start the source keys.
        zone: IANA name of its time zone.
        queues: at least one, with different names; a bare name stands for a voice queue, or for a chat or e-mail queue
            if it says so.
        onboarded: the day it became a customer.

    Returns:
        The profile.
    """
    profiles = tuple(queue if isinstance(queue, QueueProfile) else _named(queue) for queue in queues)
    prefix = "".join(letter for letter in name.upper() if letter.isascii() and letter.isalnum())[:6] or "X"
    return Centre(
        name=name,
        zone=zone,
        onboarded=onboarded,
        queues=profiles,
        agents=_agents(8, domain="shop.example"),
        key_prefix=prefix,
        phones=AMERICAN_PHONES[:400],
        closed=(),
    )


def _named(name: str) -> QueueProfile:
    words = name.lower()
    if "chat" in words:
        return QueueProfile(name, "chat", 60, 140, 480)
    if "mail" in words:
        return QueueProfile(name, "email", 40, 86_400, 280, wait_mean_s=7_200)
    return QueueProfile(name, "voice", 100, 150, 240)
