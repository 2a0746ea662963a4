"""Customs as rules: lists from any file, names however written, numbers by their check digits, costs to the cent."""

from __future__ import annotations

import csv
import gzip
import io
import os
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorstep.journey.shipping import form_words
from doorstep.setup.checks import NotAnEccn, eccn
from doorstep.setup.customs.export_filing import Exported, export_filing
from doorstep.setup.customs.landed_cost import Bought, landed_cost
from doorstep.setup.customs.lists import KINDS, POSTCODES, RULES, Kind, NotARuleList, RuleList, read_list
from doorstep.setup.customs.loading import sample
from doorstep.setup.customs.names import ALIKE_FROM, compared, keys_of, likeness, searches_for
from doorstep.setup.customs.numbers import (
    RECIPIENTS,
    eori_problem,
    ioss_problem,
    itn_is_well_formed,
    recipient_number_problem,
    vat_problem,
)
from doorstep.setup.customs.readiness import Goods, readiness
from doorstep.setup.customs.rules import NO_RULES, Amount, Listed, Restricted, Rules, Stated
from doorstep.setup.customs.wording import vague

DAY = date(2026, 11, 20)
MUG = Goods(5, "MUG", "6912.00", "US", "ceramic mug", 350, 1250)
EURO = {"USD": Decimal("1.12"), "GBP": Decimal("0.83"), "JPY": Decimal(176)}
PLACES = ("UA", "DE", "GB", "JP", "US", "KR")


def listed(*kinds: str) -> dict[str, Listed]:
    return {kind: Listed(kind, DAY, False, "a test") for kind in kinds}


def said(**rules: tuple[str, str]) -> dict[str, Stated]:
    return {name: Stated(value, currency, "a test") for name, (value, currency) in rules.items()}


UKRAINE = Rules(
    DAY, listed("duty-rates", "country-rules", "exchange-rates"),
    countries={"UA": said(duty_free_to=("150", "EUR"), tax_free_to=("150", "EUR"), only_above=("yes", ""),
                          tax_percent=("20", ""), tax_name=("VAT", ""), clearance_fee=("2", "EUR"))},
    duties={"UA": {("*", "*"): (Decimal(10), "")}}, per_euro=EURO,
)  # fmt: skip


# What a basket costs at the door


@st.composite
def baskets(draw: st.DrawFn) -> dict[str, Any]:
    """Any goods, to a place of any rules."""
    percent = st.decimals(0, 300, places=3).map(str)
    amount = st.tuples(st.integers(0, 5000).map(str), st.sampled_from(["EUR", "USD", "JPY", "XAF"]))
    optional = {
        "duty_free_to": amount, "tax_free_to": amount, "scheme_to": amount, "low_value_duty": amount,
        "clearance_fee": amount, "tax_percent": percent.map(lambda one: (one, "")),
        "only_above": st.just(("yes", "")), "duty_base": st.sampled_from([("cif", ""), ("fob", "")]),
        "scheme": st.just(("IOSS", "")),
    }  # fmt: skip
    stated = draw(st.fixed_dictionaries({}, optional=optional))
    rates = draw(st.dictionaries(st.tuples(st.sampled_from(["69", "691200", "*"]), st.sampled_from(["US", "*"])),
                                 st.decimals(0, 1000, places=4).map(lambda one: (one, "x")), max_size=4))  # fmt: skip
    lines = draw(st.lists(
        st.builds(Bought, st.just("MUG"), st.sampled_from(["", "691200", "610910"]), st.sampled_from(["", "US", "CN"]),
                  st.integers(1, 9), st.integers(0, 10**9)), max_size=6,
    ))  # fmt: skip
    rules = Rules(DAY, listed("country-rules"), countries={"UA": said(**stated)}, duties={"UA": rates}, per_euro=EURO)
    return {
        "lines": lines, "to": "UA", "currency": draw(st.sampled_from(["USD", "EUR", "JPY", "KWD"])), "rules": rules,
        "shipping_minor": draw(st.integers(0, 10**6)), "scheme": draw(st.booleans()),
    }  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(baskets())
