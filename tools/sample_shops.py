"""sample_shops: the operator of the sample, its sites and carriers, and three merchants with their goods."""

# Tables are read across: a line a row.
# ruff: noqa: E501, SIM905

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Goods:
    """One SKU; `sells` weighs how often it is bought, `stock` is what stands at each site."""

    handle: str
    title: str
    option: str
    sku: str
    price: Decimal
    weight_g: int
    size_mm: tuple[int, int, int]
    hs_code: str
    origin: str
    customs_text: str
    stock: dict[str, int]
    sells: int
    type: str
    tags: str
    about: str
    option_name: str = ""
    barcode: str = ""

    @property
    def name(self) -> str:
        """As Shopify writes it in an order: title and variant."""
        return f"{self.title} - {self.option}" if self.option else self.title


@dataclass(frozen=True)
class Merchant:
    """`rates` are for shipping near and far, `buyers` weighs the regions they live in."""

    key: str
    name: str
    currency: str
    country: str
    utc_offset: int
    tax_included: bool
    orders: int
    rates: tuple[int, int]
    buyers: dict[str, int]
    cod: tuple[str, ...]
    goods: list[Goods] = field(default_factory=list)


# handle | title | option name: option | SKU | price | grams | length x width x height | HS code | origin
# | customs text | stock at EWR, WRO | sells | type | tags
HARBOR = """
lighthouse-mug | Lighthouse Mug 350 ml | Color: Fog White | HM-LIGHT-WHT | 16.00 | 390 | 125x95x100 | 691200 | PT | Stoneware mug | 260,180 | 14 | Mug | fragile
lighthouse-mug | Lighthouse Mug 350 ml | Color: Buoy Red | HM-LIGHT-RED | 16.00 | 390 | 125x95x100 | 691200 | PT | Stoneware mug | 140,90 | 9 | Mug | fragile
lighthouse-mug | Lighthouse Mug 350 ml | Color: Deep Blue | HM-LIGHT-BLU | 16.00 | 390 | 125x95x100 | 691200 | PT | Stoneware mug | 9,4 | 8 | Mug | fragile
deckhand-enamel-mug | Deckhand Enamel Mug | Size: 300 ml | HM-ENAM-300 | 14.50 | 150 | 110x85x80 | 732394 | PL | Enameled steel mug | 90,300 | 9 | Mug |
deckhand-enamel-mug | Deckhand Enamel Mug | Size: 500 ml | HM-ENAM-500 | 17.50 | 210 | 125x100x95 | 732394 | PL | Enameled steel mug | 80,220 | 6 | Mug |
tide-espresso-pair | Tide Espresso Cups, pair | | HM-TIDE-2 | 22.00 | 320 | 170x90x80 | 691110 | PL | Porcelain cups, set of 2 | 60,120 | 5 | Cup | fragile
harbor-thermo | Harbor Thermo Mug 450 ml | | HM-THERMO | 31.90 | 340 | 210x80x80 | 961700 | CN | Vacuum flask | 70,60 | 7 | Mug |
galley-glass-mug | Galley Glass Mug | | HM-GLASS | 12.25 | 260 | 115x90x95 | 701337 | | Glass mug | 120,0 | 5 | Mug | fragile
mug-hook-rail | Brass Mug Rail, 6 hooks | | HM-RAIL | 39.00 | 720 | 480x60x50 | 830250 | IN | Brass hook rail | 25,18 | 3 | Shelf |
captains-mug | Captain's Mug, limited | | HM-CAPT | 48.00 | 450 | 130x100x115 | 691200 | PT | Stoneware mug | 3,2 | 4 | Mug | fragile, limited
mug-gift-box | Gift Box for one mug | | HM-BOX | 4.00 | 95 | 140x115x110 | 481920 | US | Folding carton | 400,300 | 6 | Box |
cork-coasters | Cork Coasters, set of 4 | | HM-CORK-4 | 9.50 | 110 | 105x105x25 | 450390 | PT | Cork coasters | 150,150 | 4 | Coaster |
"""
GIZMO = """
pocket-torch | Pocket Torch 400 lm | Color: Black | GZ-TORCH-BLK | 24.90 | 120 | 120x30x30 | 851310 | CN | LED torch | 80,240 | 9 | Light |
pocket-torch | Pocket Torch 400 lm | Color: Orange | GZ-TORCH-ORG | 24.90 | 120 | 120x30x30 | 851310 | CN | LED torch | 40,110 | 5 | Light |
brick-power-bank | Brick Power Bank 10 000 mAh | | GZ-BRICK-10 | 39.00 | 235 | 140x70x20 | 850760 | CN | Lithium-ion power bank | 50,160 | 8 | Power | lithium-battery
seven-port-hub | Seven-Port Hub | | GZ-HUB-7 | 34.50 | 95 | 115x45x16 | 847180 | TW | USB hub | 60,140 | 7 | Computer |
desk-breeze | Desk Breeze Fan | | GZ-BREEZE | 29.00 | 410 | 180x160x90 | 841451 | CN | Table fan | 30,85 | 5 | Home |
egg-minder | Egg Minder Timer | | GZ-EGG | 15.75 | 85 | 70x70x75 | 910690 | DE | Kitchen timer | 70,170 | 6 | Kitchen |
cable-whale | Cable Whale Tidy | Color: Blue | GZ-WHALE-BLU | 7.90 | 35 | 90x40x25 | 392690 | PL | Plastic cable holder | 150,400 | 8 | Desk |
cable-whale | Cable Whale Tidy | Color: Gray | GZ-WHALE-GRY | 7.90 | 35 | 90x40x25 | 392690 | PL | Plastic cable holder | 0,6 | 6 | Desk |
mini-tripod | Mini Tripod | | GZ-TRIPOD | 19.40 | 160 | 190x45x45 | 962000 | CN | Camera tripod | 40,130 | 5 | Photo |
heat-mug-plate | Mug Warmer Plate | | GZ-WARM | 27.00 | 330 | 130x110x25 | 851679 | | | 30,90 | 6 | Kitchen |
bike-bell | Brass Bike Bell | | GZ-BELL | 16.20 | 75 | 65x60x60 | 871499 | TW | Bicycle bell | 35,100 | 4 | Bike |
pixel-mug | Pixel Heart Mug | | GZ-PIXEL | 13.90 | 350 | 120x90x98 | 691200 | CN | Ceramic mug | 55,150 | 7 | Mug | fragile
label-gun | Tiny Label Maker | | GZ-LABEL | 44.00 | 290 | 165x80x60 | 844332 | CN | Label printer | 2,5 | 4 | Desk |
"""
PINE = """
pine-phone-stand | Pine Phone Stand | | TP-STAND | 18.00 | 140 | 120x80x30 | 442199 | SE | Wooden phone stand | 90,110 | 9 | Desk |
marble-run | Marble Run Kit, 60 pieces | | TP-MARBLE | 42.00 | 1350 | 360x260x90 | 950300 | PL | Wooden toy | 25,60 | 6 | Toy |
camp-mug-birch | Camp Mug with Birch Handle | | TP-CAMP | 26.00 | 240 | 130x95x85 | 732394 | SE | Steel mug | 70,90 | 8 | Mug |
puzzle-lamp | Puzzle Lamp | | TP-LAMP | 58.00 | 880 | 220x220x180 | 940521 | PL | LED table lamp | 20,45 | 4 | Light | fragile
desk-weather | Desk Weather Station | | TP-WEATHER | 64.00 | 430 | 150x120x60 | 902580 | DE | Thermometer and barometer | 18,40 | 4 | Home |
pencil-forest | Pencil Forest, 24 pencils | | TP-PENCIL | 15.00 | 260 | 215x90x30 | 960910 | | Colored pencils | 60,90 | 6 | Art |
knot-mug | Knot Mug 300 ml | Color: Moss | TP-KNOT-MOS | 21.00 | 360 | 120x92x96 | 691200 | PT | Stoneware mug | 45,80 | 6 | Mug | fragile
knot-mug | Knot Mug 300 ml | Color: Clay | TP-KNOT-CLA | 21.00 | 360 | 120x92x96 | 691200 | PT | Stoneware mug | 4,3 | 6 | Mug | fragile
solar-robot | Solar Robot Kit | | TP-ROBOT | 33.50 | 300 | 240x180x60 | 950300 | CN | Toy construction kit | 30,60 | 5 | Toy |
card-box | Recipe Card Box | | TP-CARDBOX | 29.00 | 620 | 180x130x120 | 442199 | PL | Wooden box | 22,40 | 3 | Kitchen |
"""


