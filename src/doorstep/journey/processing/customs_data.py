"""customs_data: what customs will ask about goods that cross a border, known before they are packed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from doorstep.journey.processing.problems import FieldProblem, Problem
from doorstep.setup.customs import EU, no_border_between
from doorstep.setup.customs.export_filing import Exported, export_filing
from doorstep.setup.customs.lists import MODES
from doorstep.setup.customs.numbers import RECIPIENTS, eori_problem, ioss_problem, recipient_number_problem
from doorstep.setup.customs.profile import Profile
from doorstep.setup.customs.readiness import NO_PROFILE, Goods, barred, lacking
from doorstep.setup.customs.reading import Trader, goods_by_id, traders, traders_of
from doorstep.setup.customs.rules import NO_RULES, Listed, Rules, rules_by
from doorstep.setup.customs.screening import Screened, screened
from doorstep.setup.sites import Site
from doorstep.spine.amounts import untaxed, worth_of_units
from doorstep.spine.facts import Line, OrderFacts, Rows
from doorstep.spine.tenant import Tx

FILED = """
select distinct on (order_id) order_id, itn from export_filing
  where merchant_id = any($1) and order_id = any($2) order by order_id, filing_id desc
"""


@dataclass(frozen=True, slots=True)
class CustomsFacts:
    """Goods by SKU, merchants as traders, the lists in force, whom names are like, exports that were filed."""

    goods: Mapping[int, Goods] = field(default_factory=dict)
    traders: Mapping[int, Trader] = field(default_factory=dict)
    rules: Rules = NO_RULES
    screened: Screened = field(default_factory=Screened)
    filed: Mapping[int, str] = field(default_factory=dict)

    def trader(self, merchant: int) -> Trader:
        return self.traders.get(merchant, Trader())

    def in_the_way(self, order: OrderFacts, line: Line) -> list[str]:
        """Why this line's goods would be stopped at a border, in a word each."""
        goods, to = self.goods.get(line.sku_id or 0), str(order.row["country"] or "")
        if goods is None:
            return []
        missing = lacking(goods, line.unit_price, to, self.rules, self.trader(order.merchant).profile)
        is_barred = len(barred(goods, to, self.rules)) == len(MODES)
        return [*(lack.field for lack in missing), *(["a way that is allowed"] if is_barred else [])]


async def customs_facts(
    tx: Tx, orders: Mapping[int, OrderFacts], skus: Iterable[int], sites: Iterable[Site], lists: Rows, on: date,
    merchants: Rows | None = None,
) -> CustomsFacts:  # fmt: skip
    """By the rows that `lists_on` answers, and TRADERS where they were asked."""
    goods = await goods_by_id(tx, wanted) if (wanted := list(skus)) else {}
    countries = {str(order.row["country"] or "") for order in orders.values()} | {site.country for site in sites}
    rules = await rules_by(tx, (Listed(*row) for row in lists), countries, on, (one.hs_code for one in goods.values()))
    if merchants is None:
        return CustomsFacts(goods, await traders(tx) if rules.lists else {}, rules)
    return CustomsFacts(goods, traders_of(merchants), rules)


async def customs_screened(tx: Tx, facts: CustomsFacts, orders: Mapping[int, OrderFacts]) -> CustomsFacts:
    """With whom the names in the orders are like, and what exports were filed: nothing matters of it without a list."""
    if not facts.rules.lists:
        return facts
    names = [name for order in orders.values() for name in names_of(order)]
    found = await screened(tx, names, facts.rules.on) if names else Screened()
    filed = await tx.rows(FILED, list(tx.merchants), list(orders))
    return replace(facts, screened=found, filed={row["order_id"]: row["itn"] for row in filed})


def crosses_border(site: Site, ship_to: Mapping[str, Any]) -> bool:
    country, postcode = str(ship_to.get("country") or ""), str(ship_to.get("postcode") or "")
    return not no_border_between(site.country, site.postcode, country, postcode)


def may_cross(order: OrderFacts, sites: Iterable[Site]) -> bool:
    """There is a site from which it would cross a border."""
    ship_to = order.row["ship_to"]
    return bool(ship_to) and any(crosses_border(site, ship_to) for site in sites)


def all_cross(could_give: Collection[Site], ship_to: Mapping[str, Any]) -> bool:
    """Every site that could give it is behind a border: else it goes from one that is not."""
    return bool(could_give) and all(crosses_border(site, ship_to) for site in could_give)


# Of a line


def customs_problem(
    line_no: int, goods: Goods, unit_price: Decimal, ship_to: Mapping[str, Any], could_give: Collection[Site],
    rules: Rules = NO_RULES, profile: Profile = NO_PROFILE,
) -> Problem | None:  # fmt: skip
    """Fields of the SKU that are missing or wrong."""
    if not all_cross(could_give, ship_to):
        return None
    to = str(ship_to.get("country") or "")
    missing = lacking(goods, unit_price, to, rules, profile)
    if not missing:
        return None
    names = ", ".join(lack.field for lack in missing)
    why = {"sku": goods.code, "fields": [lack.told() for lack in missing], "lifts": f"complete {goods.code}: {names}"}
    return Problem("customs_data", f"{goods.code} crosses a border to {to} without {names}", why, line_no)


