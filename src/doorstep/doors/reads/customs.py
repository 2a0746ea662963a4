"""customs: whether goods may cross a border, what that costs, what has to be filed; for a SKU, a catalog, an order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated, Any

from msgspec import Meta, Struct

from doorstep.doors.reads import cursor
from doorstep.doors.reads.cursor import Cursor
from doorstep.doors.reads.orders import Limit, Word
from doorstep.kit.ids import number, public
from doorstep.kit.money import digits
from doorstep.kit.refusals import NotFound
from doorstep.setup import checks
from doorstep.setup.customs import export_filing as filing
from doorstep.setup.customs import landed_cost as landing
from doorstep.setup.customs import no_border_between
from doorstep.setup.customs.lists import Mode
from doorstep.setup.customs.readiness import COLUMNS, READY, Goods, Lack, goods_of, readiness
from doorstep.setup.customs.reading import Trader, traders
from doorstep.setup.customs.rules import Listed, Restricted, Rules, lists_in_force, rules_of
from doorstep.spine.amounts import untaxed, worth_of_units
from doorstep.spine.tenant import Tx

Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
# So many SKUs are looked at for one page of those that are not ready.
LOOKED_AT = 2000

_GOODS = ", ".join(f"s.{name}" for name in COLUMNS)
SKU = f"""
select {_GOODS} from sku s where s.merchant_id = $1 and (s.sku_id = $2 or s.code = $3)
"""
SKUS = f"""
select {_GOODS} from sku s where s.merchant_id = $1 and s.stocked and ($2::text is null or s.code > $2)
    and ($3::text is null or s.code = $3)
  order by s.code limit $4
"""
BY_CODE = f"select {_GOODS} from sku s where s.merchant_id = $1 and s.code = any($2)"
ORDER = """
select o.order_id, o.number, o.currency, coalesce(o.country, '') as country, o.shipping_minor,
    o.discount_minor, o.tax_minor, o.tax_included, coalesce(o.ship_to ->> 'postcode', '') as postcode,
    (select f.itn from export_filing f where f.merchant_id = o.merchant_id and f.order_id = o.order_id
      order by f.filing_id desc limit 1) as itn,
    (select min(t.country) from allocation a join site t on t.site_id = a.site_id
      where a.merchant_id = o.merchant_id and a.order_id = o.order_id) as start
  from orders o where o.merchant_id = $1 and o.order_id = $2
"""
ORDER_GOODS = f"""
select l.line_no, l.ordered, l.canceled, l.unit_price, {_GOODS}
  from order_line l join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
  where l.merchant_id = $1 and l.order_id = $2 and l.ships order by l.line_no
"""
ORDER_LINES = """
select l.line_no, l.total_minor, l.tax_minor from order_line l
  where l.merchant_id = $1 and l.order_id = $2 order by l.line_no
"""


class CellQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`start`: where the goods leave from; the merchant's own country without it."""

    to: Country
    mode: Mode = "post"
    start: Country | None = None


class GridQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`all`: the ready ones too. `code`: of this SKU only."""

    to: Country
    mode: Mode = "post"
    code: Word | None = None
    all: bool = False
    limit: Limit = 50
    cursor: Cursor | None = None


class Lacking(Struct, frozen=True, kw_only=True):
    """A field that has to be filled or mended."""

    field: str
    detail: str
    mend: str


class Restriction(Struct, frozen=True, kw_only=True):
    mode: str
    reason: str
    source: str


class RuleList(Struct, frozen=True, kw_only=True):
    """A list in force. A sample shows the form, and proves nothing."""

    kind: str
    as_of: date
    is_sample: bool
    source: str


class RuleLists(Struct, frozen=True, kw_only=True):
    lists: list[RuleList]


class CostLine(Struct, frozen=True, kw_only=True):
    name: str
    quantity: int
    value_minor: int
    shipping_minor: int
    duty_minor: int
    tax_minor: int
    total_minor: int
    basis: list[str]


class LandedCost(Struct, frozen=True, kw_only=True):
    """An estimate, in minor units of `currency`. `unknown`: what no list tells, so that it may be too low; `samples`:
    the lists it rests on that are samples."""

    currency: str
    lines: list[CostLine]
    goods_minor: int
    shipping_minor: int
    duty_minor: int
    tax_minor: int
    fee_minor: int
    total_minor: int
    paid_by: str
    basis: list[str]
    unknown: list[str]
    samples: list[str]


class ExportFiling(Struct, frozen=True, kw_only=True):
    """`legend`: what the papers say where nothing has to be filed; `itn`: the number it was filed under."""

    needed: bool
    why: str
    legend: str
    source: str
    itn: str = ""


class GridRow(Struct, frozen=True, kw_only=True):
    sku: str
    id: str
    ready: bool
    lacking: list[Lacking]
    restricted: list[Restriction]


class GridPage(Struct, frozen=True, kw_only=True):
    """`next` may follow a page of no rows: so many SKUs were looked at."""

    to: str
    mode: str
    skus: list[GridRow]
    next: str | None


class SkuCustoms(Struct, frozen=True, kw_only=True):
    """One SKU to one country by one mode: may it go, what is missing, what one costs there."""

    sku: str
    to: str
    mode: str
    ready: bool
    lacking: list[Lacking]
    restricted: list[Restriction]
    notes: list[str]
    landed_cost: LandedCost
    export_filing: ExportFiling | None
    lists: list[RuleList]


class OrderLine(Struct, frozen=True, kw_only=True):
    line: int
    sku: str
    lacking: list[Lacking]
    restricted: list[Restriction]


class OrderCustoms(Struct, frozen=True, kw_only=True):
    """What customs wants of an order, and what it will cost at the door."""

    order: str
    start: str
    to: str
    lines: list[OrderLine]
    landed_cost: LandedCost
    export_filing: ExportFiling | None
    lists: list[RuleList]


class Wanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sku: Annotated[str, Meta(min_length=1, max_length=120)]
    quantity: Annotated[int, Meta(ge=1, le=100_000)] = 1
    value_minor: Annotated[int, Meta(ge=0, le=10**12, description="of all of them together")]


class Basket(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody is about to buy."""

    to: Country
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    items: Annotated[list[Wanted], Meta(min_length=1, max_length=200)]
    shipping_minor: Annotated[int, Meta(ge=0, le=10**12)] = 0


