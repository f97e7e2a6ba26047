"""A night with nothing due, for many organizations: each gets its plan and its run all the same."""

from datetime import date

from bench.measure import seconds
from ebbtide.apps.policies.services import onboard
from ebbtide.apps.runs.nights import due_nights, run_nights
from ebbtide.engine.clock import SystemClock

CLOCK = SystemClock()


def measure(*, count: int) -> list[str]:
    """Onboard that many organizations and run one night."""
    for number in range(count):
        onboard(f"Quiet {number}", zone="Europe/Berlin", onboarded_on=date(2023, 1, 1), actor="bench")
    report = None

    def night() -> None:
        nonlocal report
        report = run_nights(due_nights(CLOCK.now()), clock=CLOCK)

    taken = seconds(night)
    if report is None or len(report.runs) < count or report.failures:
        raise SystemExit("not every organization had its night: no figure is worth anything")
    again = seconds(lambda: run_nights(due_nights(CLOCK.now()), clock=CLOCK))
    return [
        f"a night of {len(report.runs):,} organizations with nothing due: {taken:.1f} s (asked for 1,000: 60 s)",
        f"that is {taken * 1000 / len(report.runs):.1f} ms for each",
        f"asked again the same night: {again * 1000:.0f} ms in all",
    ]
