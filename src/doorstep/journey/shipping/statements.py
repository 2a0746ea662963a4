"""statements: what the law wants said on the papers of a parcel: filing or exemption, license, tax, relief."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from doorstep.journey.shipping.papers import CustomsItem
from doorstep.journey.shipping.shipment import Packed, filing, ioss_number
from doorstep.kit.paper import spelled_date
from doorstep.setup.customs import EU
from doorstep.setup.customs.export_filing import Exported, export_filing
from doorstep.setup.customs.profile import profile_of
from doorstep.setup.customs.rules import Rules


@dataclass(frozen=True, slots=True)
class Statements:
    export: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    more: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.export, *(f"Export license {number}" for number in self.licenses), *self.more)


def statements(parcel: Packed, items: Sequence[CustomsItem], rules: Rules) -> Statements:
    row, to = parcel.row, str(parcel.row["ship_to"].get("country", ""))
    eccns = sorted({line["eccn"] for line in parcel.goods if line["eccn"]})
    more = [f"ECCN {', '.join(eccns)}"] if eccns else []
    if number := ioss_number(parcel, rules):
        more.append(f"VAT was paid at the sale under IOSS {number}")
    if to in EU and (persons := _responsible(parcel)):
        more.append(f"Responsible person in the Union: {'; '.join(persons)}")
    licenses = sorted({line["export_license"] for line in parcel.goods if line["export_license"]})
    return Statements(_export(parcel, items, rules, row["site_country"], to), tuple(licenses), tuple(more))


def _export(parcel: Packed, items: Sequence[CustomsItem], rules: Rules, start: str, to: str) -> tuple[str, ...]:
    """The number of the filing; else the legend of the exemption; a filing that is missing is said, not hidden."""
    if filed := filing(parcel):
        return (filed,)
    goods = [
        Exported(item.hs_code, item.value_minor, line["export_license"], line["eccn"])
        for item, line in zip(items, parcel.goods, strict=False)
    ]
    told = export_filing(goods, start, to, parcel.row["currency"], rules)
    if told is None or (not told.needed and not told.legend):
        return ()
    return (f"Export filing needed: {told.why}",) if told.needed else (told.legend,)


def relief(parcel: Packed, rules: Rules, home: str, today: date) -> tuple[str, ...]:
    """The relief that goods on their way back are brought in under, and what proves that they had left."""
    left = parcel.row["handed_over_at"].date()
    proof = f"Exported {spelled_date(left)} in parcel {parcel.name}, {parcel.row['carrier']}"
    proof += f" {parcel.row['tracking_number']}" if parcel.row["tracking_number"] else ""
    proof += f", {filing(parcel)}" if filing(parcel) else ""
    named, months = rules.stated(home, "returned_goods"), rules.stated(home, "returned_goods_months")
    if not named:
        return (proof,)
    if months and (today.year - left.year) * 12 + today.month - left.month >= int(months.number):
        return (f"The {months.value} months of relief are over: {named.value}", proof)
    return (named.value, proof)


def _responsible(parcel: Packed) -> list[str]:
    default = profile_of(parcel.row["customs"]).responsible_person
    return sorted({person for line in parcel.goods if (person := line["responsible_person"] or default)})