def test_what_it_costs_at_the_door_is_the_sum_of_its_parts_to_the_cent(basket: dict[str, Any]) -> None:
    cost = landed_cost(**basket)
    assert cost.goods_minor == sum(line.value_minor for line in basket["lines"])
    assert cost.shipping_minor == (basket["shipping_minor"] if basket["lines"] else 0)
    parts = cost.goods_minor + cost.shipping_minor + cost.duty_minor + cost.tax_minor + cost.fee_minor
    assert cost.total_minor == parts == sum(line.total_minor for line in cost.lines) + cost.fee_minor
    for line in cost.lines:
        assert min(line.duty_minor, line.tax_minor, line.shipping_minor) >= 0
        assert len(line.basis) == 2 and all(line.basis)
    assert cost == landed_cost(**basket)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=5))
def test_only_what_exceeds_the_limit_is_charged_where_the_law_says_so(values: list[int]) -> None:
    lines = [Bought("MUG", "691200", "US", 1, value) for value in values]
    cost = landed_cost(lines, "UA", "EUR", UKRAINE)
    above = max(0, sum(values) - 15000)
    assert abs(cost.duty_minor - Decimal(above) / 10) <= len(values)
    assert abs(cost.tax_minor - (above + cost.duty_minor) / Decimal(5)) <= len(values)
    assert cost.fee_minor == (200 if cost.duty_minor + cost.tax_minor else 0)


def test_every_amount_says_how_it_came_about() -> None:
    cost = landed_cost([Bought("MUG", "691200", "US", 2, 30000)], "UA", "EUR", UKRAINE, shipping_minor=1000)
    (line,) = cost.lines
    assert (line.duty_minor, line.tax_minor, cost.fee_minor) == (1500, 3300, 200)
    assert line.basis == (
        "duty 10% of the value above the limit, 150.00 EUR (HS * from *)", "VAT 20% of 165.00 EUR with duty (a test)",
    )  # fmt: skip
    assert cost.basis == ("clearance 2 EUR, as something is due (a test)",)
    assert cost.paid_by == "the buyer pays duty and tax at the door (DAP)"


def test_what_no_list_tells_is_said_and_not_taken_for_nothing() -> None:
    cost = landed_cost([Bought("MUG", "691200", "US", 1, 9900)], "FR", "XOF", UKRAINE)
    assert cost.unknown == ("no duty rate is loaded for HS 691200 to FR", "no tax rate is loaded for FR")
    free = landed_cost([Bought("MUG", "691200", "US", 1, 0)], "UA", "EUR", UKRAINE, shipping_minor=500)
    assert (free.unknown, free.total_minor, free.duty_minor + free.tax_minor) == (("what MUG is worth",), 500, 0)
    unknown = landed_cost([Bought("MUG", "691200", "US", 1, 9900)], "UA", "XOF", UKRAINE)
    assert "no exchange rate is loaded between EUR and XOF" in unknown.unknown


def test_below_the_limit_a_fixed_duty_is_paid_once_per_heading() -> None:
    union = said(duty_free_to=("150", "EUR"), low_value_duty=("3", "EUR"), tax_percent=("19", ""),
                 scheme=("IOSS", ""), scheme_to=("150", "EUR"))  # fmt: skip
    rules = Rules(DAY, listed("country-rules"), countries={"EU": union}, per_euro=EURO)
    lines = [
        Bought("A", "691200", "US", 1, 1000),
        Bought("B", "691200", "US", 1, 2000),
        Bought("C", "6109", "US", 1, 5),
    ]
    cost = landed_cost(lines, "DE", "EUR", rules, scheme=True)
    assert [line.duty_minor for line in cost.lines] == [100, 200, 300]
    assert cost.paid_by.startswith("tax by the seller under IOSS")