def _goods(text: str, barcode_from: int) -> list[Goods]:
    found = []
    for count, line in enumerate(text.strip().splitlines()):
        cells = [cell.strip() for cell in line.split("|")]
        handle, title, option, sku, price, grams, size, hs, origin, customs, stock, sells, kind, tags = cells
        option_name, _, value = option.partition(": ")
        length, width, height = (int(part) for part in size.split("x"))
        newark, wroclaw = (int(part) for part in stock.split(","))
        goods = Goods(
            handle=handle, title=title, option=value, sku=sku, price=Decimal(price), weight_g=int(grams),
            size_mm=(length, width, height), hs_code=hs, origin=origin, customs_text=customs,
            stock={"EWR": newark, "WRO": wroclaw}, sells=int(sells), type=kind, tags=tags,
            about=f"{title}: made to be used every day.", option_name=option_name,
            barcode=_ean13(barcode_from + count),
        )  # fmt: skip
        found.append(goods)
    return found


def _ean13(number: int) -> str:
    """With its check digit; 20 to 29 at the front is for use inside a store."""
    digits = f"{number:012d}"
    odd, even = sum(map(int, digits[::2])), sum(map(int, digits[1::2]))
    return digits + str(-(odd + 3 * even) % 10)


MERCHANTS = [
    Merchant(
        "harbor-mugs", "Harbor Mug Works", "USD", "US", -5, False, 119, (595, 1690),
        {"america": 55, "europe": 22, "asia": 12, "africa": 5, "elsewhere": 6}, ("IN", "AE", "EG", "MA", "MY", "PH", "MX", "NG"), _goods(HARBOR, 200000100000),
    ),
    Merchant(
        "gizmo-lane", "Gizmo Lane", "EUR", "PL", 1, True, 104, (490, 1890),
        {"america": 8, "europe": 68, "asia": 12, "africa": 8, "elsewhere": 4}, ("PL", "CZ", "SK", "HU", "RO", "IT", "UA", "GR"), _goods(GIZMO, 200000200000),
    ),
    Merchant(
        "tinker-pine", "Tinker & Pine", "USD", "US", -5, False, 79, (650, 1750),
        {"america": 38, "europe": 22, "asia": 22, "africa": 12, "elsewhere": 6}, ("IN", "VN", "PH", "NG", "KE", "GH", "EG", "TH"), _goods(PINE, 200000300000),
    ),
]  # fmt: skip

