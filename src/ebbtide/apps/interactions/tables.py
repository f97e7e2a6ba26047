"""The table of interactions: its columns, as on the page and as in the CSV."""

from django.utils.translation import gettext_lazy

from ebbtide.domain.identity import public_id
from ebbtide.web.context.interactions import InteractionLine
from ebbtide.web.listing import Column, Table

_BEGUN: Column[InteractionLine] = Column(name="start", label=gettext_lazy("Begun"), value=lambda row: row.start)
INTERACTIONS: Table[InteractionLine] = Table(
    name="calls",
    columns=(
        _BEGUN,
        Column(name="q", label=gettext_lazy("Q"), value=lambda row: row.queue.name, sortable=False),
        Column(name="channel", label=gettext_lazy("Channel"), value=lambda row: row.channel, sortable=False),
        Column(name="customer", label=gettext_lazy("Customer"), value=lambda row: row.customer, sortable=False),
        Column(name="agent", label=gettext_lazy("Agent"), value=lambda row: row.agent, sortable=False),
        Column(name="outcome", label=gettext_lazy("Outcome"), value=lambda row: row.outcome, sortable=False),
        Column(name="wait", label=gettext_lazy("Waited"), value=lambda row: row.wait_s, number=True, sortable=False),
        Column(name="talk", label=gettext_lazy("Talked"), value=lambda row: row.talk_s, number=True, sortable=False),
        Column(
            name="stored",
            label=gettext_lazy("Stored"),
            value=lambda row: " ".join(map(str, row.media)),
            sortable=False,
        ),
    ),
    sort="-start",
)
INTERACTIONS_CSV: Table[InteractionLine] = Table(
    name="calls",
    columns=(
        Column(name="segment", label="", value=lambda row: str(row.id)),
        Column(name="interaction", label="", value=lambda row: row.interaction),
        Column(name="q_id", label="", value=lambda row: public_id("que", row.queue.id)),
        Column(name="q", label="", value=lambda row: row.queue.name),
        Column(name="day", label="", value=lambda row: row.day),
        _BEGUN,
        Column(name="channel", label="", value=lambda row: row.channel),
        Column(name="direction", label="", value=lambda row: row.direction),
        Column(name="customer", label="", value=lambda row: row.customer),
        Column(name="agent", label="", value=lambda row: row.agent),
        Column(name="outcome", label="", value=lambda row: row.outcome),
        Column(name="wait_s", label="", value=lambda row: row.wait_s),
        Column(name="talk_s", label="", value=lambda row: row.talk_s),
        Column(name="hold_s", label="", value=lambda row: row.hold_s),
        Column(name="stored", label="", value=lambda row: " ".join(map(str, row.media))),
    ),
    sort="-start",
)
