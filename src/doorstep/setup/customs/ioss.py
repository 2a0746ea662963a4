"""ioss: whether a parcel goes under the seller's number of the Import One-Stop Shop: tax is paid at the sale then."""

from __future__ import annotations

from decimal import Decimal

from doorstep.kit.money import to_decimal
from doorstep.setup.customs import EU
from doorstep.setup.customs.rules import Amount, Rules

# Without a list: the limit of Directive 2006/112/EC, Article 369l.
IOSS_TO = Amount(Decimal(150), "EUR")


def is_under_ioss(to: str, worth_minor: int, currency: str, rules: Rules) -> bool:
    """Only into the Union, and only what is worth no more than the scheme allows."""
    if to not in EU:
        return False
    stated = rules.stated(to, "scheme_to")
    worth, most = to_decimal(worth_minor, currency), rules.converted(stated.amount if stated else IOSS_TO, currency)
    return most is None or worth <= most
