"""numbers: tax and customs numbers of sellers and recipients, checked by their check digits where there are any.

Check digits: python-stdnum. An EORI is its country and up to 15 letters or digits (Delegated Regulation (EU) 2015/2446,
Annex B); where a country makes it of a number it has already, that number is checked too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType

from stdnum.br import cnpj, cpf
from stdnum.cl import rut
from stdnum.eu import oss, vat
from stdnum.exceptions import ValidationError
from stdnum.fr import siret
from stdnum.gb import vat as gb_vat
from stdnum.id import nik, npwp
from stdnum.il import hp
from stdnum.il import idnr as il_idnr
from stdnum.in_ import gstin, pan
from stdnum.kr import brn
from stdnum.mx import curp, rfc
from stdnum.pl import nip
from stdnum.tr import tckimlik, vkn
from stdnum.tw import ubn
from stdnum.ua import edrpou, rntrc
from stdnum.za import idnr as za_idnr
from stdnum.za import tin as za_tin

from doorstep.setup.customs import EU

Check = Callable[[str], bool]


def _any_of(*kinds: ModuleType) -> Check:
    return lambda number: any(kind.is_valid(number) for kind in kinds)


def _like(pattern: str) -> Check:
    shape = re.compile(pattern, re.ASCII)
    return lambda number: bool(shape.fullmatch(re.sub(r"[\s./-]", "", number).upper()))


@dataclass(frozen=True, slots=True)
class Kind:
    """A recipient's number as its country knows it."""

    name: str
    check: Check
    like: str


_PASSPORT = _like("[A-Z0-9]{6,9}")

RECIPIENTS: Mapping[str, Kind] = {
    "BR": Kind("CPF or CNPJ", _any_of(cpf, cnpj), "390.533.447-05"),
    "CL": Kind("RUT", _any_of(rut), "76086428-5"),
    "ID": Kind("NIK or NPWP", _any_of(nik, npwp), "01.300.066.6-091.000"),
    "IL": Kind("identity or company number", _any_of(il_idnr, hp), "39337423"),
    "IN": Kind("PAN, GSTIN or a passport",
               lambda number: _any_of(pan, gstin)(number) or _PASSPORT(number), "ACUPA7085R"),
    "KR": Kind("PCCC or business number", lambda number: _like("P[0-9]{12}")(number) or brn.is_valid(number),
               "P123456789012"),
    "MX": Kind("RFC or CURP", _any_of(rfc, curp), "GODE561231GR8"),
    "TR": Kind("T.C. kimlik or VKN", _any_of(tckimlik, vkn), "17291716060"),
    "TW": Kind("identity number or UBN", lambda number: _like("[A-Z][0-9]{9}")(number) or ubn.is_valid(number),
               "A123456789"),
    "UA": Kind("RNTRC or EDRPOU", _any_of(rntrc, edrpou), "1759013776"),
    "ZA": Kind("identity, tax or passport number",
               lambda number: _any_of(za_idnr, za_tin)(number) or _PASSPORT(number), "7503305044089"),
}  # fmt: skip


def recipient_number_problem(country: str, number: str) -> str:
    """What is wrong with it; "" when nothing is, or when nobody here knows such numbers."""
    kind = RECIPIENTS.get(country)
    if not kind or kind.check(number):
        return ""
    return f"{number[:40]} is no {kind.name}"


def eori_problem(eori: str) -> str:
    bare = re.sub(r"[\s.-]", "", eori).upper()
    if not re.fullmatch(r"[A-Z]{2}[A-Z0-9]{1,15}", bare, re.ASCII) or bare[:2] not in {*EU, "GB", "XI"}:
        return f"{eori[:40]} is no EORI: a country of the Union, GB or XI, and up to 15 letters or digits"
    country, rest = bare[:2], bare[2:]
    of_country: Mapping[str, Callable[[], bool]] = {
        "PL": lambda: rest.endswith("00000") and len(rest) >= 15 and (len(rest) != 15 or nip.is_valid(rest[:10])),
        "FR": lambda: len(rest) != 14 or siret.is_valid(rest),
        "GB": lambda: not rest.endswith("000") or len(rest) != 12 or gb_vat.is_valid(rest[:9]),
    }
    fits = of_country.get(country, lambda: True)()
    return "" if fits else f"{eori[:40]} is no EORI of {country}: its check digits are wrong"


def vat_problem(number: str) -> str:
    bare = re.sub(r"[\s.-]", "", number).upper()
    if bare[:2] in {*EU, "EL"}:
        return "" if vat.is_valid(bare) else f"{number[:40]} is no VAT number of {bare[:2]}"
    if bare[:2] in ("GB", "XI"):
        return "" if gb_vat.is_valid(bare[2:]) else f"{number[:40]} is no VAT number of {bare[:2]}"
    return ""


def ioss_problem(number: str) -> str:
    bare = re.sub(r"[\s.-]", "", number).upper()
    return "" if bare.startswith("IM") and _is_oss(bare) else f"{number[:40]} is no IOSS number: IM and ten digits"


def _is_oss(number: str) -> bool:
    try:
        return bool(oss.validate(number))
    except ValidationError:
        return False


def itn_is_well_formed(itn: str) -> bool:
    """An Internal Transaction Number of AES: X, the day, six digits (15 CFR Part 30, Appendix B)."""
    return bool(re.fullmatch(r"X20[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{6}", itn, re.ASCII))
