"""Price lists as carriers hand them out: the three forms, units and dates; what is wrong stands beside its row."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from doorstep.doors.rate_tables import Asked, as_text, merged, read_file, read_text, told
from doorstep.plug.ratecard import Break, RateCard, Service, Surcharge, Tariff, Zone, problems
from tests.rules.a_workbook import workbook

ZONES = (Zone(name="home", countries=("home",)), Zone(name="Zone 1", countries=("PL", "CZ")),
         Zone(name="Zone 2", countries=("*",)))  # fmt: skip
CARD = RateCard(currency="EUR", zones=ZONES, services=())
MATRIX = """Weight (kg);Zone 1;2;Poland
0.5;4,80;9.10;
1 kg;5,60;11,00;6.00
1.01 - 2;7.00;14.5;
each extra kg;1.20;2;
days;3;8;"""


def test_a_matrix_has_a_row_per_weight_and_a_column_per_zone() -> None:
    read = read_text(MATRIX, CARD, Asked("Ground"))
    assert (read.form, read.problems, read.prices) == ("matrix", [], 7)
    card = merged(CARD, read)
    assert problems(card) == []
    (service,) = card.services
    assert service.code == "ground"
    first, second, poland = service.tariffs
    assert (first.zone, first.days, first.per_extra_kg_minor) == ("Zone 1", 3, 120)
    assert [(one.up_to_g, one.amount_minor) for one in first.breaks] == [(500, 480), (1000, 560), (2000, 700)]
    assert (second.zone, second.days, second.breaks[-1].amount_minor) == ("Zone 2", 8, 1450)
    # A country that is no zone yet becomes one.
    assert poland.zone == "PL" and card.zones[-1] == Zone(name="PL", countries=("PL",))


def test_a_long_list_has_a_row_per_price_and_may_name_service_and_day() -> None:
    table = (
        "Service,Zone,Max weight lb,Rate,Transit days,Valid from\nExpress,1,1,$10.00,1-2,2027-01-01\n"
        "Express,1,2,$12.50,1-2,2027-01-01\nGround,2,8 oz,4.00,,\n"
    ).replace(",", "\t")
    read = read_text(table, CARD, Asked())
    assert (read.form, read.problems) == ("list", [])
    express, ground = merged(CARD, read).services
    (tariff,) = express.tariffs
    assert (tariff.begins, tariff.days) == (date(2027, 1, 1), 2)
    assert [(one.up_to_g, one.amount_minor) for one in tariff.breaks] == [(454, 1000), (907, 1250)]
    assert ground.tariffs[0].breaks == (Break(up_to_g=227, amount_minor=400),) and ground.tariffs[0].begins is None


def test_zones_are_countries_or_beginnings_of_postcodes() -> None:
    table = "Country;Postcode prefix;Zone\nGermany;;1\nGB;;2\nGB;IV, KW;3\nrest of world;;9\nhome;;0\nAtlantis;;4"
    read = read_text(table, RateCard(currency="EUR", zones=(), services=()), Asked())
    assert read.form == "zones"
    assert list(told(read.problems)) == ["line 7, Country: 'Atlantis': this is no country"]
    zones = {zone.name: zone for zone in read.zones.values()}
    assert zones["1"].countries == ("DE",) and zones["3"].postal == ("GB IV", "GB KW")
    assert (zones["9"].countries, zones["0"].countries) == (("*",), ("home",))


def test_what_is_wrong_stands_beside_its_row_and_column() -> None:
    table = "kg;Zone 1;Zone 7;Zone 2\nheavy;1;;\n1;free;;2.345\n2;9;;3\n3;8;;4\n3;8.5;;4"
    read = read_text(table, CARD, Asked("ground"))
    assert list(told(read.problems)) == [
        "line 1, Zone 7: 'Zone 7': the card has no such zone, and it is no country: load the zones first",
        "line 2, kg: 'heavy': this is no weight",
        "line 3, Zone 1: 'free': this is no price",
        "line 3, Zone 2: '2.345': EUR has no such small coins",
        "line 6, Zone 1: '3000': this weight has another price above",
        "line 5, Zone 1: '3000': ground to Zone 1: 3000 g costs less than 2000 g",
    ]
    nameless = read_text("kg;Zone 1\n1;2", CARD, Asked())
    assert [one.detail for one in nameless.problems] == ["which service is it?"]
    assert [one.detail for one in read_text("kg;Zone 1", CARD, Asked("x")).problems] == [
        "there is no row below the header"
    ]


def test_prices_of_later_wait_beside_those_of_now_and_everything_else_stays() -> None:
    extra = Surcharge(code="peak", amount_minor=50)
    now = Tariff(zone="Zone 1", breaks=(Break(up_to_g=500, amount_minor=400),))
    card = RateCard(currency="EUR", zones=ZONES, services=(
        Service(code="ground", tariffs=(now,), surcharges=(extra,), minimum_minor=300),
    ))  # fmt: skip
    later = read_text("kg;Zone 1\n0.5;4.40", card, Asked("ground", begins=date(2027, 1, 1)))
    (service,) = merged(card, later).services
    assert (service.surcharges, service.minimum_minor) == ((extra,), 300)
    assert [(one.begins, one.breaks[0].amount_minor) for one in service.tariffs] == [
        (None, 400),
        (date(2027, 1, 1), 440),
    ]
    again = merged(merged(card, later), read_text("kg;Zone 1\n0.5;4.20", card, Asked("ground")))
    assert [(one.begins, one.breaks[0].amount_minor) for one in again.services[0].tariffs] == [
        (date(2027, 1, 1), 440), (None, 420),
    ]  # fmt: skip


def test_a_workbook_and_a_csv_say_the_same(tmp_path: Path) -> None:
    rows = [["Weight (kg)", "Zone 1", "Zone 2"], ["0.5", "4.80", "9.10"], ["1", "5.60", "11.00"]]
    book, csv = workbook(tmp_path / "prices.xlsx", {"Prices": rows}), tmp_path / "prices.csv"
    csv.write_text("\n".join(",".join(row) for row in rows))
    reads = [read_file(path, CARD, Asked("ground")) for path in (book, csv)]
    assert [read.problems for read in reads] == [[], []]
    assert merged(CARD, reads[0]) == merged(CARD, reads[1])
    assert merged(CARD, read_text(as_text(reads[0]), CARD, Asked("ground"))) == merged(CARD, reads[1])


prices = st.lists(
    st.tuples(st.integers(1, 400), st.integers(0, 10**6)), min_size=1, max_size=12, unique_by=lambda p: p[0]
)


@given(prices)
def test_every_price_of_a_matrix_arrives(pairs: list[tuple[int, int]]) -> None:
    pairs = sorted(pairs)
    rising = sorted(amount for _, amount in pairs)
    table = "\n".join(["weight kg\tZone 1"] + [
        f"{weight / 10}\t{amount / 100:.2f}" for (weight, _), amount in zip(pairs, rising, strict=True)
    ])  # fmt: skip
    read = read_text(table, CARD, Asked("ground"))
    assert read.problems == []
    (tariff,) = merged(CARD, read).services[0].tariffs
    assert [(one.up_to_g, one.amount_minor) for one in tariff.breaks] == [
        (weight * 100, amount) for (weight, _), amount in zip(pairs, rising, strict=True)
    ]
