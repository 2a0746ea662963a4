"""customs_data: what customs will ask about goods that cross a border, known before they are packed."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from doorstep.journey.processing.problems import Problem
from doorstep.setup.customs import no_border_between
from doorstep.setup.sites import Site

HS_DIGITS = 6  # what the whole world shares; countries add their own behind


@dataclass(frozen=True, slots=True)
class Goods:
    """A SKU as customs sees it."""

    sku_id: int
    code: str
    hs_code: str
    origin: str
    customs_text: str
    weight_g: int
    value_minor: int


def crosses_border(site: Site, ship_to: Mapping[str, Any]) -> bool:
    country, postcode = str(ship_to.get("country") or ""), str(ship_to.get("postcode") or "")
    return not no_border_between(site.country, site.postcode, country, postcode)


def missing_for_customs(goods: Goods, unit_price: Decimal) -> list[str]:
    """The SKU's fields that must be filled before it can cross a border."""
    filled = {
        "hs_code": len(re.sub(r"\D", "", goods.hs_code)) >= HS_DIGITS,
        "origin": bool(re.fullmatch("[A-Z]{2}", goods.origin)),
        "customs_text": bool(goods.customs_text.strip()),
        "weight_g": goods.weight_g > 0,
        "value_minor": goods.value_minor > 0 or unit_price > 0,
    }
    return [name for name, is_filled in filled.items() if not is_filled]


def customs_problem(
    line_no: int, goods: Goods, unit_price: Decimal, ship_to: Mapping[str, Any], could_give: Collection[Site]
) -> Problem | None:
    """Only when every site that could give it is behind a border: else it goes from one that is not."""
    missing = missing_for_customs(goods, unit_price)
    if not missing or not could_give or not all(crosses_border(site, ship_to) for site in could_give):
        return None
    why = {
        "sku": goods.code,
        "fields": [{"field": name, "detail": f"{name} is missing"} for name in missing],
        "lifts": f"complete {goods.code}: {', '.join(missing)}; then check again",
    }
    reason = f"{goods.code} crosses a border to {ship_to.get('country')} without {', '.join(missing)}"
    return Problem("customs_data", reason, why, line_no)
