"""Print every figure: `python -m bench [--rows N]`."""

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

from bench import (
    console,
    exports,
    feed,
    forecast,
    ingest,
    interactions,
    nights,
    objects,
    pages,
    partitions,
    purge,
    reports,
    whatif,
    workers,
)
from bench.measure import fresh_database, machine
from ebbtide.pg.launcher import Urls

CALLS = Path("../shared/data/technion_bank_aug1999_d01-15.csv.gz")
NAMES = [
    "purge", "whole", "workers", "objects", "ingest", "nights", "partitions", "pages", "console", "forecast", "reports",
    "interactions", "feed", "exports",
]  # fmt: skip
MAP = Path("docs/examples/bank-calls.toml")


def main() -> None:
    """Run the benchmarks one after the other, on one embedded server."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=5_000_000, help="report rows of the purge and of the pages")
    arguments.add_argument(
        "--share", type=float, default=0.5, help="of the report rows: one organization's, of reports and interactions"
    )
    arguments.add_argument("--organizations", type=int, default=5_000, help="quiet organizations beside the pages'")
    arguments.add_argument("--objects", type=int, default=20_000, help="objects of the purge of objects")
    arguments.add_argument("--only", choices=NAMES)
    asked = arguments.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    sys.stdout.write(f"{machine()}\n")
    for name in NAMES if asked.only is None else [asked.only]:
        with fresh_database() as urls:
            lines = measured(name, urls=urls, asked=asked)
        sys.stdout.write("\n".join([f"\n{name}", *[f"  {line}" for line in lines]]) + "\n")
        sys.stdout.flush()


def measured(name: str, *, urls: Urls, asked: argparse.Namespace) -> list[str]:
    """Give the figures of one benchmark, in words."""
    ways: dict[str, Callable[[], list[str]]] = {
        "purge": lambda: purge.measure(urls, rows=asked.rows, load=purge.SHARED),
        "whole": lambda: purge.measure(urls, rows=asked.rows, load=purge.whole(asked.rows)),
        "workers": lambda: workers.measure(urls, rows=asked.rows),
        "reports": lambda: reports.measure(urls, rows=asked.rows, share=asked.share),
        "interactions": lambda: interactions.measure(urls, rows=asked.rows, share=asked.share),
        "objects": lambda: objects.measure(urls, objects=asked.objects),
        "ingest": lambda: ingest.measure(urls, rows=500_000) + import_of_calls(),
        "feed": lambda: feed.measure(urls, rows=100_000),
        "exports": lambda: exports.measure(rows=200_000, recordings=20_000),
        "nights": lambda: nights.measure(urls, count=1_000),
        "forecast": lambda: forecast.measure() + whatif.measure(urls),
        "pages": lambda: pages.measure(urls, rows=asked.rows, orgs_besides=asked.organizations),
        "console": lambda: console.measure(urls, count=asked.organizations),
        "partitions": lambda: partitions.measure(urls, rows=2_000_000),
    }
    return ways[name]()


def import_of_calls() -> list[str]:
    """Give the figures of an import of real calls, where their file is here."""
    if not CALLS.exists():
        return ["import of real calls: not measured, their file is not here"]
    return ingest.measure_file(calls=CALLS, map_file=MAP, rows=500_000)


if __name__ == "__main__":
    main()