def test_the_best_duty_rate_is_the_longest_code_then_the_origin_that_is_named() -> None:
    rates = {("*", "*"): (Decimal(4), ""), ("6912", "*"): (Decimal(9), ""), ("6912", "EU"): (Decimal(0), ""),
             ("69", "US"): (Decimal(1), "")}  # fmt: skip
    rules = Rules(DAY, duties={"UA": rates, "EU": {("*", "*"): (Decimal(5), "")}})
    found = [rules.duty("UA", "691200", "PL"), rules.duty("UA", "691200", "CN"), rules.duty("UA", "610910", "US")]
    assert [rate and rate.percent for rate in found] == [0, 9, 4]
    assert (rate := rules.duty("FR", "691200", "US")) and rate.percent == 5  # of the Union
    assert rules.duty("KE", "691200", "US") is None


# May it go


def test_a_code_is_listed_when_the_list_has_it_or_nothing_longer_above_it() -> None:
    rules = Rules(DAY, listed("hs-codes"), hs_codes={"69": False, "6912": False, "691200": True, "61": True})
    assert [rules.is_listed(code) for code in ("691200", "6912009900", "691299", "610910", "990000")] == [
        True, True, False, True, False,
    ]  # fmt: skip
    assert NO_RULES.is_listed("990000")


def test_a_mode_that_does_not_take_the_goods_is_told_with_its_reason() -> None:
    rules = Rules(DAY, restrictions={"*": (Restricted("post", "battery", "", "no batteries", "a test"),),
                                     "EU": (Restricted("*", "", "8543", "not these", "a test"),)})  # fmt: skip
    bank = Goods(1, "BANK", "850760", "CN", "power bank", 300, 1000, ("battery",))
    assert not readiness(bank, "UA", "post", rules).ready
    assert readiness(bank, "UA", "courier", rules).ready
    anvil = Goods(1, "ANVIL", "820750", "US", "steel anvil", 30_001, 1000)
    assert [readiness(anvil, "UA", mode, rules).ready for mode in ("post", "courier", "freight")] == [False, True, True]
    vape = Goods(1, "VAPE", "854340", "CN", "electronic cigarette", 300, 1000)
    assert [readiness(vape, "DE", mode, rules).ready for mode in ("post", "courier", "freight")] == [False] * 3


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=10), st.integers(-5, 5), st.sampled_from(PLACES))
def test_any_goods_have_an_answer_and_each_lack_names_its_field(
    text: str, code: str, origin: str, weight: int, to: str
) -> None:
    cell = readiness(Goods(1, "X", code, origin, text, weight, 0), to, "post", UKRAINE)
    assert cell.ready == (not cell.lacking and not cell.restricted)
    assert all(lack.field and lack.detail and lack.mend for lack in cell.lacking)


@pytest.mark.parametrize(
    ("text", "fits"),
    [("ceramic mug", True), ("mug", True), ("Gift box of ceramic mugs", True), ("Чашка з кераміки", True),
     ("磁器のカップ", True), ("gift", False), ("GIFTS", False), ("spare parts", False), ("parts for bicycle", True),
     ("sample", False),
     ("Various goods", False), ("as per attached invoice", False), ("a", False), ("...", False), ("12345", False),
     ("", False), (" ", False), ("new", False)],
)  # fmt: skip
def test_a_text_that_could_be_said_of_anything_says_nothing(text: str, fits: bool) -> None:
    assert (vague(text) == "") is fits


# Is it the same name


