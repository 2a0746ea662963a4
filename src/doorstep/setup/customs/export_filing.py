"""export_filing: must the export be filed before the goods leave, and what do the papers say of it?

United States: electronic export information in AES for goods of one Schedule B or HTS code worth more than the limit,
or under a license whatever they are worth (15 CFR 30.2, 30.36, 30.37(a); legends: 15 CFR Part 30, Appendix B). The
limit, the exempt countries and the legends are rows of the list `country-rules`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from doorstep.kit.money import to_decimal
from doorstep.setup.customs.rules import Amount, Rules

# Classified as under no control list; and said of a shipment that needs no license.
UNCONTROLLED, NO_LICENSE = "EAR99", "NLR"


@dataclass(frozen=True, slots=True)
class Exported:
    hs_code: str
    value_minor: int
    export_license: str = ""


@dataclass(frozen=True, slots=True)
class Filing:
    """`legend`: what the papers say where nothing is filed."""

    needed: bool
    why: str
    legend: str = ""
    source: str = ""


def needs_license(eccn: str) -> bool:
    """Or the word that says that none is needed."""
    return bool(eccn) and eccn.upper() != UNCONTROLLED


def export_filing(goods: Iterable[Exported], start: str, to: str, currency: str, rules: Rules) -> Filing | None:
    """None where no list says that exports from there are filed."""
    limit = rules.stated(start, "export_filing_over")
    if limit is None:
        return None
    given = list(goods)
    licensed = sorted({one.export_license for one in given if one.export_license not in ("", NO_LICENSE)})
    if licensed:
        return Filing(True, f"goods leave under the license {', '.join(licensed)}", source=limit.source)
    exempt = rules.stated(start, "export_filing_exempt")
    if exempt and to in exempt.value.split():
        legend = rules.stated(start, "export_legend_exempt")
        return Filing(False, f"exports to {to} are exempt", legend.value if legend else "", exempt.source)
    told = f"{limit.value} {limit.currency}"
    for code, worth_minor in _by_code(given).items():
        worth = rules.converted(Amount(to_decimal(worth_minor, currency), currency), limit.currency)
        if worth is None:
            return Filing(True, f"no exchange rate is loaded for {currency}, so it may exceed {told}", "", limit.source)
        if worth > limit.number:
            why = f"goods of HS {code or 'code unknown'} are worth {worth.quantize(Decimal('0.01'))} {limit.currency}"
            return Filing(True, f"{why}, more than {told}", "", limit.source)
    low = rules.stated(start, "export_legend_low_value")
    return Filing(False, f"no goods of one HS code are worth more than {told}", low.value if low else "", limit.source)


def _by_code(goods: Iterable[Exported]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for one in goods:
        found[re.sub(r"\D", "", one.hs_code)] += one.value_minor
    return found
