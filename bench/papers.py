"""papers: what the papers of one parcel over a border cost: label, CN 23, commercial invoice, packing slip.

`python -m bench papers [--parcels 200] [--json]`. No database and no carrier is in it: what stands on a paper is made
up, of another buyer and another number each time, and drawn as the doors draw it. Counted is the CPU of this process,
all its threads, after a warm-up; the median of three rounds.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from statistics import median

from doorstep.journey.fulfillment.papers import PackingSlip, SlipLine, packing_slip
from doorstep.journey.shipping.form_words import POSTAL, language_of
from doorstep.journey.shipping.papers import (
    CommercialInvoice,
    CustomsDeclaration,
    CustomsItem,
    CustomsParty,
    Label,
    cn23,
    commercial_invoice,
    label,
)
from doorstep.kit.paper import Address, Paper

WARM = 10
ROUNDS = 3
DAY = date(2026, 11, 23)
SITE = Address(
    name="Dock 4", company="Harbor Mugs", line1="1200 Dock Street", city="Newark", region="NJ", postcode="07102",
    country="US", phone="+1 973 555 0100",
)  # fmt: skip
BUYERS = (
    ("Anna Müller", "Lindenallee", "Berlin", "10115", "DE"), ("Zofia Żak", "ul. Złota", "Warszawa", "00-120", "PL"),
    ("Оксана Шевчук", "вул. Хрещатик", "Київ", "01001", "UA"),
    ("Marie Dubois", "rue de la Paix", "Lyon", "69002", "FR"),
    ("John Smith", "High Street", "Leeds", "LS1 4AP", "GB"), ("Lucía Gómez", "Calle Mayor", "Madrid", "28013", "ES"),
)  # fmt: skip
GOODS = (
    ("MUG-DAWN", "Ceramic mug, harbor at dawn", 2, 760, 3600, "6912.00"),
    ("CHG-65", "USB-C charger, 65 W", 1, 180, 2900, "8504.40"),
    ("TEE-M", "T-shirt of knitted cotton, M", 3, 540, 5400, "6109.10"),
)
ITEMS = tuple(
    CustomsItem(
        description=words, quantity=quantity, net_weight_g=weight_g, value_minor=value_minor, hs_code=hs_code,
        origin="US", unit_price=Decimal(value_minor) / 100 / quantity, sku=sku,
    )
    for sku, words, quantity, weight_g, value_minor, hs_code in GOODS
)  # fmt: skip


def papers_of(number: int) -> dict[str, Paper]:
    """The papers of parcel `number`."""
    name, street, city, postcode, country = BUYERS[number % len(BUYERS)]
    line1 = f"{street} {number % 90 + 1}"
    to = Address(name=f"{name} {number}", line1=line1, city=city, postcode=postcode, country=country)
    seller, buyer = CustomsParty(address=SITE, tax_id="12-3456789"), CustomsParty(address=to)
    tracking = f"MP{number:09d}US"
    order = f"#{10000 + number}"
    return {
        "label": label(Label(
            carrier="Meridian Post", service="International Tracked", tracking_number=tracking, ship_from=SITE,
            ship_to=to, weight_g=1650, reference=order, shipped_on=DAY,
        )),
        "cn23": cn23(CustomsDeclaration(
            sender=seller, recipient=buyer, items=ITEMS, currency="USD", declared_on=DAY, gross_weight_g=1650,
            tracking_number=tracking, signed_by="Harbor Mugs", language=language_of(country, POSTAL),
        )),
        "commercial_invoice": commercial_invoice(CommercialInvoice(
            number=f"par_{number}", issued_on=DAY, seller=seller, consignee=buyer, items=ITEMS, currency="USD",
            incoterm="DAP", incoterm_place=city, order_number=order, carrier="Meridian Post", tracking_number=tracking,
            gross_weight_g=1650, signed_by="Harbor Mugs", language=language_of(country),
        )),
        "packing_slip": packing_slip(PackingSlip(
            merchant="Harbor Mugs", order_number=order, fulfillment_order=f"fo_{number}", ship_from=SITE, ship_to=to,
            lines=tuple(SlipLine(sku=item.sku, title=item.description, quantity=item.quantity, ordered=item.quantity)
                        for item in ITEMS),
            ordered_on=DAY, shipping_method="International", parcel=f"par_{number}", parcel_count=1,
        )),
    }  # fmt: skip


def spent_ms(draw: Callable[[Paper], bytes], kinds: Sequence[str], first: int, count: int) -> dict[str, float]:
    """CPU milliseconds a paper, by kind; its filling in is counted with it."""
    spent = dict.fromkeys(kinds, 0.0)
    for number in range(first, first + count):
        filled_in = time.process_time()
        papers = papers_of(number)
        share = (time.process_time() - filled_in) / len(papers)
        for kind in kinds:
            began = time.process_time()
            made = draw(papers[kind])
            spent[kind] += time.process_time() - began + share
            if not made.startswith((b"%PDF-", b"^XA")):
                raise AssertionError(f"the {kind} of parcel {number} is no paper")
    return {kind: total / count * 1000 for kind, total in spent.items()}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench papers", description=__doc__)
    parser.add_argument("--parcels", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    kinds = list(papers_of(1))
    spent_ms(Paper.pdf, kinds, 1, WARM)
    spent_ms(Paper.zpl, ["label"], 1, WARM)
    rounds = [spent_ms(Paper.pdf, kinds, 1000 * (turn + 1), asked.parcels) for turn in range(ROUNDS)]
    by_paper = {kind: round(median(one[kind] for one in rounds), 2) for kind in kinds}
    zpl = spent_ms(Paper.zpl, ["label"], 9000, min(asked.parcels, 50))
    told = {
        "parcels": asked.parcels * ROUNDS,
        "cpu_ms_per_parcel": round(median(sum(one.values()) for one in rounds), 2),
        "cpu_ms_per_paper": by_paper,
        "cpu_ms_per_label_zpl": round(zpl["label"], 2),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    for kind, spent in by_paper.items():
        print(f"{kind:<20} {spent:6.2f} ms CPU")
    print(
        f"{'a parcel':<20} {told['cpu_ms_per_parcel']:6.2f} ms CPU; its label as ZPL {told['cpu_ms_per_label_zpl']} ms"
    )
    if asked.json:
        print(json.dumps(told))