@pytest.mark.parametrize(
    ("one", "other"),
    [("Іван Петренко", "Ivan Petrenko"), ("PETRENKO, Ivan", "Ivan Petrenko"), ("Ivan Petrnko", "Ivan Petrenko"),
     ("Ivan Petrenkо", "Ivan Petrenko"), ("Muhammed Al-Hassan", "Mohammad Al Hasan"), ("José García", "Jose Garcia"),
     ("John E. Smith", "John Edward Smith"), ("Acme Trading LLC", "ACME TRADING CO., LTD."),
     ("Łukasz Żółć", "Lukasz Zolc"), ("Олександр Коваленко", "Oleksandr Kovalenko"),
     ("Grey Heron Shipping", "Gray Heron Shipping Company")],
)  # fmt: skip
def test_the_same_name_is_known_however_it_is_written(one: str, other: str) -> None:
    assert likeness(one, [other])[0] >= ALIKE_FROM
    keys = set(keys_of(other))  # and it is found
    assert any(keys & set(first) and keys & set(second) for first, second in searches_for(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ada Byrne", "Adam Byron"), ("Ivan Petrenko", "Ivan Petrov"), ("Acme", "Acme Trading House"),
     ("Maria", "Maria Garcia"), ("Mary Smith", "Mark Smith"), ("John Smith", "Jane Smith"),
     ("Trading Company", "Basalt Trading Company"), ("Lee", "Li Wei"), ("", "Ivan")],
)  # fmt: skip
def test_other_names_are_left_alone(one: str, other: str) -> None:
    assert likeness(one, [other])[0] < ALIKE_FROM


@pytest.mark.parametrize("styled", ["𝐈𝐯𝐚𝐧 𝐏𝐞𝐭𝐫𝐨𝐯", "ⒾⓋⒶⓃ ⓅⒺⓉⓇⓄⓋ", "🄸🅅🄰🄽 🄿🄴🅃🅁🄾🅅", "Ｉｖａｎ Ｐｅｔｒｏｖ"])
def test_a_name_in_styled_letters_is_the_same_name(styled: str) -> None:
    assert likeness(styled, ["Ivan Petrov"])[0] == 100


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_two_names_can_be_compared_and_order_says_nothing(one: str, other: str) -> None:
    score, _ = likeness(one, [other])
    assert 0 <= score <= 100
    assert score == likeness(other, [one])[0]
    assert compared(compared(one)) == compared(one)
    if compared(one):
        assert likeness(one, [one])[0] == 100 and keys_of(one)


# Numbers


@pytest.mark.parametrize("country", RECIPIENTS)
def test_each_countrys_number_is_taken_as_it_is_given_for_an_example_and_no_other(country: str) -> None:
    assert recipient_number_problem(country, RECIPIENTS[country].like) == ""
    assert recipient_number_problem(country, "0-not-a-number-0").endswith(f"is no {RECIPIENTS[country].name}")


def test_of_other_countries_any_number_is_taken() -> None:
    assert recipient_number_problem("FR", "anything") == ""


@given(st.sampled_from(sorted(RECIPIENTS)), st.text(max_size=50))
def test_any_text_is_answered_for(country: str, number: str) -> None:
    for problem in (recipient_number_problem(country, number), eori_problem(number), vat_problem(number),
                    ioss_problem(number)):  # fmt: skip
        assert isinstance(problem, str)


def test_numbers_of_sellers_are_checked_by_their_digits() -> None:
    assert eori_problem("PL 8567346215 00000") == eori_problem("GB980780684000") == eori_problem("DE1234567") == ""
    assert all(
        eori_problem(one) for one in ("PL856734621600000", "GB980780685000", "US123", "DE", "DE1234567890123456")
    )
    assert (ioss_problem("IM3720000224"), vat_problem("DE136695976"), vat_problem("US1")) == ("", "", "")
    assert ioss_problem("IM0000000000") and ioss_problem("EU372022452") and vat_problem("DE136695977")
    assert itn_is_well_formed("X20261120123456")
    assert not any(map(itn_is_well_formed, ("X20261320123456", "x20261120123456", "X2026112012345", "")))
    with pytest.raises(NotAnEccn):
        eccn("EAR 99")
    eccn("5A992.c")


# The export

EXPORT = said(export_filing_over=("2500", "USD"), export_filing_exempt=("CA", ""),
              export_legend_low_value=("NOEEI § 30.37(a)", ""), export_legend_exempt=("NOEEI § 30.36", ""))  # fmt: skip