LEVELS = [
    {"name": "Standard", "level": "standard", "carrier": "", "days_min": 2, "days_max": 6},
    {"name": "International Tracked", "level": "standard", "carrier": "", "days_min": 6, "days_max": 16},
    {"name": "Express", "level": "express", "carrier": "", "days_min": 1, "days_max": 4},
]


def _merchant(merchant: Merchant, **more: Any) -> dict[str, Any]:
    return {
        "key": merchant.key,
        "name": merchant.name,
        "currency": merchant.currency,
        "country": merchant.country,
        **more,
        "timezone": "America/New_York" if merchant.country == "US" else "Europe/Warsaw",
        "channels": [{"key": "shopify", "kind": "shopify"}],
        "shipping_methods": LEVELS,
        "files": {
            "products": f"products/{merchant.key}.csv",
            "stock": f"stock/{merchant.key}.csv",
            "orders": f"orders/{merchant.key}.csv",
        },
    }


def _breaks(*steps: tuple[int, int]) -> list[dict[str, int]]:
    return [{"up_to_g": grams, "amount_minor": amount} for grams, amount in steps]


def _service(code: str, name: str, tariffs: list[dict[str, Any]], cod: bool = False) -> dict[str, Any]:
    return {
        "code": code, "name": name, "volumetric_divisor": 5000, "max_weight_g": 30000, "max_length_mm": 1200,
        "cash_on_delivery": cod, "tariffs": tariffs,
        "surcharges": [{"code": "cod", "on": "cod", "amount_minor": 250, "percent": "1"}] if cod else [],
    }  # fmt: skip


