"""export_filing: must the export be filed before the goods leave, and what do the papers say of it?

United States: electronic export information in AES for goods of one Schedule B or HTS code worth more than the limit;
under a license, and to some countries, whatever they are worth (15 CFR 30.2, 30.36, 30.37(a), 758.1(b); legends: 15 CFR
Part 30, Appendix B). The limit, the countries and the legends are rows of the list `country-rules`.
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
    eccn: str = ""


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
    if always := _filed_at_any_worth(given, start, to, rules):
        return always
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


def _filed_at_any_worth(goods: list[Exported], start: str, to: str, rules: Rules) -> Filing | None:
    """To some countries everything is filed, to others what a control list names, license or none."""
    always = rules.stated(start, "export_filing_always")
    if always and to in always.value.split():
        return Filing(True, f"exports to {to} are filed whatever they are worth", source=always.source)
    controlled = rules.stated(start, "export_filing_controlled")
    if controlled and to in controlled.value.split():
        eccns = sorted({one.eccn for one in goods if needs_license(one.eccn)})
        if eccns:
            why = f"goods under {', '.join(eccns)} to {to} are filed whatever they are worth"
            return Filing(True, why, source=controlled.source)
    return None


def _by_code(goods: Iterable[Exported]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for one in goods:
        found[re.sub(r"\D", "", one.hs_code)] += one.value_minor
    return found