FROM_US = Rules(DAY, listed("country-rules"), countries={"US": EXPORT}, per_euro=EURO)


@given(st.lists(st.tuples(st.sampled_from(["691200", "6912.00", "610910"]), st.integers(0, 300000)), max_size=5))
def test_an_export_is_filed_when_goods_of_one_code_are_worth_more_than_the_limit(goods: list[tuple[str, int]]) -> None:
    filing = export_filing([Exported(code, value) for code, value in goods], "US", "UA", "USD", FROM_US)
    ware = sum(value for code, value in goods if code != "610910")
    assert filing and filing.needed == (max(ware, sum(value for _, value in goods) - ware) > 250000)
    assert filing.legend == ("" if filing.needed else "NOEEI § 30.37(a)")


def test_to_some_countries_a_penny_is_filed_and_to_others_what_a_control_list_names() -> None:
    export = EXPORT | said(export_filing_always=("CU IR", ""), export_filing_controlled=("CN", ""))
    rules = Rules(DAY, listed("country-rules"), countries={"US": export}, per_euro=EURO)
    cheap, battery = Exported("691200", 100), Exported("850760", 100, "NLR", "5A992.c")
    assert (told := export_filing([cheap], "US", "CU", "USD", rules)) and told.needed and not told.legend
    assert (told := export_filing([cheap], "US", "CN", "USD", rules)) and not told.needed
    assert (told := export_filing([cheap, battery], "US", "CN", "USD", rules)) and told.needed and "5A992.c" in told.why
    assert (told := export_filing([battery], "US", "UA", "USD", rules)) and not told.needed


def test_canada_is_exempt_unless_a_license_is_used_and_an_unknown_currency_is_filed() -> None:
    dear = [Exported("691200", 999999)]
    assert (filing := export_filing(dear, "US", "CA", "USD", FROM_US)) and filing.legend == "NOEEI § 30.36"
    licensed = export_filing([Exported("691200", 1, "D123")], "US", "CA", "USD", FROM_US)
    assert licensed and licensed.needed
    assert (unknown := export_filing(dear, "US", "UA", "XOF", FROM_US)) and unknown.needed
    assert export_filing(dear, "PL", "UA", "USD", FROM_US) is None


# Lists


def told(kind: Kind, *lines: str, head: str = "# as_of: 2026-07-01\n# source: a test\n") -> RuleList:
    return read_list(kind, (head + "\n".join(lines)).encode(), "a.csv")


def problems(kind: Kind, raw: bytes) -> list[dict[str, Any]]:
    with pytest.raises(NotARuleList) as refused:
        read_list(kind, raw, "a.csv")
    found: list[dict[str, Any]] = refused.value.why["problems"]
    return found


@pytest.mark.parametrize("kind", (*KINDS, POSTCODES))
def test_each_sample_is_a_list_and_says_that_it_is_a_sample(kind: Kind) -> None:
    made = read_list(kind, sample(kind).read_bytes(), kind)
    assert made.is_sample and "sample" in made.source and made.rows
    if kind == "country-rules":
        assert all(row.data["source"] for row in made.rows)


