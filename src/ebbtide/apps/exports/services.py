"""What people may do with exports: ask for one, end one, and have one deleted before its time."""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from ebbtide.apps.accounts.access_log import ONE_SITTING, Deed, Reader, record
from ebbtide.apps.accounts.models import DataAccess
from ebbtide.apps.exports.models import Export
from ebbtide.apps.exports.selection import Selection, is_too_large, weigh
from ebbtide.apps.orgs.database import WEB, acting_in
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import CapExceeded, InputInvalid, Taken
from ebbtide.domain.identity import not_found, parse_id, public_id


@dataclass(frozen=True, slots=True)
class By:
    """Who does it, and when."""

    actor: str
    at: datetime


def ask(org: int, *, selection: Selection, by: By) -> Export:
    """Ask for an export; a worker makes it.

    Raises:
        InputInvalid: there is nothing in the selection.
        CapExceeded: there is more in it than an export may hold.
        Taken: another of the organization's is being made.
    """
    with acting_in(org):
        weights = weigh(selection, org=org)
        if not any(one.items for one in weights.values()):
            raise InputInvalid("There is nothing of these data types, Qs and days: choose others.", field="first")
        if is_too_large(weights):
            raise CapExceeded(
                "That is more than an export may hold: choose fewer days, Qs or data types.", field="first"
            )
        try:
            with transaction.atomic(using=WEB):
                export = Export.objects.create(
                    org_id=org,
                    first=selection.first,
                    last=selection.last,
                    queues=list(selection.queues),
                    types=[str(kind) for kind in selection.types],
                    format=selection.format,
                    asked_by=by.actor,
                    asked_at=by.at,
                )
        except IntegrityError as exc:
            if "export_one_at_a_time" not in str(exc):
                raise
            raise Taken(
                "An export is being made already: one at a time. Wait until it is ready, or cancel it."
            ) from exc
        for kind, weight in weights.items():
            if weight.items:
                _log(export, deed=Deed.EXPORT, kind=kind, by=by, items=weight.items)
    return export


def find_export(text: str, *, org: int) -> Export:
    """Find an export by its public id; expects an open transaction in the organization.

    Raises:
        NotYours: there is none.
    """
    found = Export.objects.filter(org_id=org, id=parse_id("exp", text)).first()
    if found is None:
        raise not_found("exp", text)
    return found


def cancel(org: int, *, export: Export, by: By) -> None:
    """End an export that is being made; the worker removes what it has written.

    Raises:
        Taken: it is not being made any more.
    """
    with acting_in(org):
        done = Export.objects.filter(
            org_id=org, id=export.id, ready_at__isnull=True, failed_at__isnull=True, cancelled_at__isnull=True
        ).update(cancelled_at=by.at, cancelled_by=by.actor)
    if not done:
        raise Taken(f"{public_id('exp', export.id)} is not being made any more: look at it as it is now.")


def delete(org: int, *, export: Export, by: By) -> None:
    """Have an archive deleted before its time: from now on nobody gets it, and the worker destroys it.

    Raises:
        Taken: there is nothing of it any more.
    """
    with acting_in(org):
        done = Export.objects.filter(
            org_id=org, id=export.id, ready_at__isnull=False, condemned_at__isnull=True
        ).update(condemned_at=by.at, condemned_why="deleted", condemned_by=by.actor)
    if not done:
        raise Taken(f"{public_id('exp', export.id)} cannot be had any more: there is nothing to delete.")


def note_download(export: Export, *, by: By) -> None:
    """Write down that somebody takes an archive away; once for all requests of one sitting that resume it."""
    what = public_id("exp", export.id)
    with acting_in(export.org_id):
        rows = DataAccess.objects.filter(org_id=export.org_id, actor=by.actor, by_token=False, what=what)
        if not rows.filter(action=Deed.DOWNLOAD, at__gt=by.at - ONE_SITTING).exists():
            for kind in export.types:
                _log(export, deed=Deed.DOWNLOAD, kind=DataType(kind), by=by)


def _log(export: Export, *, deed: Deed, kind: DataType, by: By, items: int | None = None) -> None:
    record(
        export.org_id,
        reader=Reader(by.actor),
        deed=deed,
        kind=kind,
        now=by.at,
        what=public_id("exp", export.id),
        items=items,
    )
