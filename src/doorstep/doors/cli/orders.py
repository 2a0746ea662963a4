"""orders: `orders list`, `orders show`, `orders why`, `orders customs`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import (
    Cursor,
    Limit,
    Merchant,
    builtins_of,
    merchant_searched,
    order_meant,
    page_told,
    query_of,
    table,
    with_db,
)

if TYPE_CHECKING:
    from doorstep.doors.reads.order import Order, Timeline
    from doorstep.doors.reads.orders import OrderPage
    from doorstep.doors.reads.why import Why
    from doorstep.spine.tenant import Db

app = typer.Typer()

OrderWord = Annotated[str, typer.Argument(metavar="ORDER", help="Its id (ord_12), its number, or the channel's id.")]
COLUMNS = {
    "id": "order", "number": "number", "placed_at": "placed", "buyer": "buyer", "country": "to", "units": "units",
    "total": "total", "stage": "stage", "payment": "payment", "fulfillment": "fulfillment", "delivery": "delivery",
    "holds_open": "holds",
}  # fmt: skip
LINES = {"line": "line", "item": "item", "title": "title", "ordered": "ordered", "where": "now", "total": "total"}
EVENTS = {"happened_at": "when", "verb": "verb", "actor": "who", "moved": "moved"}


@app.callback()
def orders() -> None:
    """Look at orders; nothing is changed."""


def _filter(name: str, about: str) -> Any:
    return typer.Option("", f"--{name.replace('_', '-')}", help=about)


@app.command("list")
def list_orders(
    merchant: Merchant = "",
    stage: str = _filter("stage", "received, processing, awaiting_fulfillment, in_fulfillment, fulfilled, completed …"),
    payment: str = _filter("payment", "unpaid, authorized, paid, partially_refunded …"),
    fulfillment: str = _filter("fulfillment", "unfulfilled, awaiting_fulfillment, fulfilled …"),
    delivery: str = _filter("delivery", "none, in_transit, exception, delivered …"),
    hold: str = _filter("hold", "a type of open hold: payment, address, duplicate …; or any"),
    channel: str = _filter("channel", "the channel's key"),
    country: str = _filter("country", "where it goes: IE"),
    sku: str = _filter("sku", "a SKU in it"),
    number: str = _filter("number", "its number"),
    email: str = _filter("email", "the buyer's e-mail address"),
    text: str = _filter("text", "words that begin a number, a name, an e-mail address, a SKU or a tracking number"),
    placed_from: str = _filter("placed-from", "placed then or later: 2026-03-02 or with a time"),
    placed_to: str = _filter("placed-to", "placed before then"),
    limit: Limit = 50,
    cursor: Cursor = "",
    json: Json = False,
) -> None:
    """A page of orders, newest first. Filters add up."""
    given = {
        "stage": stage, "payment": payment, "fulfillment": fulfillment, "delivery": delivery, "hold": hold,
        "channel": channel, "country": country, "sku": sku, "number": number, "email": email, "q": text,
        "cursor": cursor, "placed_from": _instant(placed_from), "placed_to": _instant(placed_to),
    }  # fmt: skip
    asked = {"limit": limit, **{name: value for name, value in given.items() if value}}

    async def work(db: Db) -> OrderPage:
        from doorstep.doors.reads.orders import OrderQuery
        from doorstep.doors.reads.orders import orders as read
        from doorstep.spine.tenant import tenant_tx

        query = query_of(asked, OrderQuery)
        meant = await merchant_searched(db, merchant)
        async with tenant_tx(db, [meant], readonly=True) as tx:
            return await read(tx, meant, query)

    page = builtins_of(with_db(work))
    rows = [_row(row) for row in page["orders"]]
    answer(page, page_told(page, rows, COLUMNS, "No orders."), json)


def _instant(text: str) -> str:
    """A day is its first instant in UTC."""
    from datetime import UTC, datetime

    if not text:
        return ""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is no time; write 2026-03-02 or 2026-03-02T12:00:00Z") from None
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).isoformat()


def _row(row: dict[str, Any]) -> dict[str, Any]:
    from doorstep.kit.money import spell

    placed = row["placed_at"].replace("T", " ")[:16]
    return {**row, **row["statuses"], "total": spell(row["total_minor"], row["currency"]), "placed_at": placed}


@app.command("show")
def show(order: OrderWord, merchant: Merchant = "", json: Json = False) -> None:
    """One order whole: lines, parcels, cash, holds, and its timeline."""

    async def work(db: Db) -> tuple[Order, Timeline]:
        from msgspec.structs import replace

        from doorstep.doors.reads.order import order as read
        from doorstep.doors.reads.order import timeline
        from doorstep.doors.reads.way import ways
        from doorstep.kit import clock
        from doorstep.kit.ids import number
        from doorstep.setup.tracking_links import tracking_links
        from doorstep.spine.tenant import tenant_tx

        meant = await merchant_searched(db, merchant)
        async with tenant_tx(db, [meant], readonly=True) as tx:
            word = await order_meant(tx, meant, order)
            found, events = await read(tx, [meant], word), await timeline(tx, meant, word, 0, 200)
        link = tracking_links().url(meant, number("ord", found.id))
        return replace(found, ways=await ways(db, meant, word, clock.now()), tracking_url=link), events

    whole, events = (builtins_of(one) for one in with_db(work))
    answer({**whole, "timeline": events["events"]}, "\n".join(_shown(whole, events["events"])), json)


def _shown(order: dict[str, Any], events: list[dict[str, Any]]) -> Iterator[str]:
    from doorstep.kit.money import spell

    def money(amount: int) -> str:
        return spell(amount, order["currency"])

    statuses = ", ".join(f"{axis} {value}" for axis, value in order["statuses"].items())
    yield f"{order['id']}  {order['number']}  {order['channel']}  placed {order['placed_at'][:16].replace('T', ' ')}"
    yield f"{statuses}" + ("  (history)" if order["history"] else "")
    yield f"Buyer: {order['buyer'].get('name', '')} <{order['buyer'].get('email', '')}>"
    yield f"To: {_address(order['ship_to'])}"
    if order["deliver_by"]:
        first = f"{order['deliver_from']} to" if order["deliver_from"] else "by"
        yield f"Promised: {first} {order['deliver_by']}"
    yield f"The buyer's page: {order['tracking_url']}"
    yield ""
    yield table([_line(line, money) for line in order["lines"]], LINES)
    amounts, cash = order["amounts"], order["cash"]
    yield ""
    yield f"Total {money(amounts['total_minor'])}: " + ", ".join(
        f"{name.removesuffix('_minor')} {money(amounts[name])}"
        for name in ("lines_minor", "discount_minor", "shipping_minor", "fees_minor", "tax_minor")
        if amounts[name]
    )
    yield "Cash: " + (", ".join(f"{name} {money(value)}" for name, value in cash.items() if value) or "nothing")
    for fulfillment in order["fulfillment_orders"]:
        yield f"Fulfillment order {fulfillment['id']} at {fulfillment['site']}: {_how_far(fulfillment)}"
    for parcel in order["parcels"]:
        label = f"{parcel['carrier']} {parcel['tracking_number']}".strip() or parcel["label_state"]
        yield f"Parcel {parcel['id']} from {parcel['site']}: {parcel['state']}, {label}"
        yield from (line for way in order["ways"] if way["parcel"] == parcel["id"] for line in _way(way))
    for hold in (hold for hold in order["holds"] if not hold["lifted_at"]):
        yield _hold(hold)
    yield ""
    yield table([_event(event) for event in events], EVENTS)


def _how_far(fulfillment: dict[str, Any]) -> str:
    """By the units that are least far."""
    units = {
        stage: sum(each[stage] for each in fulfillment["allocations"])
        for stage in ("promised", "picked", "packed", "shipped")
    }
    if not fulfillment["released_at"] and not any(units[stage] for stage in ("picked", "packed", "shipped")):
        return "not released yet"
    if units["promised"] or units["picked"]:
        return "on the floor"
    return "packed" if units["packed"] else "left the site" if units["shipped"] else "nothing here now"


def _way(way: dict[str, Any]) -> Iterator[str]:
    """Its further numbers, what it lies in, and where nobody said that they had it."""
    for number in (one for one in way["numbers"] if one["leg"]):
        ended = ", void" if number["until"] else ""
        yield f"  {number['leg'].replace('_', ' ')}: {number['carrier']} {number['number']}{ended}".replace(":  ", ": ")
    for load in way["loads"]:
        until = f" to {load['until'][:16].replace('T', ' ')}" if load["until"] else ""
        state = f", {load['state'].replace('_', ' ')}" if load["state"] else ""
        yield f"  in {load['kind']} {load['number']} from {load['since'][:16].replace('T', ' ')}{until}{state}"
    yield from (f"  {_gap(gap)}" for gap in way["gaps"])


def _gap(gap: dict[str, Any]) -> str:
    after, before = gap["after"] or "the line haul", gap["before"] or "anybody else"
    return f"{gap['hours']:g} h in nobody's hands: after {after}, before {before}"


def _line(line: dict[str, Any], money: Any) -> dict[str, Any]:
    where = ", ".join(f"{units} {stage.replace('_', ' ')}" for stage, units in line["units"].items() if units)
    return {**line, "item": line["sku"] or f"? {line['code']}", "where": where, "total": money(line["total_minor"])}


def _address(address: dict[str, Any] | None) -> str:
    names = ("name", "company", "line1", "line2", "postcode", "city", "region", "country")
    return ", ".join(address[name] for name in names if address.get(name)) if address else "no address"


def _hold(hold: dict[str, Any]) -> str:
    where = f", line {hold['line']}" if hold["line"] else ""
    return f"Hold {hold['id']} ({hold['type']}{where}): {hold['reason']}. To lift: {hold['lifts_when']}."


def _event(event: dict[str, Any]) -> dict[str, Any]:
    ends = {"demand": (3, 4, 2), "stock": (4, 6, 3), "cash": (2, 3, 1)}
    moved = []
    for move in event["moves"]:
        source, target, amount = ends[move[0]]
        if move[0] != "stock":
            moved.append(f"{move[amount]} {move[source]} > {move[target]}")
    return {**event, "happened_at": event["happened_at"][:19].replace("T", " "), "moved": "; ".join(moved)}


@app.command("why")
def why(order: OrderWord, merchant: Merchant = "", json: Json = False) -> None:
    """Why it is where it is: what it waits for, what was decided for which reasons, what comes next."""

    async def work(db: Db) -> Why:
        from doorstep.doors.reads.why import why as read
        from doorstep.spine.tenant import tenant_tx

        meant = await merchant_searched(db, merchant)
        async with tenant_tx(db, [meant], readonly=True) as tx:
            return await read(tx, meant, await order_meant(tx, meant, order))

    told = builtins_of(with_db(work))
    answer(told, "\n".join(_reasons(told, order)), json)


# What lifts a hold, as a command; what no command lifts by itself is lifted by name.
LIFTS = {
    "payment": "doorstep do record-payment {order} --amount-minor CENTS",
    "address": "doorstep do fix-address {order} --ship-to ADDRESS",
    "unknown_item": "doorstep do name-item {order} --line {line} --sku SKU",
    "denied_party": "doorstep do review-party {order} --verdict match|no_match",
    "customs_data": "doorstep orders customs {order}",
    "duplicate": "doorstep do cancel {order}, or doorstep do lift {hold}",
    "scheduled": "",
    "stock": "",
}


def _lifted_by(hold: dict[str, Any], order: str) -> Iterator[str]:
    told = LIFTS.get(hold["type"], "doorstep do lift {hold}")
    if told:
        yield f"  Try: {told.format(order=shlex.quote(order), line=hold['line'], hold=hold['hold'])}"


def _reasons(told: dict[str, Any], order: str) -> Iterator[str]:
    yield f"{told['order']} is {told['stage'].replace('_', ' ')}. {told['says']}"
    for hold in told["holds"]:
        yield f"Held ({hold['type']}, by {hold['by']}): {hold['reason']}"
        yield from _lifted_by(hold, order)
    for line in told["waiting"]:
        yield f"Line {line['line']} waits for {line['quantity']} of {line['sku']}: {line['because']}"
    yield from (f"What would move it on: {action}" for action in told["moves_on"])
    for one in told["decisions"]:
        yield f"{one['decided_at'][:16].replace('T', ' ')} {one['verb']}: {one['chosen']}"
        yield from (
            f"  {name}: {_plain(value)}" for name, value in one["why"].items() if value not in ([], {}, "", None)
        )
    for one in (told["promise"] or {}).get("told", []):
        yield from _promise(one)
    yield from map(_gap, told["gaps"])
    for step in told["queued"]:
        error = f": {step['error']}" if step["error"] else ""
        yield f"Next: {step['verb']} ({step['state']}){error}"
    if not told["holds"] and not told["waiting"] and not told["queued"]:
        yield "Nothing holds it, and nothing is queued for it."


def _promise(one: dict[str, Any]) -> Iterator[str]:
    """A date that was named, what it was made of, and what became of it."""
    why = f" ({one['reason']})" if one["reason"] else ""
    yield f"{one['made_at'][:16].replace('T', ' ')} promised: {one['deliver_from']} to {one['deliver_by']}{why}"
    yield from (f"  {name}: {_plain(value)}" for name, value in one["basis"].items() if value not in ([], {}, "", None))
    for end in one["ends"]:
        became = "kept" if end["kept"] else f"broken by {end['days_late']} days, the {end['party']}'s time"
        yield f"  {end['parcel']}: {became}; hours: {_plain(end['spent'])}"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    return ", ".join(_plain(one) for one in value) if isinstance(value, list) else str(value)


@app.command("customs")
def customs(order: OrderWord, merchant: Merchant = "", json: Json = False) -> None:
    """What customs wants of it, line by line, what it costs at the door, whether its export has to be filed."""

    async def work(db: Db) -> Any:
        from doorstep.doors.reads.customs import order_customs
        from doorstep.kit import clock
        from doorstep.spine.tenant import tenant_tx

        meant = await merchant_searched(db, merchant)
        async with tenant_tx(db, [meant], readonly=True) as tx:
            return await order_customs(tx, meant, await order_meant(tx, meant, order), clock.now().date())

    found = with_db(work)
    from doorstep.doors.cli.customs_told import order_told

    answer(builtins_of(found), order_told(found), json)