EUROPE = "AT BE BG CH CZ DE DK EE ES FI FR GB GR HR HU IE IT LT LU LV NL NO PL PT RO SE SI SK UA".split()
CARRIERS = [
    {
        "code": "garden-post",
        "name": "Garden State Post",
        "kind": "ratecard",
        "card": {
            "currency": "USD", "prefix": "GP", "origin_countries": ["US"],
            "zones": [
                {"name": "home", "countries": ["home"]},
                {"name": "near", "countries": ["CA", "MX"]},
                {"name": "europe", "countries": EUROPE},
                {"name": "world", "countries": ["*"]},
            ],
            "services": [
                _service("standard", "Post Tracked", [
                    {"zone": "home", "days": 4, "per_extra_kg_minor": 120, "breaks": _breaks((500, 480), (1000, 690), (5000, 1290))},
                    {"zone": "near", "days": 8, "per_extra_kg_minor": 450, "breaks": _breaks((500, 1190), (1000, 1540), (5000, 3200))},
                    {"zone": "europe", "days": 11, "per_extra_kg_minor": 700, "breaks": _breaks((500, 1450), (1000, 1980), (5000, 4600))},
                    {"zone": "world", "days": 15, "per_extra_kg_minor": 900, "breaks": _breaks((500, 1690), (1000, 2350), (5000, 5900))},
                ], cod=True),
                _service("express", "Post Express", [
                    {"zone": "home", "days": 2, "per_extra_kg_minor": 300, "breaks": _breaks((500, 1650), (1000, 2100), (5000, 3900))},
                    {"zone": "world", "days": 4, "per_extra_kg_minor": 1500, "breaks": _breaks((500, 4900), (1000, 5900), (5000, 11900))},
                ]),
            ],
        },
    },
    {
        "code": "odra-parcel",
        "name": "Odra Parcel",
        "kind": "ratecard",
        "card": {
            "currency": "EUR", "prefix": "OD", "origin_countries": ["PL"],
            "zones": [
                {"name": "home", "countries": ["home"]},
                {"name": "europe", "countries": EUROPE},
                {"name": "world", "countries": ["*"]},
            ],
            "services": [
                _service("standard", "Odra Road", [
                    {"zone": "home", "days": 2, "per_extra_kg_minor": 40, "breaks": _breaks((1000, 310), (5000, 450), (20000, 890))},
                    {"zone": "europe", "days": 5, "per_extra_kg_minor": 110, "breaks": _breaks((1000, 690), (5000, 1090), (20000, 2190))},
                    {"zone": "world", "days": 13, "per_extra_kg_minor": 800, "breaks": _breaks((500, 1390), (1000, 1890), (5000, 4490))},
                ], cod=True),
                _service("express", "Odra Air", [
                    {"zone": "home", "days": 1, "per_extra_kg_minor": 90, "breaks": _breaks((1000, 790), (5000, 1190))},
                    {"zone": "europe", "days": 2, "per_extra_kg_minor": 350, "breaks": _breaks((1000, 2190), (5000, 3490))},
                    {"zone": "world", "days": 4, "per_extra_kg_minor": 1300, "breaks": _breaks((500, 3990), (1000, 4990), (5000, 9900))},
                ]),
            ],
        },
    },
    {"code": "sim", "name": "Simulated Carrier", "kind": "simulator"},
]  # fmt: skip

# Who answers in the Union for goods from elsewhere; and what crosses the ocean goes by post, in the operator's bags.
ABROAD: dict[str, Any] = {
    "customs": {
        "responsible_person": "Two Docks EU Hub, ul. Magazynowa 7, 54-610 Wrocław, hello@two-docks.example",
    },
    "shipping": {"lanes": [{"say": "allow", "which": ["garden-post"], "origin": ["US"], "to": ["EU"]}]},
}

OPERATOR: dict[str, Any] = {
    "operator": {
        "key": "two-docks",
        "name": "Two Docks Fulfillment",
        "currency": "USD",
        "country": "US",
        "email": "hello@two-docks.example",
        "address": {
            "name": "Two Docks Fulfillment", "line1": "1 Harbor Dock Road", "city": "Newark", "region": "NJ",
            "postcode": "07114", "country": "US", "phone": "+19735550143",
        },
    },
    "sites": [
        {
            "code": "EWR", "name": "New Jersey", "country": "US", "latitude": 40.7195, "longitude": -74.1220,
            "timezone": "America/New_York", "cut_off": "15:00:00", "weekdays": [1, 2, 3, 4, 5],
            "address": {
                "name": "Two Docks, Newark", "line1": "1 Harbor Dock Road", "city": "Newark", "region": "NJ",
                "postcode": "07114", "country": "US", "phone": "+19735550143",
            },
        },
        {
            "code": "WRO", "name": "EU Hub", "country": "PL", "latitude": 51.1250, "longitude": 16.9690,
            "timezone": "Europe/Warsaw", "cut_off": "16:00:00", "weekdays": [1, 2, 3, 4, 5, 6],
            "address": {
                "name": "Two Docks, Wrocław", "line1": "ul. Magazynowa 7", "city": "Wrocław", "region": "",
                "postcode": "54-610", "country": "PL", "phone": "+48713000143",
            },
        },
    ],
    "carriers": CARRIERS,
    "merchants": [
        _merchant(
            MERCHANTS[0], email="orders@harbor-mugs.example", ship="split", when_short="backorder",
            brand={"accent": "#1f4e79"},
            address={"name": "Harbor Mug Works", "line1": "88 Wharf Lane", "city": "Jersey City", "region": "NJ",
                     "postcode": "07302", "country": "US"},
            **ABROAD,
        ),
        _merchant(
            MERCHANTS[1], email="hallo@gizmo-lane.example", ship="split", when_short="backorder",
            brand={"accent": "#b3451c"},
            address={"name": "Gizmo Lane", "line1": "ul. Legnicka 51", "city": "Wrocław", "region": "",
                     "postcode": "54-203", "country": "PL"},
        ),
        _merchant(
            MERCHANTS[2], email="hi@tinker-pine.example", ship="complete", when_short="backorder",
            brand={"accent": "#3f6b3a"},
            address={"name": "Tinker & Pine", "line1": "5 Orchard Row", "city": "Princeton", "region": "NJ",
                     "postcode": "08540", "country": "US"},
            **ABROAD,
        ),
    ],
}  # fmt: skip