async def sku_customs(tx: Tx, merchant: int, word: str, query: CellQuery, on: date) -> SkuCustoms:
    """By its id or its code. Refuses NotFound, UnknownCountry."""
    checks.country(query.to)
    trader = (await traders(tx))[merchant]
    row = await tx.row(SKU, merchant, number("sku", word) if word.startswith("sku_") else None, word)
    if row is None:
        raise NotFound(sku=word)
    goods, start = goods_of(row), query.start or trader.country
    crosses = not no_border_between(start, "", query.to, "")
    rules = await rules_of(tx, [query.to, start], on, [goods.hs_code])
    cell = readiness(goods, query.to, query.mode, rules, trader.profile, currency=trader.currency) if crosses else READY
    exported = [filing.Exported(goods.hs_code, goods.value_minor, goods.export_license, goods.eccn)]
    return SkuCustoms(
        sku=goods.code, to=query.to, mode=query.mode, ready=cell.ready, lacking=_lacking(cell.lacking),
        restricted=_restricted(cell.restricted), notes=list(cell.notes),
        landed_cost=_landed(
            [_bought(goods, 1, goods.value_minor)], query.to, trader.currency, rules, trader, 0, crosses=crosses
        ),
        export_filing=_filing(exported, start, query.to, trader.currency, rules) if crosses else None,
        lists=_lists(rules.lists.values()),
    )  # fmt: skip


async def grid(tx: Tx, merchant: int, query: GridQuery, on: date) -> GridPage:
    """The SKUs that are not ready to go there, by code."""
    checks.country(query.to)
    (after,) = cursor.read(query.cursor, tuple[str]) if query.cursor else (None,)
    trader = (await traders(tx))[merchant]
    rows = await tx.rows(SKUS, merchant, after, query.code, LOOKED_AT + 1)
    looked_at = [goods_of(row) for row in rows[:LOOKED_AT]]
    rules = await rules_of(tx, [query.to], on, (goods.hs_code for goods in looked_at))
    page: list[GridRow] = []
    last = ""
    for goods in looked_at:
        cell = readiness(goods, query.to, query.mode, rules, trader.profile)
        if query.all or not cell.ready:
            if len(page) == query.limit:
                return GridPage(to=query.to, mode=query.mode, skus=page, next=cursor.write(last))
            page.append(
                GridRow(
                    sku=goods.code, id=public("sku", goods.sku_id), ready=cell.ready, lacking=_lacking(cell.lacking),
                    restricted=_restricted(cell.restricted),
                )
            )  # fmt: skip
        last = goods.code
    more = cursor.write(last) if len(rows) > LOOKED_AT else None
    return GridPage(to=query.to, mode=query.mode, skus=page, next=more)


