"""new_order_page: `/orders/new`: an order taken by phone or over the counter, typed in; or one sent again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

from litestar import Response
from msgspec import Meta, structs

from doorstep.doors.console import words
from doorstep.doors.console.allowing import merchant_named, must, whose
from doorstep.doors.console.asking import asked
from doorstep.doors.console.filling import filled
from doorstep.doors.console.forms import Field, Form, Part, countries
from doorstep.doors.console.speaking import _
from doorstep.doors.console.visit import Visit
from doorstep.doors.console.whole import Whole, whole
from doorstep.doors.reads import setup
from doorstep.journey.intake.new_order import AmountMinor, Buyer, LongText, NewLine, NewOrder, PaymentTerm, Struct
from doorstep.journey.intake.place import Place
from doorstep.kit.refusals import Invalid, NotFound
from doorstep.setup.addresses import Address, Text
from doorstep.spine.runner import run_one

CHANNEL = "console"
LINES = 12  # that can be typed; one that is sent again may have more of them
MOST_LINES = 200


class TypedLine(Struct, frozen=True, kw_only=True):
    sku: Annotated[str, Meta(min_length=1, max_length=120)]
    quantity: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    unit_price: Decimal


class TypedOrder(Struct, frozen=True, kw_only=True):
    """The lines by the number of their row."""

    lines: dict[str, TypedLine]
    buyer: Buyer = Buyer()
    ship_to: Address | None = None
    payment_term: PaymentTerm = "prepaid"
    shipping_method: Text = ""
    shipping_minor: AmountMinor = 0
    ship_by: date | None = None
    note: LongText = ""
    draft: bool = False

    def placed(self, currency: str, timezone: str) -> NewOrder:
        rows = sorted(self.lines.items(), key=lambda row: int(row[0]))
        lines = [NewLine(**structs.asdict(line)) for _row, line in rows]
        said = {"lines": lines, "ship_to": self._ship_to(), "ship_by": self._ship_by(timezone)}
        return NewOrder(**structs.asdict(self) | said, currency=currency, channel=CHANNEL)

    def _ship_to(self) -> Address | None:
        """The page chooses a country by itself: alone it is no address."""
        return self.ship_to if self.ship_to and self.ship_to != Address(country=self.ship_to.country) else None

    def _ship_by(self, timezone: str) -> datetime | None:
        """A day means its end, as in a file. Far from our time it is a slip of the hand."""
        if self.ship_by is None:
            return None
        if not 2000 <= self.ship_by.year < 2200:
            raise Invalid(fields=[{"pointer": "/ship_by", "detail": _("cannot be %(word)s", word=self.ship_by)}])
        return datetime.combine(self.ship_by + timedelta(days=1), time.min, ZoneInfo(timezone)).astimezone(UTC)


async def ask_whose(visit: Visit) -> Response[str]:
    must(visit, "place")
    return await whose(visit, _("New order"), "/orders/new", "orders")


async def ask(visit: Visit) -> Response[str]:
    must(visit, "place")
    merchant = await merchant_named(visit, visit.path["merchant"])
    values: Mapping[str, str] = {}
    if again := visit.query.get("again", ""):
        async with visit.reading() as tx:
            before = await whole(tx, again)
        if before.merchant != merchant:
            raise NotFound(order=again[:60])
        values = _again(before)
    form = (await _form(visit, merchant, _rows_of(values))).filled(values)
    return visit.show("form.html", form=form, at="orders")


async def place(visit: Visit) -> Response[str]:
    """Refused as the API refuses: what is typed here can be mended here."""
    must(visit, "place")
    merchant = await merchant_named(visit, visit.path["merchant"])
    async with visit.reading() as tx:
        of = await setup.merchant(tx, merchant)

    async def keep(body: TypedOrder) -> str:
        order = body.placed(of.currency, of.timezone)
        answer = await run_one(visit.db, "place", asked(visit, "place", merchant, Place(order=order)))
        return f"/orders/{answer['order']}?did=place"

    return await filled(visit, await _form(visit, merchant, _rows_of(visit.form)), TypedOrder, keep, "orders")


def _rows_of(values: Mapping[str, str]) -> int:
    """So many as are filled in, and some to type in."""
    rows = [int(found[1]) for name in values if (found := re.fullmatch(r"lines\.(\d{1,3})\.sku", name))]
    return min(max([LINES, *rows]), MOST_LINES)


async def _form(visit: Visit, merchant: int, rows: int) -> Form:
    async with visit.reading() as tx:
        said = await setup.merchant(tx, merchant)
        methods = (await setup.methods(tx, merchant)).shipping_methods
    ways = tuple((name, "") for name in dict.fromkeys(method.name for method in methods))
    says = _("Of %(merchant)s.", merchant=said.name)
    parts = (_goods(said.currency, rows), _buyer(), _address(said.country), _terms(said.currency, ways))
    return Form(_("New order"), f"/orders/new/{said.key}", ("/orders", _("Orders")), parts, _("Place it"), says)


def _goods(currency: str, rows: int) -> Part:
    fields = tuple(
        field
        for row in range(1, rows + 1)
        for field in (
            Field(f"lines.{row}.sku", _("SKU"), required=row == 1, longest=120),
            Field(f"lines.{row}.quantity", _("Quantity"), "count", "1" if row == 1 else ""),
            Field(f"lines.{row}.unit_price", _("Price of one"), "decimal", unit=currency, required=row == 1),
        )
    )
    says = _("A line for each SKU; what stays empty is left out.")
    return Part(_("What is ordered"), fields, says, rows=3, more=_("Another line"))


def _buyer() -> Part:
    return Part(_("Who orders"), (
        Field("buyer.name", _("Full name"), code="off", half=True),
        Field("buyer.phone", _("Phone"), longest=40, half=True),
        Field("buyer.email", _("E-mail"), longest=254, hint=_("Letters about the order go there.")),
    ))  # fmt: skip


def _address(home: str) -> Part:
    """Most orders go somewhere in the merchant's own country."""
    return Part(_("Where it goes"), (
        Field("ship_to.name", _("Full name"), half=True), Field("ship_to.company", _("Company"), half=True),
        Field("ship_to.line1", _("Street")), Field("ship_to.line2", _("Street, second line")),
        Field("ship_to.postcode", _("Postcode"), longest=20, half=True), Field("ship_to.city", _("City"), half=True),
        Field("ship_to.region", _("Region"), half=True), Field("ship_to.phone", _("Phone"), longest=40, half=True),
        Field("ship_to.country", _("Country"), "country", home, choices=countries("" if home else _("Not known"))),
    ), _("Goods need an address; a service needs none."))  # fmt: skip


