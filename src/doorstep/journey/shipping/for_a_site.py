"""for_a_site: what a carrier is asked for a whole site, by name: a list of what leaves, a driver who comes for it.

Each is a row that waits for the carrier's answer; the answer, a yes or a no, is kept once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import msgspec

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.setup.sites import Site, every_site
from doorstep.spine.outcome import Ask, Event, Insert, Job, Outcome, Update
from doorstep.spine.tenant import Tx


class ForASite(msgspec.Struct, frozen=True):
    """Its row, and the code of its site."""

    row: Mapping[str, Any]
    site: str
    kind: ClassVar[str]  # its table too
    prefix: ClassVar[str]
    answered: ClassVar[type[Refusal]]

    @property
    def number(self) -> int:
        found: int = self.row[f"{self.kind}_id"]
        return found

    @property
    def name(self) -> str:
        return public(self.prefix, self.number)

    def must_be(self, *states: str) -> None:
        if self.row["state"] not in states:
            raise self.answered(**{self.kind: self.name}, state=self.row["state"])

    def outcome(self, event: Event, state: str, **after: Any) -> Outcome:
        """`after`: what its row says besides the state."""
        outcome = Outcome(self.row["merchant_id"], (self.kind, self.number), [event])
        outcome.answer = {
            self.kind: self.name, "site": self.site, "carrier": self.row["carrier"], "state": state,
            "parcels": after.get("parcels", self.row["parcels"]),
        }  # fmt: skip
        outcome.facts = [Update(self.kind, {f"{self.kind}_id": self.number}, {"state": state} | after)]
        return outcome

    def refused(self, event: str, reason: str, attention: int, ask: Ask[Any], state: str = "refused") -> Outcome:
        """The carrier's no, which somebody must look at."""
        outcome = self.outcome(Event(event, data={"reason": reason}), state, error=reason)
        why = {self.kind: self.name, "carrier": self.row["carrier"], "site": self.site}
        outcome.facts.append(carrier_refused(attention, reason, why, ask))
        return outcome


A = TypeVar("A", bound=ForASite)


def wanted(
    of: type[ForASite], row_id: int, site: Site, parcels: int, ask: Ask[Any],
    told: Mapping[str, Any] | None = None, **values: Any,
) -> Outcome:  # fmt: skip
    """A row that waits, and the job that asks. `told`: what its event says besides; `values`: what its row does."""
    name = public(of.prefix, row_id)
    about = {"site": site.code, "carrier": ask.body.carrier, "parcels": parcels}
    outcome = Outcome(ask.merchant, (of.kind, row_id), [Event(f"want_{of.kind}", data=about | dict(told or {}))])
    outcome.answer = {of.kind: name, "state": "wanted"} | about
    row = {
        f"{of.kind}_id": row_id, "site_id": site.site_id, "carrier": ask.body.carrier, "state": "wanted",
        "parcels": parcels, "asked_at": ask.at,
    }  # fmt: skip
    outcome.facts = [Insert(of.kind, row | values)]
    outcome.then = [Job(f"ask_{of.kind}", {of.kind: name})]
    return outcome


async def called(tx: Tx, of: type[A], names: Sequence[str], rows: str) -> dict[int, A]:
    """Those of these names, by their numbers."""
    numbers = sorted({number(of.prefix, name) for name in names})
    found, sites = await tx.rows(rows, list(tx.merchants), numbers), await every_site(tx)
    return {row[f"{of.kind}_id"]: of(dict(row), sites[row["site_id"]].code) for row in found}


def one_of(found: Mapping[int, A], of: type[A], merchant: int, name: str) -> A:
    """Refuses NotFound."""
    one = found.get(number(of.prefix, name))
    if one is None or one.row["merchant_id"] != merchant:
        raise NotFound(**{of.kind: name})
    return one


def carrier_refused(attention: int, reason: str, why: Mapping[str, Any], ask: Ask[Any], **of: Any) -> Insert:
    """What somebody must look at when a carrier says no to something that is no parcel's label."""
    values = {
        "attention_id": attention, "kind": "carrier_refused", "reason": reason, "why": dict(why),
        "next_action": "mend what the carrier names, then ask again", "raised_at": ask.at,
    }  # fmt: skip
    return Insert("attention", values | of)
