"""profile: how a merchant trades across borders: what it pays for, who answers for its goods, who files its exports."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from doorstep.kit.refusals import Refusal
from doorstep.setup.customs import EU
from doorstep.setup.customs.lists import UNION
from doorstep.setup.customs.numbers import eori_problem, ioss_problem, vat_problem

Place = Annotated[str, Meta(pattern="^[A-Z]{2}$")]
_CHECKS = {"eori": eori_problem, "ioss": ioss_problem, "vat": vat_problem}


class NotATaxNumber(Refusal):
    """This is not the number that it is said to be."""

    status = 422


class NotACustomsProfile(Refusal):
    """This does not say how a merchant trades across borders."""

    status = 422


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`ddp_to`: where the seller pays duty and tax (EU for all of the Union); elsewhere the buyer does, at the door.

    `responsible_person`: name, address and e-mail of who answers in the Union for its consumer goods.
    `filing`: who files exports that must be filed, the merchant itself or the carrier for it.
    """

    ddp_to: list[Place] = []
    responsible_person: Annotated[str, Meta(max_length=500)] = ""
    filing: Literal["own", "carrier"] = "own"

    def pays_in(self, country: str) -> bool:
        return country in self.ddp_to or (country in EU and UNION in self.ddp_to)


def profile_of(customs: Any) -> Profile:
    """As it is kept in the merchant's row."""
    return msgspec.convert(msgspec.json.decode(customs) if isinstance(customs, str | bytes) else customs, Profile)


def check_profile(customs: Any) -> None:
    try:
        msgspec.convert(customs, Profile)
    except msgspec.ValidationError as error:
        raise NotACustomsProfile(problem=str(error)[:200]) from None


def check_tax_numbers(numbers: Any) -> None:
    """Those whose form is known."""
    if not isinstance(numbers, dict):
        raise NotATaxNumber(problem="it is no set of numbers by name: vat, eori, ioss …")
    for name, check in _CHECKS.items():
        number = str(numbers.get(name) or "")
        if number and (problem := check(number)):
            raise NotATaxNumber(name=name, problem=problem)
