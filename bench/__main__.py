"""Print every figure: `python -m bench [--rows N]`."""

import argparse
import logging
import sys
from pathlib import Path

import structlog

from bench import console, forecast, ingest, nights, pages, partitions, purge, reports, whatif
from bench.measure import fresh_database, machine

CALLS = Path("../shared/data/technion_bank_aug1999_d01-15.csv.gz")
NAMES = ["purge", "ingest", "nights", "partitions", "pages", "console", "forecast", "reports"]
MAP = Path("docs/examples/bank-calls.toml")


def main() -> None:
    """Run the benchmarks one after the other, on one embedded server."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=5_000_000, help="report rows of the purge and of the pages")
    arguments.add_argument("--organizations", type=int, default=5_000, help="quiet organizations beside the pages'")
    arguments.add_argument("--only", choices=NAMES)
    asked = arguments.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    sys.stdout.write(f"{machine()}\n")
    for name in NAMES if asked.only is None else [asked.only]:
        with fresh_database() as urls:
            if name == "purge":
                lines = purge.measure(urls, rows=asked.rows)
            elif name == "ingest":
                lines = ingest.measure(urls, rows=500_000)
                if CALLS.exists():
                    lines += ingest.measure_file(calls=CALLS, map_file=MAP, rows=500_000)
                else:
                    lines.append("import of real calls: not measured, their file is not here")
            elif name == "nights":
                lines = nights.measure(count=1_000)
            elif name == "forecast":
                lines = forecast.measure() + whatif.measure(urls)
            elif name == "pages":
                lines = pages.measure(urls, rows=asked.rows, orgs_besides=asked.organizations)
            elif name == "reports":
                lines = reports.measure(urls, rows=asked.rows)
            elif name == "console":
                lines = console.measure(urls, count=asked.organizations)
            else:
                lines = partitions.measure(urls, rows=2_000_000)
        sys.stdout.write("\n".join([f"\n{name}", *[f"  {line}" for line in lines]]) + "\n")
        sys.stdout.flush()


main()
