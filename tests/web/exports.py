"""Made-up exports: each as it can stand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from ebbtide.domain.cell import DataType
from ebbtide.web.context.exports import (
    ExportForm,
    ExportLine,
    ExportsPage,
    RunExports,
    TypeChoice,
    WeightLine,
    Weights,
)
from ebbtide.web.context.shared import Frame, QueueLine
from ebbtide.web.listing import Head, Listing

GIB = 1024**3
HEADS = ("Export", "Days", "Data", "Qs", "Asked for by", "State", "Items", "Size")


def exports_samples(
    *, frame: Frame, now: datetime, queues: Sequence[QueueLine]
) -> dict[str, tuple[str, dict[str, Any]]]:
    ready = ExportLine(
        id=41,
        first=date(2025, 10, 18),
        last=date(2026, 11, 22),
        queues=tuple(queues),
        every=True,
        types=tuple(DataType),
        format="csv",
        asked_by="alice@example.org",
        asked_at=now - timedelta(hours=5),
        state="ready",
        items=4_302_787,
        bytes=19 * GIB,
        percent=100,
        files=12_004,
        size=17 * GIB,
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        expires_at=now + timedelta(days=6, hours=19),
    )
    more = replace(ready, types=(DataType.INSIGHTS,), format="parquet", queues=tuple(queues[:3]), every=False)
    lines = (
        replace(ready, id=44, state="waiting", items=0, size=0, percent=0, sha256="", expires_at=None),
        replace(ready, id=43, open_to=False),
        replace(more, id=42, last=more.first),
        ready,
        replace(
            more, id=40, state="failed", reason="The archive grew beyond 50 GiB, the most that is allowed.", size=0
        ),
        replace(more, id=39, state="cancelled", size=0),
        replace(ready, id=38, state="going", why="purged", run=903),
        replace(ready, id=37, state="gone", why="purged"),
        replace(ready, id=36, state="gone", why="changed"),
        replace(ready, id=35, state="gone", why="expired"),
        replace(ready, id=34, state="gone", why="deleted"),
    )
    making = replace(ready, id=44, state="making", percent=37, items_done=1_204_000, bytes_done=8 * GIB, sha256="")
    weights = Weights(
        lines=tuple(WeightLine(data_type=kind, items=12_408, bytes=3 * GIB) for kind in DataType),
        items=49_632,
        bytes=12 * GIB,
        most=50 * GIB,
    )
    form = ExportForm(
        first="2026-10-25",
        last="2026-11-23",
        types=tuple(TypeChoice(data_type=kind, chosen=kind is not DataType.DESKTOP, open=True) for kind in DataType),
        queues=tuple(queues),
        chosen=frozenset({queues[1].id, queues[7].id}),
        format="csv",
        wrong={},
        weights=weights,
    )

    def listing(rows: tuple[ExportLine, ...]) -> Listing[ExportLine]:
        return Listing(
            name="exports",
            heads=tuple(
                Head(
                    name=name,
                    label=name,
                    number=name in {"Qs", "Items", "Size"},
                    query=f"exports.sort={name}",
                    sorted="",
                )
                for name in HEADS
            ),
            rows=rows,
            find="",
            searchable=False,
            previous="",
            next="exports.after=y" if rows else "",
            csv="csv=exports",
            kept=(),
        )

    def page(**values: Any) -> dict[str, Any]:
        usual: dict[str, Any] = {"form": form, "open": None, "listing": listing(lines), "days": 7}
        return {"frame": frame, "page": ExportsPage(**{**usual, **values})}

    closed = tuple(
        TypeChoice(data_type=kind, chosen=kind is DataType.INSIGHTS, open=kind is DataType.INSIGHTS)
        for kind in DataType
    )
    wrong = {
        "first": "'soon' is not a date: write it as YYYY-MM-DD.",
        "last": "The last day lies before the first.",
        "type": "Choose at least one data type.",
        "form": "An export is being made already: one at a time.",
    }
    return {
        "exports": ("pages/exports.html", page()),
        "exports-making": ("pages/exports.html", page(open=making)),
        "exports-none": (
            "pages/exports.html",
            page(
                listing=listing(()), form=replace(form, types=closed, queues=(), chosen=frozenset(), weights=Weights())
            ),
        ),
        "exports-wrong": ("pages/exports.html", page(form=replace(form, wrong=wrong, weights=Weights(), first="soon"))),
        "exports-night": ("pages/exports.html", page(form=replace(form, why="night"))),
        "exports-night-nothing": ("pages/exports.html", page(form=replace(form, why="night", nothing=True))),
        "exports-job": ("pages/exports.html", page(form=replace(form, why="job", job=12))),
        "exports-draft": ("pages/exports.html", page(form=replace(form, why="job"))),
        "exports-draft-nothing": ("pages/exports.html", page(form=replace(form, why="job", nothing=True))),
        "exports-weights": (
            "components/export_weights.html",
            {"weights": replace(weights, bytes=90 * GIB), "wrong": {}},
        ),
        "exports-weights-none": ("components/export_weights.html", {"weights": replace(weights, items=0), "wrong": {}}),
        "exports-checking": (
            "components/export_progress.html",
            {"frame": frame, "line": replace(making, state="checking")},
        ),
        "exports-waiting": (
            "components/export_progress.html",
            {"frame": frame, "line": replace(making, state="waiting", reason="It waits for the run to end.")},
        ),
        "exports-of-run-left": ("components/run_exports.html", {"told": RunExports(gone=0, left=2), "frame": frame}),
        "exports-of-run-gone": ("components/run_exports.html", {"told": RunExports(gone=1, left=0), "frame": frame}),
        "exports-of-run-none": ("components/run_exports.html", {"told": RunExports(gone=0, left=0), "frame": frame}),
    }
