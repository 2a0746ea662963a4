"""readiness: may these goods go there, this way? What is missing by field, what stands in the way, what it will cost.

A rule over the SKU and the lists in force; cheap enough to be asked for a whole catalog, so no grid is kept that could
be older than the goods or the lists.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from doorstep.kit.money import to_decimal
from doorstep.setup.customs.export_filing import needs_license
from doorstep.setup.customs.lists import MODES
from doorstep.setup.customs.profile import Profile
from doorstep.setup.customs.rules import HS_DIGITS, Restricted, Rules
from doorstep.setup.customs.wording import vague

NO_PROFILE = Profile()
POSTAL_LIMIT_G = 30_000
TOO_HEAVY = Restricted("post", "", "", "postal parcels weigh no more than 30 kg", "Universal Postal Union, parcel post")
COLUMNS = (
    "sku_id", "code", "hs_code", "origin", "customs_text", "weight_g", "value_minor", "flags", "eccn",
    "export_license", "responsible_person",
)  # fmt: skip


_FLAGS = COLUMNS.index("flags")


class Goods(NamedTuple):
    """A SKU as customs sees it, its fields in the order of the columns."""

    sku_id: int
    code: str
    hs_code: str
    origin: str
    customs_text: str
    weight_g: int
    value_minor: int
    flags: tuple[str, ...] = ()
    eccn: str = ""
    export_license: str = ""
    responsible_person: str = ""

    @property
    def hs_digits(self) -> str:
        return re.sub(r"\D", "", self.hs_code)


@dataclass(frozen=True, slots=True)
class Lack:
    """One field that has to be filled or mended, and with what."""

    field: str
    detail: str
    mend: str

    def told(self) -> dict[str, str]:
        return {"field": self.field, "detail": self.detail, "mend": self.mend}


@dataclass(frozen=True, slots=True)
class Readiness:
    """One cell of the grid: goods, country, mode. `notes` stop nothing."""

    ready: bool
    lacking: tuple[Lack, ...]
    restricted: tuple[Restricted, ...]
    notes: tuple[str, ...]


# Of goods that cross no border.
READY = Readiness(True, (), (), ())


def goods_of(row: Any) -> Goods:
    """Of a row with these columns of the table of SKUs."""
    values = [row[name] for name in COLUMNS]
    values[_FLAGS] = tuple(values[_FLAGS])
    return Goods(*values)


def readiness(
    goods: Goods, to: str, mode: str, rules: Rules, profile: Profile = NO_PROFILE, *, unit_price: Decimal = Decimal(0),
    currency: str = "",
) -> Readiness:  # fmt: skip
    lacks = tuple(lacking(goods, unit_price, to, rules, profile))
    restricted = tuple(_restricted(goods, to, mode, rules))
    return Readiness(not lacks and not restricted, lacks, restricted, tuple(_notes(goods, to, rules, currency)))


def lacking(goods: Goods, unit_price: Decimal, to: str, rules: Rules, profile: Profile = NO_PROFILE) -> list[Lack]:
    """The fields that must be filled or mended before the goods can cross a border to that country."""
    return [*_of_the_goods(goods, unit_price, rules), *_of_the_law(goods, to, rules, profile)]


def lacking_everywhere(goods: Goods, rules: Rules) -> Iterator[Lack]:
    """What every border asks for, but for the worth: the line's price tells that too."""
    digits = goods.hs_digits
    if len(digits) < HS_DIGITS:
        wrong = f"{goods.hs_code} has fewer than {HS_DIGITS} digits" if digits else "is missing"
        yield Lack("hs_code", f"hs_code {wrong}", "give the tariff number of the goods, six digits or more")
    elif not rules.is_listed(digits):
        listed = rules.lists["hs-codes"]
        yield Lack("hs_code", f"hs_code {goods.hs_code} is not in the list of {listed.as_of}", "give one that is in it")
    if not re.fullmatch("[A-Z]{2}", goods.origin):
        yield Lack("origin", "origin is missing", "give the country where the goods were made, two letters")
    if problem := vague(goods.customs_text):
        yield Lack("customs_text", f"customs_text {problem}", "say what it is, of what it is made, for what it is used")
    if goods.weight_g <= 0:
        yield Lack("weight_g", "weight_g is missing", "weigh one")


def _of_the_goods(goods: Goods, unit_price: Decimal, rules: Rules) -> Iterator[Lack]:
    yield from lacking_everywhere(goods, rules)
    if goods.value_minor <= 0 and unit_price <= 0:
        yield Lack("value_minor", "value_minor is missing", "say what one is worth, for lines without a price")


def _of_the_law(goods: Goods, to: str, rules: Rules, profile: Profile) -> Iterator[Lack]:
    person = rules.stated(to, "responsible_person")
    if person and not (goods.responsible_person or profile.responsible_person):
        yield Lack(
            "responsible_person", f"responsible_person is missing: {person.value}",
            "give name, address and e-mail of who answers for the goods there, for the SKU or the whole merchant",
        )  # fmt: skip
    if needs_license(goods.eccn) and not goods.export_license:
        yield Lack(
            "export_license", f"export_license is missing: the goods are {goods.eccn}",
            "give the number of the license, the exception that is used, or NLR where none is needed",
        )  # fmt: skip


def barred(goods: Goods, to: str, rules: Rules) -> dict[str, list[Restricted]]:
    """The ways on which the goods may not go there, each with what forbids it."""
    found = {mode: _restricted(goods, to, mode, rules) for mode in MODES}
    return {mode: restricted for mode, restricted in found.items() if restricted}


def _restricted(goods: Goods, to: str, mode: str, rules: Rules) -> list[Restricted]:
    too_heavy = [TOO_HEAVY] if mode == "post" and goods.weight_g > POSTAL_LIMIT_G else []
    return [*too_heavy, *rules.restricted(to, mode, goods.flags, goods.hs_digits)]


def _notes(goods: Goods, to: str, rules: Rules, currency: str) -> Iterator[str]:
    fixed = rules.stated(to, "low_value_duty")
    duty = f"a fixed duty of {fixed.value} {fixed.currency} per tariff heading" if fixed else "no duty"
    for rule, says in (("duty_free_to", f"{duty} on goods worth up to"), ("tax_free_to", "no tax on goods worth up to"),
                       ("scheme_to", "the seller may take the tax itself up to")):  # fmt: skip
        if stated := rules.stated(to, rule):
            worth = ""
            if currency and goods.value_minor and (limit := rules.converted(stated.amount, currency)) is not None:
                worth = f"; one of these is {'below' if to_decimal(goods.value_minor, currency) <= limit else 'above'}"
            yield f"{says} {stated.value} {stated.currency}{worth}"
    if scheme := rules.stated(to, "scheme"):
        yield f"scheme of the seller: {scheme.value}"
    if number := rules.stated(to, "recipient_tax_id"):
        yield f"the recipient's {number.value} is asked for"
    if ahead := rules.stated(to, "item_data"):
        yield f"sent ahead: {ahead.value}"


def samples(rules: Rules, kinds: Collection[str] = ()) -> Sequence[str]:
    """The lists in force that are samples, and so prove nothing."""
    return [kind for kind, listed in rules.lists.items() if listed.is_sample and (not kinds or kind in kinds)]
