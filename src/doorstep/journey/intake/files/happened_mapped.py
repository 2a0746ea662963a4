"""happened_mapped: what happened to an order, by a mapping of the rows that tell of it: times, stages, parcels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import cast, get_args

from doorstep.journey.intake.content import Contradiction, Happened, LineStage, ToldParcel
from doorstep.journey.intake.files.fields import Fields, Settled, Wrong, kind_of
from doorstep.journey.intake.files.lines_mapped import Line
from doorstep.journey.intake.files.mapping import Mapping
from doorstep.journey.intake.files.scope import Scope
from doorstep.journey.intake.files.staging import Part

STAGES = frozenset(get_args(LineStage))
# Where the units of a line are gone from the site, or will never leave it.
OVER = frozenset({"shipped", "delivered", "taken_back", "lost", "canceled"})
NOT_SENT = frozenset({"canceled"})


class HappenedReader:
    """Reads by one mapping."""

    def __init__(
        self, mapping: Mapping, order: Fields, order_scope: Scope, line: Fields, line_scope: Scope, settled: Settled
    ) -> None:
        self.mapping, self.settled = mapping, settled
        self.order, self.line, self.line_scope = order, line, line_scope
        self.parcel = Fields(mapping.parcel, line_scope, settled) if mapping.parcel else None
        self.is_canceled = order_scope.test(mapping.order.canceled)
        self.is_delivered = order_scope.test(mapping.order.delivered)

    def read(self, row: Sequence[str], head: Part, lines: list[Line], wrong: Wrong, currency: str) -> Happened:
        moment = self.order.moment
        fulfilled_at = moment("fulfilled_at", row, head, wrong)
        delivered_at = moment("delivered_at", row, head, wrong)
        stages, contradictions = self._stages(lines)
        return Happened(
            approved_at=moment("approved_at", row, head, wrong),
            promised_on=self._day(row, head, wrong),
            fulfilled_at=fulfilled_at,
            delivered_at=delivered_at,
            canceled_at=moment("canceled_at", row, head, wrong),
            canceled=self.is_canceled is not None and self.is_canceled(row),
            delivered=self.is_delivered is not None and self.is_delivered(row),
            refunded_minor=self.order.minor("refunded", row, currency, head, wrong),
            refunded_at=moment("refunded_at", row, head, wrong),
            stages=stages,
            parcels=self._parcels(lines, fulfilled_at, delivered_at, wrong) if self.parcel else [],
            contradictions=contradictions,
            payments_told=self.mapping.payment is not None and self.mapping.payment.complete,
            times_told="delivered_at" in self.order,
        )

    def _stages(self, lines: list[Line]) -> tuple[list[LineStage], list[Contradiction]]:
        """Where each line is; a word that is no stage says that the file contradicts itself."""
        if "stage" not in self.line:
            return [], []
        stages: list[LineStage] = []
        found: dict[str, list[str]] = {}
        inner = self.line.said["stage"]
        told = self.line_scope.getter(inner if isinstance(inner, str) else inner.of)
        for line in lines:
            if line.stage in STAGES:
                stages.append(cast(LineStage, line.stage))
            else:
                stages.append("")
                found.setdefault(line.stage, []).append(told(line.row) if told else line.stage)
        contradictions = [
            Contradiction(kind=kind_of(kind), reason=f"the channel says: {', '.join(dict.fromkeys(words))}"[:500])
            for kind, words in found.items()
        ]
        return stages, contradictions

    def _parcels(
        self, lines: list[Line], fulfilled_at: datetime | None, delivered_at: datetime | None, wrong: Wrong
    ) -> list[ToldParcel]:
        """What lies together: lines of one site, tracking number and state."""
        assert self.parcel is not None
        get, boxes = self.parcel.get, dict[tuple[str, str, str], list[int]]()
        for number, line in enumerate(lines, start=1):
            if line.site and line.quantity and not line.service and line.stage not in NOT_SENT and line.stage in STAGES:
                box = (line.site, get("tracking_number", line.row).strip()[:200], get("state", line.row).strip())
                boxes.setdefault(box, []).append(number)
        parcels: list[ToldParcel] = []
        sites: set[str] = set()
        for (site, tracking, state), numbers in boxes.items():
            first = lines[numbers[0] - 1]
            own = self.parcel.moment("handed_over_at", first.row, first.part, wrong)
            came = self.parcel.moment("delivered_at", first.row, first.part, wrong)
            reference = tracking or (site if site not in sites else f"{site}/{numbers[0]}")
            sites.add(site)
            parcels.append(
                ToldParcel(
                    reference=reference[:120], site=site, lines=numbers, tracking_number=tracking, state=state,
                    carrier=get("carrier", first.row).strip()[:200],
                    handed_over_at=own if "handed_over_at" in self.parcel else fulfilled_at,
                    delivered_at=came if "delivered_at" in self.parcel else delivered_at,
                )
            )  # fmt: skip
        return parcels

    def _day(self, row: Sequence[str], head: Part, wrong: Wrong) -> date | None:
        """A promised date is a day on the calendar there, not an instant."""
        at = self.order.moment("promised_on", row, head, wrong)
        return at.astimezone(self.settled.zone).date() if at else None


def is_over(happened: Happened, lines: list[Line]) -> bool:
    """Nothing is left to do for it here."""
    if happened.canceled or happened.canceled_at or happened.delivered or happened.delivered_at:
        return True
    if happened.fulfilled_at or not lines:
        return True
    if happened.contradictions and "wanted" not in happened.stages:
        return True  # somebody must look at it first
    return bool(happened.stages) and all(stage in OVER for stage in happened.stages)


def to_begin_with(happened: Happened, lines: list[Line]) -> Happened:
    """Of an order that becomes work here: what of it was sent before."""
    fulfilled = [line.quantity if line.stage in OVER else 0 for line in lines] if happened.stages else []
    return Happened(fulfilled=fulfilled, refunded_minor=happened.refunded_minor)