HEAD = b"# as_of: 2026-07-01\n# source: x\n"
TORTURE: list[tuple[Kind, bytes, str]] = [
    ("hs-codes", b"", "as_of"),
    ("hs-codes", b"code\n691200\n", "as_of"),
    ("hs-codes", b"# as_of: 2026-07-01\ncode\n691200\n", "source"),
    ("hs-codes", b"# as_of: yesterday\n# source: x\ncode\n691200\n", "as_of"),
    ("hs-codes", HEAD + b"code\n", ""),
    ("hs-codes", HEAD + b"description\nmugs\n", "code"),
    ("hs-codes", HEAD + b"code,code\n691200,691200\n", ""),
    ("hs-codes", HEAD + b"code\n69120\n", "code"),
    ("hs-codes", HEAD + "code\n６９１２００\n".encode(), "code"),
    ("hs-codes", HEAD + b"code\n691200\n6912.00\n", ""),
    ("hs-codes", HEAD + b"code\n691200,too,many\n", ""),
    ("hs-codes", HEAD + b'code\n"691200\n', ""),
    ("hs-codes", HEAD + b"code\n\xff\xfe\n", ""),
    ("hs-codes", HEAD + b"code\n69\x001200\n", ""),
    ("hs-codes", HEAD + b"code,description\n691200," + b"x" * 140_000 + b"\n", "description"),
    ("duty-rates", HEAD + b"country,hs,percent\nUA,*,-1\n", "percent"),
    ("duty-rates", HEAD + b"country,hs,percent\nUA,*,1e3\n", "percent"),
    ("duty-rates", HEAD + b"country,hs,percent\nUA,*,Infinity\n", "percent"),
    ("duty-rates", HEAD + b"country,hs,percent\nUA,*,\n", "percent"),
    ("duty-rates", HEAD + b"country,hs,percent\nUkraine,*,1\n", "country"),
    ("duty-rates", HEAD + b"country,hs,origin,percent\nUA,*,mars,1\n", "origin"),
    ("duty-rates", HEAD + b"country,hs,percent,since,until\nUA,*,1,2026-01-01,2025-01-01\n", "until"),
    ("duty-rates", HEAD + b"country,hs,percent,since\nUA,*,1,01.02.2026\n", "since"),
    ("country-rules", HEAD + b"country,rule,value\nUA,tax,20\n", "rule"),
    ("country-rules", HEAD + b"country,rule,value\nUA,duty_free_to,150\n", "currency"),
    ("country-rules", HEAD + b"country,rule,value\nUA,duty_base,ddp\n", "value"),
    ("country-rules", HEAD + b"country,rule,value\nUA,only_above,no\n", "value"),
    ("country-rules", HEAD + b"country,rule,value\nUS,export_filing_exempt,CA XX\n", "value"),
    ("restrictions", HEAD + b"country,mode,reason\nUA,post,why\n", "flag"),
    ("restrictions", HEAD + b"mode,flag,reason\npigeon,battery,why\n", "mode"),
    ("restrictions", HEAD + b"flag,reason\nbattery,\n", "reason"),
    ("exchange-rates", HEAD + b"currency,per_euro\nUSD,0\n", "per_euro"),
    ("postcodes", HEAD + b"country,postcode\nUS,10001\n", "latitude, longitude"),
    ("postcodes", HEAD + b"country,postcode,latitude,longitude\nUS,,40,-73\n", "postcode"),
    ("postcodes", HEAD + b"country,postcode,latitude,longitude\nUS,10001,91,-73\n", "latitude"),
    ("postcodes", HEAD + b"country,postcode,latitude,longitude\nUS,10001,40,--73\n", "longitude"),
    ("exchange-rates", HEAD + b"currency,per_euro\nDOG,1\n", "currency"),
    ("denied-parties", HEAD + b"id,name\n1,\n", "name"),
    ("denied-parties", HEAD + b"id,name\n1,...\n", "name"),
    ("denied-parties", HEAD + b"id,name\n1,Ivan\n1,Petro\n", ""),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "raw", "field"), TORTURE, ids=[f"{kind}-{n}" for n, (kind, *_) in enumerate(TORTURE)])
def test_a_file_that_is_not_as_it_must_be_is_refused_by_row_and_field(kind: Kind, raw: bytes, field: str) -> None:
    assert problems(kind, raw)[0]["field"] == field


def test_no_more_problems_are_told_than_anybody_reads() -> None:
    with pytest.raises(NotARuleList) as refused:
        told("duty-rates", "country,hs,percent", *("XX,*,1" for _ in range(500)))
    assert (len(refused.value.why["problems"]), refused.value.why["more"]) == (20, 480)


