"""Public ids in addresses: `/o/org_7/jobs/job_12/`.

The converters take any text, because a malformed id must get the very same answer as a missing or foreign one; what it
names is decided where rights are decided, in the selectors. Templates may hand in a row's number.
"""

from typing import ClassVar

from django.urls import register_converter
from django.urls.converters import StringConverter

from ebbtide.domain.identity import Kind, public_id


class _IdConverter:
    regex = "[^/]+"
    kind: ClassVar[Kind]

    def to_python(self, value: str) -> str:
        """Leave an id as it came: selectors judge it."""
        return value

    def to_url(self, value: int | str) -> str:
        """Write a row's number, or an id, as an id."""
        return public_id(self.kind, value) if isinstance(value, int) else value


class OrgId(_IdConverter):
    """An organization's id."""

    kind = "org"


class JobId(_IdConverter):
    """A job's id."""

    kind = "job"


class RunId(_IdConverter):
    """A run's id."""

    kind = "run"


class PlanId(_IdConverter):
    """A plan's id."""

    kind = "plan"


class MemberId(_IdConverter):
    """A membership's id."""

    kind = "mem"


class GroupId(_IdConverter):
    """A user group's id."""

    kind = "grp"


class InvitationId(_IdConverter):
    """An invitation's id."""

    kind = "inv"


class RequestId(_IdConverter):
    """The id of a request to switch deletion on."""

    kind = "req"


class RecordingId(_IdConverter):
    """A recording's id."""

    kind = "rec"


class SegmentId(StringConverter):
    """A segment's own id, as hexadecimal text."""

    regex = "[^/]+"


class TokenId(_IdConverter):
    """The id of a program's token."""

    kind = "tok"


class ExportId(_IdConverter):
    """The id of an export."""

    kind = "exp"


register_converter(SegmentId, "seg")
for _converter in (
    OrgId,
    RecordingId,
    JobId,
    RunId,
    PlanId,
    MemberId,
    GroupId,
    InvitationId,
    RequestId,
    TokenId,
    ExportId,
):
    register_converter(_converter, _converter.kind)