async def order_customs(tx: Tx, merchant: int, word: str, on: date) -> OrderCustoms:
    order = await tx.row(ORDER, merchant, number("ord", word))
    if order is None:
        raise NotFound(order=word)
    trader = (await traders(tx))[merchant]
    rows = await tx.rows(ORDER_GOODS, merchant, order["order_id"])
    start, to, currency = order["start"] or trader.country, order["country"], order["currency"]
    crosses = not no_border_between(start, "", to, order["postcode"])
    found = [(row, goods_of(row)) for row in rows]
    whole = await tx.rows(ORDER_LINES, merchant, order["order_id"])
    *costs, shipping = untaxed(order, [row["total_minor"] for row in whole], [row["tax_minor"] for row in whole])
    cost_of = {row["line_no"]: cost for row, cost in zip(whole, costs, strict=True)}
    rules = await rules_of(tx, [to, start], on, (goods.hs_code for _, goods in found))
    lines, bought, exported = [], [], []
    for row, goods in found:
        cell = readiness(goods, to, "post", rules, trader.profile, unit_price=row["unit_price"]) if crosses else READY
        lines.append(
            OrderLine(line=row["line_no"], sku=goods.code, lacking=_lacking(cell.lacking),
                      restricted=_restricted(cell.restricted))
        )  # fmt: skip
        units = row["ordered"] - row["canceled"]
        value = worth_of_units(cost_of[row["line_no"]], row["ordered"], 0, units)
        bought.append(_bought(goods, units, value))
        exported.append(filing.Exported(goods.hs_code, value, goods.export_license, goods.eccn))
    return OrderCustoms(
        order=public("ord", order["order_id"]), start=start, to=to, lines=lines,
        landed_cost=_landed(bought, to, currency, rules, trader, shipping, crosses=crosses),
        export_filing=_filing(exported, start, to, currency, rules, order["itn"] or "") if crosses else None,
        lists=_lists(rules.lists.values()),
    )  # fmt: skip


async def basket_cost(tx: Tx, merchant: int, basket: Basket, on: date) -> LandedCost:
    """Refuses NotFound with the codes that nobody knows, UnknownCountry, UnknownCurrency."""
    checks.country(basket.to)
    digits(basket.currency)
    trader = (await traders(tx))[merchant]
    goods = await _by_code(tx, merchant, [item.sku for item in basket.items])
    rules = await rules_of(tx, [basket.to], on, (one.hs_code for one in goods.values()))
    lines = [_bought(goods[item.sku], item.quantity, item.value_minor) for item in basket.items]
    crosses = not no_border_between(trader.country, "", basket.to, "")
    return _landed(lines, basket.to, basket.currency, rules, trader, basket.shipping_minor, crosses=crosses)


async def rule_lists(tx: Tx, on: date) -> RuleLists:
    return RuleLists(lists=_lists(await lists_in_force(tx, on)))


async def _by_code(tx: Tx, merchant: int, codes: Sequence[str]) -> dict[str, Goods]:
    goods = {row["code"]: goods_of(row) for row in await tx.rows(BY_CODE, merchant, list(set(codes)))}
    missing = sorted(set(codes) - goods.keys())
    if missing:
        raise NotFound(skus=", ".join(missing[:20]))
    return goods


def _bought(goods: Goods, quantity: int, value_minor: int) -> landing.Bought:
    return landing.Bought(goods.code, goods.hs_digits, goods.origin, quantity, value_minor)


def _landed(
    lines: Sequence[landing.Bought], to: str, currency: str, rules: Rules, trader: Trader, shipping_minor: int, *,
    crosses: bool,
) -> LandedCost:  # fmt: skip
    cost = (
        landing.landed_cost(
            lines, to, currency, rules, shipping_minor=shipping_minor, scheme=trader.takes_tax_in(to),
            seller_pays=trader.profile.pays_in(to),
        )
        if crosses
        else landing.without_border(lines, currency, shipping_minor)
    )  # fmt: skip
    sums = {name: getattr(cost, name) for name in ("goods_minor", "shipping_minor", "duty_minor", "tax_minor",
                                                   "fee_minor", "total_minor")}  # fmt: skip
    return LandedCost(
        currency=currency, lines=[_cost_line(line) for line in cost.lines], **sums, paid_by=cost.paid_by,
        basis=list(cost.basis), unknown=list(cost.unknown), samples=list(cost.samples),
    )  # fmt: skip


def _cost_line(line: landing.LineCost) -> CostLine:
    values: dict[str, Any] = {name: getattr(line, name) for name in CostLine.__struct_fields__}
    return CostLine(**{**values, "basis": list(line.basis)})


def _lacking(lacks: Iterable[Lack]) -> list[Lacking]:
    return [Lacking(**lack.told()) for lack in lacks]


def _restricted(restricted: Iterable[Restricted]) -> list[Restriction]:
    return [Restriction(mode=one.mode, reason=one.reason, source=one.source) for one in restricted]


def _filing(
    exported: Sequence[filing.Exported], start: str, to: str, currency: str, rules: Rules, itn: str = ""
) -> ExportFiling | None:
    told = filing.export_filing(exported, start, to, currency, rules)
    if told is None:
        return None
    return ExportFiling(needed=told.needed, why=told.why, legend=told.legend, source=told.source, itn=itn)


def _lists(lists: Iterable[Listed]) -> list[RuleList]:
    return [RuleList(kind=one.kind, as_of=one.as_of, is_sample=one.is_sample, source=one.source) for one in lists]
