"""orders: the order that is measured: three lines of random SKUs, a buyer and a doorstep of its own."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bench.scene import sku_code

LINES, PRICE, PRICE_MINOR = 3, "19.99", 1999
STREETS = ("Maple Avenue", "Oak Street", "Second Street", "Park Road", "Washington Boulevard", "Lake View Drive")

# Chooses a SKU's number.
Choose = Callable[[], int]


def uniform(skus: int, chance: random.Random) -> Choose:
    return lambda: chance.randrange(skus)


def zipf(skus: int, chance: random.Random, exponent: float = 1.1) -> Choose:
    """Few SKUs are wanted much, many a little: the nth in proportion to 1 / n ** exponent."""
    weights = list(itertools.accumulate(1 / (n + 1) ** exponent for n in range(skus)))
    numbers = range(skus)
    return lambda: chance.choices(numbers, cum_weights=weights)[0]


def only(sku: int) -> Choose:
    return lambda: sku


def several(choose: Choose, lines: int = LINES) -> list[int]:
    """So many different SKUs, as the lines of one order have."""
    chosen: dict[int, None] = {}
    while len(chosen) < lines:
        chosen[choose()] = None
    return list(chosen)


def picks(scanned: Iterable[tuple[str, int, int, str, str]]) -> list[dict[str, Any]]:
    """A pick of each fulfillment order: what of it is scanned (it, line, units, bin, barcode), all at once."""
    scans: dict[str, list[dict[str, Any]]] = {}
    for of, line, units, place, barcode in scanned:
        scan = {"line": line, "quantity": units, "bin": place, "barcode": barcode}
        scans.setdefault(of, []).append(scan)
    return [{"fulfillment_order": of, "scans": found} for of, found in scans.items()]


def an_order(number: int, skus: Sequence[int], **more: Any) -> dict[str, Any]:
    """The body of one order; each number is another buyer at another doorstep."""
    name = f"Olena Kovalenko {number}"
    lines = [{"sku": sku_code(sku), "quantity": 1, "unit_price": PRICE} for sku in skus]
    ship_to = {
        "name": name, "line1": f"{1 + number % 9999} {STREETS[number % len(STREETS)]} Apt {number // 9999}",
        "city": "Port Reading", "region": "NJ", "postcode": "07064", "country": "US", "phone": "+17325550143",
    }  # fmt: skip
    buyer = {"name": name, "email": f"olena.{number}@example.com", "phone": "+17325550143"}
    return {"currency": "USD", "lines": lines, "buyer": buyer, "ship_to": ship_to, **more}