def restricted_problem(
    line_no: int, goods: Goods, ship_to: Mapping[str, Any], could_give: Collection[Site], rules: Rules
) -> Problem | None:
    """Goods that may go there by no mode at all; where one is left the carrier is chosen by it."""
    to = str(ship_to.get("country") or "")
    if not all_cross(could_give, ship_to) or len(found := barred(goods, to, rules)) < len(MODES):
        return None
    reasons = list(dict.fromkeys(one.reason for restricted in found.values() for one in restricted))
    why = {"sku": goods.code, "modes": {mode: [one.reason for one in restricted] for mode, restricted in found.items()}}
    why["lifts"] = "cancel the line, or lift it where it is known to be allowed"
    return Problem("restricted", f"{goods.code} may not go to {to}: {'; '.join(reasons)}", why, line_no)


# Of the order


@dataclass(frozen=True, slots=True)
class Crossing:
    """A line that has to cross a border, the goods of it, and from which country."""

    line: Line
    goods: Goods
    start: str


def order_problem(facts: CustomsFacts, order: OrderFacts, crossing: Sequence[Crossing]) -> Problem | None:
    """What customs wants of the recipient, of the merchant and of the export as a whole."""
    if not crossing:
        return None
    fields = [
        *_recipient(facts.rules, order.row["ship_to"] or {}),
        *_merchant(facts.trader(order.merchant), order.row["country"]),
        *_filing(facts, order, crossing),
    ]
    if not fields:
        return None
    lifts = "; ".join(dict.fromkeys(problem.mend for problem in fields))
    why = {"fields": [problem.told() for problem in fields], "lifts": lifts}
    return Problem("customs_data", "; ".join(problem.detail for problem in fields), why)


def _recipient(rules: Rules, ship_to: Mapping[str, Any]) -> Iterator[FieldProblem]:
    country, number = str(ship_to.get("country") or ""), str(ship_to.get("tax_id") or "").strip()
    wanted = rules.stated(country, "recipient_tax_id")
    kind = RECIPIENTS.get(country)
    mend = f"ask the buyer for it, like {kind.like}, then “Mend address”" if kind else "ask the buyer for it"
    if wanted and not number:
        yield FieldProblem("ship_to.tax_id", f"the recipient's {wanted.value} is missing", mend)
    elif number and (problem := recipient_number_problem(country, number)):
        yield FieldProblem("ship_to.tax_id", problem, mend)


def _merchant(trader: Trader, to: str) -> Iterator[FieldProblem]:
    checks = {"eori": eori_problem, **({"ioss": ioss_problem} if to in EU else {})}
    for name, check in checks.items():
        number = trader.numbers.get(name, "")
        if number and (problem := check(number)):
            yield FieldProblem(f"merchant.{name}", problem, f"mend the merchant's {name}")


def _filing(facts: CustomsFacts, order: OrderFacts, crossing: Sequence[Crossing]) -> Iterator[FieldProblem]:
    if order.order_id in facts.filed or facts.trader(order.merchant).profile.filing == "carrier":
        return
    for start in sorted({one.start for one in crossing}):
        goods = [_exported(order, one) for one in crossing if one.start == start]
        filing = export_filing(goods, start, order.row["country"], order.row["currency"], facts.rules)
        if filing and filing.needed:
            mend = "file the export, then give its number under “Export filed”"
            yield FieldProblem("itn", f"the export from {start} has to be filed: {filing.why}", mend)


def _exported(order: OrderFacts, one: Crossing) -> Exported:
    line = one.line
    costs = untaxed(order.row, [each.total_minor for each in order.lines], [each.tax_minor for each in order.lines])
    value = worth_of_units(costs[line.line_no - 1], line.ordered, 0, line.ordered - line.canceled)
    return Exported(one.goods.hs_code, value, one.goods.export_license, one.goods.eccn)


def names_of(order: OrderFacts) -> list[str]:
    """Everybody the order names."""
    parties = (order.row["ship_to"] or {}, order.row["buyer"] or {}, order.row["bill_to"] or {})
    named = [str(party.get(name) or "").strip() for party in parties for name in ("name", "company")]
    return list(dict.fromkeys(name for name in named if name))


def denied_problem(facts: CustomsFacts, order: OrderFacts) -> Problem | None:
    """Somebody the order names is like somebody on the list of denied parties, and nobody said that it is another."""
    matches = facts.screened.of(order.merchant, names_of(order))
    if not matches:
        return None
    first = matches[0]
    more = f" and {len(matches) - 1} more" if len(matches) > 1 else ""
    same = [match for match in matches if match.said == "match"]
    reason = (
        f"{same[0].name} is {same[0].listed} of the denied parties, as {same[0].said_by} says"
        if same
        else f"{first.name} is like {first.listed} ({first.score:g} of 100{more}) of the denied parties"
    )
    lifts = "cancel the order" if same else "say whether it is the same: a match, or no match"
    why = {"matches": [match.told() for match in matches], "lifts": lifts}
    return Problem("denied_party", f"{reason}, list of {facts.screened.as_of}", why)