def _terms(currency: str, ways: tuple[tuple[str, str], ...]) -> Part:
    return Part(_("How it is paid and sent"), (
        Field("payment_term", _("Payment term"), "choice", "prepaid", choices=words.choices(words.TERMS)),
        Field("shipping_method", _("Shipping method"), choices=ways, half=True),
        Field("shipping_minor", _("Shipping price"), "money", unit=currency, half=True),
        Field("ship_by", _("Ship by"), "day",
              hint=_("By the end of that day on the merchant’s clock; the site’s cut-off may be earlier.")),
        Field("note", _("Buyer’s note"), "long", longest=2000),
        Field("draft", _("A draft only: nothing is done until somebody confirms it"), "yes"),
    ))  # fmt: skip


def _again(before: Whole) -> Mapping[str, str]:
    """The same goods to the same door, for nothing: what was lost or damaged is sent again."""
    order = before.order
    values = {f"buyer.{name}": str(word) for name, word in order.buyer.items()}
    values |= {f"ship_to.{name}": str(word) for name, word in (order.ship_to or {}).items()}
    goods = [line for line in order.lines if line.sku][:MOST_LINES]
    for row, line in enumerate(goods, start=1):
        values |= {f"lines.{row}.sku": line.sku, f"lines.{row}.quantity": str(line.ordered)}
        values[f"lines.{row}.unit_price"] = "0"
    note = _("%(number)s once more", number=order.number)
    return {**values, "payment_term": "on_account", "shipping_method": order.shipping_method, "note": note}