@given(st.sampled_from(KINDS), st.binary(max_size=400))
def test_any_bytes_are_a_list_or_a_refusal(kind: Kind, raw: bytes) -> None:
    for head in (b"", HEAD, HEAD + b"code,country,rule,value,hs,percent,currency,per_euro,name,reason,flag\n"):
        try:
            assert read_list(kind, head + raw, "a.csv").rows
        except NotARuleList as refused:
            assert refused.why["problems"]


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)


@given(st.sampled_from(KINDS), st.lists(st.lists(CELLS, min_size=3, max_size=7), max_size=5))
def test_any_cells_are_a_list_or_a_refusal(kind: Kind, rows: list[list[str]]) -> None:
    columns = ["country", "code", "rule", "value", "hs", "percent", "name"]
    text = io.StringIO()
    csv.writer(text).writerows([columns, *rows])
    try:
        assert read_list(kind, HEAD + text.getvalue().encode(), "a.csv").rows
    except NotARuleList as refused:
        assert refused.why["problems"]


def test_windows_files_dots_in_codes_and_dates_of_rows_are_understood() -> None:
    raw = "\ufeff# as-of: 2026-07-01\r\n# Source: a test\r\nCode ; x,Description\r\n".replace("Code ; x", "CODE")
    made = read_list("hs-codes", (raw + '6912.00,"mugs, cups"\r\n\r\n69,ceramics\r\n').encode(), "a.csv")
    assert [(row.key, row.data["leaf"]) for row in made.rows] == [("691200", True), ("69", False)]
    assert made.as_of == date(2026, 7, 1) and not made.is_sample
    given_day = read_list("hs-codes", b"code\n691200\n", "a.csv", as_of=DAY, source="beside it")
    assert (given_day.as_of, given_day.source) == (DAY, "beside it")


def test_a_rate_converts_both_ways_and_only_where_it_is_known() -> None:
    assert UKRAINE.converted(Amount(Decimal(150), "EUR"), "USD") == 168
    assert UKRAINE.converted(Amount(Decimal(168), "USD"), "EUR") == 150
    assert UKRAINE.converted(Amount(Decimal(1), "USD"), "XOF") is None
    assert UKRAINE.converted(Amount(Decimal(1), "XOF"), "XOF") == 1


# Words of forms


def test_every_word_of_the_forms_is_there_in_every_language() -> None:
    assert {"uk", "de", "fr", "es", "pl"} <= set(form_words.languages())
    for language in form_words.languages():
        assert [key for key, (english, other) in form_words.words(language).items() if not english or not other] == []


@pytest.mark.parametrize(
    ("country", "language"),
    [("UA", "uk"), ("DE", "de"), ("AT", "de"), ("FR", "fr"), ("BE", "fr"), ("ES", "es"), ("MX", "es"), ("PL", "pl"),
     ("BR", "pt"), ("IT", "it"), ("JP", ""), ("US", ""), ("", "")],
)  # fmt: skip
def test_a_form_speaks_the_language_of_where_the_goods_go(country: str, language: str) -> None:
    found = form_words.language_of(country)
    assert found == language or (country, found) == ("BE", "de") or (country, found) == ("US", "es")


def test_every_rule_of_a_country_is_told_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "customs.md").read_text("utf-8")
    assert [name for name in RULES if f"`{name}`" not in page] == []
    assert [kind for kind in KINDS if f"`{kind}`" not in page] == []


def test_the_whole_nomenclature_is_a_list_of_hs_codes() -> None:
    data = os.environ.get("DOORSTEP_DATA")
    if not data:
        pytest.skip("DOORSTEP_DATA is not set: the whole nomenclature is not here")
    with gzip.open(Path(data) / "reference" / "hs2022_codes.csv.gz") as file:
        raw = file.read()
    made = read_list("hs-codes", raw, "hs2022.csv", as_of=date(2022, 1, 1), source="HS 2022")
    leaves = [row for row in made.rows if row.data["leaf"]]
    assert len(made.rows) > 6900 and len(leaves) > 5600
    assert {len(row.key) for row in leaves} == {6}
