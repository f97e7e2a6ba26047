"""The whole error tree of Ebbtide.

    EbbtideError            something went wrong and the message says what to do
    ├ Refused               a rule says no; shown to the person; never retried        HTTP 4xx, exit 2
    │  ├ InputInvalid       a form, file, option or setting could not be accepted
    │  │  ├ JobInvalid      a retention job could not be accepted
    │  │  └ TooLarge        what was sent is larger than is taken at once
    │  ├ NotYours           no such thing for this person (missing and foreign look the same)
    │  ├ TokenRefused       a program's token is missing, wrong, expired or revoked
    │  ├ ScopeMissing       a program's token is not for this
    │  ├ GoneForGood        it was here, and its day is purged
    │  ├ CapExceeded        the run would take more than its cap
    │  ├ ClockUnsound       host, database and last reading of the clock disagree
    │  ├ GapUnconfirmed     nothing ran for long, and the catch-up is unusually large
    │  ├ PlanStale          the facts a plan was made from have changed
    │  ├ EvidenceStale      what a request for arming rests on is too old or does not hold any more
    │  ├ NotArmed           deletion is not switched on for this organization
    │  ├ SwitchOn           a kill switch stops every deletion
    │  ├ Cancelled          a person stopped this run
    │  └ UnsafeRole         a database role could bypass row-level security
    ├ Taken                 someone was first; re-read and go on                        HTTP 409, exit 3
    │  └ LateData           the cell was purged while its data was on the way
    ├ Unreachable           the outer world failed; retried with back-off               HTTP 503, exit 4
    │  ├ StoreUnreachable
    │  ├ DatabaseUnreachable
    │  ├ Busy               as much is under way as can be; HTTP 503 with Retry-After
    │  └ TooFast            a program asks more often than it may; HTTP 429 with Retry-After
    └ Broken                an invariant fell; stop the run, wake a person              HTTP 500, exit 5
       ├ CellsDrifted       counts and rows disagree
       ├ LedgerBroken       the book does not agree with itself
       └ GhostFound         booked as gone, still there

Why a tree and not return codes: the branch alone decides what a caller does (show, re-read, retry, wake someone),
so no caller ever has to look at the text. Ends of single items are values (`ebbtide.domain.outcome`), never exceptions.
"""


class EbbtideError(Exception):
    """Ebbtide could not do what was asked; the message says what happened, to what, and what to do.

    Args:
        message: one sentence for a person, naming the thing and the remedy.
        field: the form field, option or column at fault, if one is.
        facts: numbers behind the message, for machines (`--format json`, logs).
    """

    code = "error"
    exit_code = 1
    http_status = 500

    def __init__(self, message: str, *, field: str | None = None, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.facts = facts


class Refused(EbbtideError):
    """A rule says no: change the request as the message says; trying again unchanged will not help."""

    code = "refused"
    exit_code = 2
    http_status = 400


class InputInvalid(Refused):
    """A value could not be accepted: the message names the field and what it may be."""

    code = "input_invalid"
    http_status = 422


class JobInvalid(InputInvalid):
    """A retention job could not be accepted: days are a whole number from 1 to 5000, a Q job names at least one Q."""

    code = "job_invalid"


class TooLarge(InputInvalid):
    """What was sent is larger than is taken at once: send it in smaller pieces."""

    code = "too_large"
    http_status = 413


class NotYours(Refused):
    """There is no such thing here for you: check the id; what belongs to others looks exactly the same."""

    code = "not_found"
    http_status = 404


class TokenRefused(Refused):
    """The token is missing, wrong, expired or revoked: send a live one as `Authorization: Bearer TOKEN`."""

    code = "token_refused"
    http_status = 401


class ScopeMissing(Refused):
    """The token is not for this: make one with the scope that the message names."""

    code = "scope_missing"
    http_status = 403


class GoneForGood(Refused):
    """It was here and its day is purged: nothing brings it back, so stop asking for it."""

    code = "gone"
    http_status = 410


class CapExceeded(Refused):
    """The plan takes more than a run may: look at its counts, and confirm that very plan if they are right."""

    code = "cap_exceeded"
    http_status = 409


class ClockUnsound(Refused):
    """The clocks disagree, so no age can be trusted: set them by NTP and run again."""

    code = "clock_unsound"
    http_status = 409


class GapUnconfirmed(Refused):
    """Nothing ran for more than 36 hours and much is due: look at the plan and confirm it if it is right."""

    code = "gap_unconfirmed"
    http_status = 409


class PlanStale(Refused):
    """The plan is older than its facts (jobs, arming or date changed): make a new one."""

    code = "plan_stale"
    http_status = 409


class EvidenceStale(Refused):
    """What the request rests on is too old or does not hold any more: the customer asks anew, on a new simulation."""

    code = "evidence_stale"
    http_status = 409


class NotArmed(Refused):
    """Deletion is not armed for this organization: nothing is deleted until the operator arms it."""

    code = "not_armed"
    http_status = 409


class SwitchOn(Refused):
    """A kill switch is on: no deletion anywhere under it until it is switched off."""

    code = "switch_on"
    http_status = 409


class Cancelled(Refused):
    """The run was cancelled: what it had not reached is left for the next night."""

    code = "cancelled"
    http_status = 409


class UnsafeRole(Refused):
    """The database role could bypass row-level security: connect with a role made as docs/database.md shows."""

    code = "unsafe_role"


class Taken(EbbtideError):
    """Someone was first: read again and go on from there."""

    code = "taken"
    exit_code = 3
    http_status = 409


class LateData(Taken):
    """The data's Q and day were purged while it was on the way: it is counted as late and stays out."""

    code = "late_data"


class Unreachable(EbbtideError):
    """The outer world did not answer: it is tried again later; nothing was half-done."""

    code = "unreachable"
    exit_code = 4
    http_status = 503


class StoreUnreachable(Unreachable):
    """The object store did not answer: check its address and credentials."""

    code = "store_unreachable"


class DatabaseUnreachable(Unreachable):
    """PostgreSQL did not answer: check DATABASE_URL, or that the data folder is not in use elsewhere."""

    code = "database_unreachable"


class Busy(Unreachable):
    """As much is under way as can be: wait as long as Retry-After says and send the same again."""

    code = "busy"


class TooFast(Unreachable):
    """More was asked in a minute than may be: wait as long as Retry-After says."""

    code = "too_fast"
    http_status = 429


class Broken(EbbtideError):
    """An invariant fell: the run has stopped and a person must look before it goes on."""

    code = "broken"
    exit_code = 5


class CellsDrifted(Broken):
    """Counts and rows disagree: run `ebbtide reconcile`, then start the run again."""

    code = "cells_drifted"


class LedgerBroken(Broken):
    """The book does not agree with itself: stop deleting and call the people who build Ebbtide."""

    code = "ledger_broken"


class GhostFound(Broken):
    """Something booked as gone is still there: the run is failed and names it."""

    code = "ghost_found"
