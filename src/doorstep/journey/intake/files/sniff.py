"""sniff: look at files nobody described, and propose the mapping that reads them: a guess with samples, to be edited.

A column is judged by its name (`column_words`) and by its values (`columns_seen`); its confidence is how well both
fit, from 0 to 1. Which table is which, and what a credit looks like, is told by keys and signs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from keyword import iskeyword
from os import PathLike

import msgspec

from doorstep.journey.intake.files import column_words
from doorstep.journey.intake.files.column_words import match, words_of
from doorstep.journey.intake.files.columns_seen import NEARLY_ALL, Column, Seen, look_at, prefix_of
from doorstep.journey.intake.files.tables import expand
from doorstep.kit.refusals import Refusal

LEAST = 0.55  # a confidence below this is no proposal
PENNY = Decimal("0.011")
MOST_SERVICES = 30


class NoOrdersSeen(Refusal):
    """No column of these files looks like an order's number, so no mapping can be proposed: write one by hand."""

    status = 422


class Found(msgspec.Struct, frozen=True):
    """A field of the mapping, and the column or expression that fits it best."""

    field: str
    column: str
    confidence: float
    samples: list[str]


@dataclass(frozen=True, slots=True)
class Pick:
    column: Column
    ref: str  # how an expression of its section names it
    confidence: float


@dataclass(slots=True)
class LookedUp:
    table: Seen
    id: str
    by: str  # orders.customer_id


@dataclass(slots=True)
class Guess:
    """What the files seem to be. Fields are named by section and key: `order.placed_at`."""

    tables: list[Seen]
    orders: Seen
    lines: Seen
    key: str
    line_key: str
    payments: Seen | None = None
    payment_key: str = ""
    looked_up: list[LookedUp] = field(default_factory=list)
    picks: dict[str, Pick] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    services: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)  # a remark on a field
    tax_included: bool = False

    @property
    def is_one_table(self) -> bool:
        return self.orders is self.lines and not self.looked_up and self.payments is None

    def used_tables(self) -> list[Seen]:
        picked = {pick.column.table for pick in self.picks.values()}
        return [
            table
            for table in self.tables
            if table is self.orders or table is self.lines or table is self.payments or table.name in picked
        ]

    def found(self) -> list[Found]:
        """For people and programs: the fields in the order of the mapping."""
        return [
            Found(name, pick.ref, round(pick.confidence, 2), pick.column.samples)
            for name, pick in sorted(self.picks.items(), key=lambda both: ORDER_OF_FIELDS.index(both[0]))
        ]

    def unused(self) -> list[str]:
        """Columns that no field needs."""
        used = {(pick.column.table, pick.column.name) for pick in self.picks.values()}
        used |= {(self.lines.name, self.line_key)}
        if self.payments is not None:
            used |= {(self.payments.name, self.payment_key)}
        for one in self.looked_up:
            table, _, column = one.by.partition(".")
            used |= {(one.table.name, one.id), (table, column)} if one.table in self.used_tables() else set()
        alone = len(self.tables) == 1
        return [
            name if alone else f"{table.name}.{name}"
            for table in self.tables
            for name in table.header
            if (table.name, name) not in used
        ]


def guess(paths: Sequence[str | PathLike[str]]) -> Guess:
    """What these files seem to be. Refuses NotReadable, NoOrdersSeen."""
    files, _ = expand(paths)
    tables = look_at(files)
    made = _several(tables) if len(tables) > 1 else _alone(tables, tables[0])
    _pick_fields(made)
    _settle_the_price(made)
    _settle_the_total(made)
    _see_kinds(made)
    _see_services(made)
    return made


# -- which table is which ----------------------------------------------------------------------------


def _alone(tables: list[Seen], table: Seen) -> Guess:
    scored = sorted(((_as_key(column), column.name) for column in table.columns.values()), reverse=True, key=_score)
    if not scored or not scored[0][0]:
        raise NoOrdersSeen(file=str(table.files[0]), columns=", ".join(table.header)[:300])
    confidence, key = scored[0]
    made = Guess(tables, table, table, key, key)
    made.picks["order.key"] = Pick(table.columns[key], key, confidence)
    return made


def _score(pair: tuple[float, str]) -> float:
    return pair[0]


def _as_key(column: Column) -> float:
    """An order's number stands in every row, is no date and no amount; in a file of lines it repeats."""
    if column.filled_share < 0.9 or column.dates.share > 0.5 or column.email_share > 0.5:
        return 0.0
    if column.number_share > NEARLY_ALL and column.whole_share < NEARLY_ALL:
        return 0.0
    named = match(column.name, "order.key")
    if named < LEAST:
        return 0.3 if not named and column.is_unique and "id" in words_of(column.name) else 0.0
    few = len(column.distinct) < 0.02 * len(column.filled)
    return named * 0.7 if few else named


def _several(tables: list[Seen]) -> Guess:
    """The order's own table has a row for each key, and a date; others repeat its key."""
    best: tuple[float, Seen, Column, dict[str, str]] | None = None
    for table in tables:
        for column in table.columns.values():
            linked = {other.name: name for other in tables if (name := _pointing(other, table, column))}
            if not linked or len(column.distinct) < 0.98 * len(column.texts) or not column.filled:
                continue
            dated = max((_fit("order.placed_at", one) for one in table.columns.values()), default=0.0)
            score = len(linked) + 2 * match(column.name, "order.key") + 2 * dated - _as_lines(table)
            if dated and (best is None or score > best[0]):
                best = (score, table, column, linked)
    if best is None:
        return _alone(tables, max(tables, key=lambda table: max(map(_as_key, table.columns.values()), default=0.0)))
    _, orders, key, linked = best
    named = [table for table in tables if table.name in linked]
    lines = max(named, key=_as_lines)
    made = Guess(tables, orders, lines, key.name, linked[lines.name])
    if _as_lines(lines) < max(1.0, _as_lines(orders)):
        made.lines, made.line_key = orders, key.name
    paying = [table for table in named if table is not made.lines and _as_payments(table) >= LEAST]
    if paying:
        made.payments = max(paying, key=_as_payments)
        made.payment_key = linked[made.payments.name]
    made.looked_up = _looked_up(made)
    made.picks["order.key"] = Pick(key, key.name, max(match(key.name, "order.key"), LEAST))
    return made


def _pointing(other: Seen, table: Seen, column: Column) -> str:
    """The column of the other table that names this one's rows: of the same name, or customer_id for customers' id."""
    if other is table:
        return ""
    wanted = [words_of(column.name)]
    if wanted[0] in (("id",), ("code",), ("number",)):
        own = words_of(table.name)
        wanted = [(*own[:-1], own[-1].removesuffix("s"), *wanted[0]), (*own, *wanted[0])]
    if column.dates.share > 0.5:
        return ""
    return next((name for name in other.header if words_of(name) in wanted), "")


def _as_lines(table: Seen) -> float:
    """How much it looks like what was sold."""
    best = [max((_fit(name, one) for one in table.columns.values()), default=0.0) for name in LINE_FIELDS]
    return best[0] + best[1] + max(best[2:])


LINE_FIELDS = ("line.sku", "line.quantity", "line.unit_price", "line.total")


def _as_payments(table: Seen) -> float:
    amount = max((_fit("payment.amount", one) for one in table.columns.values()), default=0.0)
    method = max((_fit("payment.method", one) for one in table.columns.values()), default=0.0)
    named = column_words.mentions(table.name, column_words.PAID_TABLE)
    return amount if amount and (method or named) else 0.0


def _looked_up(made: Guess) -> list[LookedUp]:
    """Tables whose rows are pointed to by those of the order or its lines, or by what those point to."""
    reached = [made.orders] if made.orders is made.lines else [made.orders, made.lines]
    left = [table for table in made.tables if table not in (*reached, made.payments)]
    keys: dict[str, str] = defaultdict(str, {made.lines.name: made.line_key, made.orders.name: made.key})
    found: list[LookedUp] = []
    while True:
        new = next(
            (one for table in left for here in reached if (one := _points_to(here, table, keys[here.name]))), None
        )
        if new is None:
            return found
        found.append(new)
        reached.append(new.table)
        left.remove(new.table)


def _points_to(here: Seen, table: Seen, key: str) -> LookedUp | None:
    for column in table.columns.values():
        if column.is_unique and (by := _pointing(here, table, column)) and by != key:
            return LookedUp(table, column.name, f"{here.name}.{by}")
    return None


# -- which column is which field ---------------------------------------------------------------------


def _fit(name: str, column: Column) -> float:
    """From 0 to 1: the name's fit times the values'."""
    named = match(column.name, name)
    return named * VALUES[name](column) if named else 0.0


def _amount(column: Column) -> float:
    if column.number_share < NEARLY_ALL or column.dates.share > 0.5:
        return 0.0
    return 1.0


def _positive(column: Column) -> float:
    return _amount(column) * (column.negative_share < 0.5)


def _quantity(column: Column) -> float:
    return 1.0 if column.number_share >= NEARLY_ALL and column.whole_share >= 0.9 else 0.0


def _date(column: Column) -> float:
    if not column.filled:
        return 0.0
    return column.dates.share if column.dates.share >= 0.9 else float(column.share(_is_day_count) >= NEARLY_ALL) * 0.8


def _is_day_count(text: str) -> bool:
    return text[:1] in "3456" and text.replace(".", "", 1).isdigit() and len(text.partition(".")[0]) == 5


def _text(column: Column) -> float:
    return 1.0 if column.filled and column.number_share < 0.5 and column.dates.share < 0.5 else 0.0


def _code(column: Column) -> float:
    if not column.filled or column.dates.share > 0.9:
        return 0.0
    is_amount = column.number_share > 0.9 and column.whole_share < 0.9
    return 0.0 if is_amount else 1.0 if len(column.distinct) > 1 else 0.9


def _country(column: Column) -> float:
    return 1.0 if column.country_share >= 0.5 else 0.0


def _currency(column: Column) -> float:
    return 1.0 if column.currency_share >= NEARLY_ALL else 0.0


def _email(column: Column) -> float:
    return 1.0 if column.email_share >= 0.8 else 0.0


def _status(column: Column) -> float:
    return 1.0 if _text(column) and len(column.distinct) <= 40 else 0.0


def _phone(column: Column) -> float:
    return 1.0 if column.digit_share > 0.8 and column.dates.share < 0.5 else 0.0


def _channel(column: Column) -> float:
    return 1.0 if _text(column) and len(column.distinct) <= 40 else 0.0


def _kilograms(column: Column) -> float:
    heavy = max((amount for amount in column.amounts if amount is not None), default=Decimal(0))
    return _positive(column) if heavy <= 200 else 0.0


VALUES: dict[str, Callable[[Column], float]] = {
    **dict.fromkeys(column_words.WORDS, _text),
    **{name: _date for name in column_words.WORDS if name.endswith(("_at", "_on"))},
    **{name: _positive for name in column_words.WORDS if name.endswith(("_g", "_mm", "_cm"))},
    **dict.fromkeys(("order.discount", "line.discount", "line.total", "line.unit_price", "order.refunded"), _amount),
    **dict.fromkeys(("order.shipping", "order.tax", "order.total", "line.shipping", "line.tax"), _positive),
    **dict.fromkeys(("order.customer", "order.number", "line.sku", "line.site", "line.external_id"), _code),
    **dict.fromkeys(("line.tracking_number", "payment.reference", "order.postcode", "order.pickup_point"), _code),
    **dict.fromkeys(("sku.barcode", "sku.hs_code"), _code),
    **dict.fromkeys(("line.number", "payment.number", "line.quantity"), _quantity),
    "order.insured": _positive,
    "order.key": _as_key, "payment.amount": _amount, "order.country": _country, "sku.origin": _country,
    "order.currency": _currency, "order.email": _email, "order.status": _status, "order.phone": _phone,
    "order.channel": _channel, "sku.weight_kg": _kilograms,
}  # fmt: skip

PLACE_FIELDS = ("postcode", "city", "region", "country")
ORDER_OF_FIELDS = [*column_words.WORDS, *(f"site.{name}" for name in PLACE_FIELDS)]


def _pick_fields(made: Guess) -> None:
    """The best pair of field and column first; a column is one field, a field one column."""
    taken = {(made.orders.name, made.key), (made.lines.name, made.line_key)}
    if made.payments is not None:
        taken.add((made.payments.name, made.payment_key))
    pairs = sorted(_pairs(made), key=lambda pair: -pair[1].confidence)
    for name, pick in pairs:
        where = (pick.column.table, pick.column.name)
        if pick.confidence >= LEAST and name not in made.picks and where not in taken:
            made.picks[name] = pick
            taken.add(where)
    if "order.placed_at" not in made.picks:
        _pick_any_date(made, taken)
    if (site := made.picks.get("line.site")) is not None:
        _pick_the_place(made, site)


def _pick_any_date(made: Guess, taken: set[tuple[str, str]]) -> None:
    """An order has a date: the first column of dates, if none is called so."""
    free = (column for column in made.orders.columns.values() if (column.table, column.name) not in taken)
    column = next((one for one in free if one.filled_share > 0.9 and one.dates.share > 0.9), None)
    if column is not None:
        made.picks["order.placed_at"] = Pick(column, column.name, 0.3)


def _pairs(made: Guess) -> Iterable[tuple[str, Pick]]:
    groups = made.orders.groups(made.key).values() if made.orders is made.lines else ()
    for name in column_words.WORDS:
        section = name.partition(".")[0]
        if name == "order.key" or (section == "payment" and made.payments is None and made.orders is not made.lines):
            continue
        for column, ref in _candidates(made, section):
            confidence = _fit(name, column) * _by_its_place(made, name, column)
            if confidence and groups and section != "sku":
                confidence *= _by_its_rows(name, column.constant_within(groups), any(len(rows) > 1 for rows in groups))
            if confidence:
                yield name, Pick(column, ref, confidence)


def _candidates(made: Guess, section: str) -> Iterable[tuple[Column, str]]:
    """The columns that a section may name, those of tables that it points to included."""
    own = made.orders if section == "order" else made.lines
    if section == "payment" and made.payments is not None:
        own = made.payments
    for column in own.columns.values():
        yield column, column.name
    reached = {own.name}
    for one in made.looked_up:
        if one.by.partition(".")[0] in reached:
            reached.add(one.table.name)
            for column in one.table.columns.values():
                if column.name != one.id:  # it says what the pointer says
                    yield column, f"{one.table.name}.{column.name}"


def _by_its_place(made: Guess, name: str, column: Column) -> float:
    """A pointer from an order to its own row elsewhere is new with each order: it names no customer."""
    pointers = {one.by for one in made.looked_up}
    if name == "order.customer" and f"{column.table}.{column.name}" in pointers:
        return 0.7
    if name == "payment.amount" and made.payments is None:
        return 1.0 if {"paid", "payment", "bezahlt", "paye", "pagado", "pagato"} & set(words_of(column.name)) else 0.0
    site_table = next((one.table.name for one in made.looked_up if match(one.id, "line.site") >= 0.9), "")
    if site_table and column.table == site_table:
        return 0.0  # where a seller sits, not who bought
    is_own = column.table not in {one.table.name for one in made.looked_up}
    return 1.0 if is_own else 0.98


def _by_its_rows(name: str, constant: float, repeats: bool) -> float:
    """What is of the order says the same on all of its rows; what is of a line does not."""
    if name.startswith("order."):
        return 1.0 if constant >= 0.9 else 0.0
    if name in ("line.total", "line.discount", "line.tax", "line.shipping"):
        return 0.6 if constant >= NEARLY_ALL and repeats else 1.0
    return 1.0


def _pick_the_place(made: Guess, site: Pick) -> None:
    """Where a site is, from the table that its column points to."""
    pointer = f"{site.column.table}.{site.column.name}"
    there = next((one.table for one in made.looked_up if one.by == pointer), None)
    if there is None:
        return
    for name in PLACE_FIELDS:
        scored = [(_fit(f"order.{name}", column), column) for column in there.columns.values()]
        confidence, column = max(scored, key=lambda pair: pair[0])
        if confidence >= LEAST:
            made.picks[f"site.{name}"] = Pick(column, f"{there.name}.{column.name}", confidence)


# -- amounts -----------------------------------------------------------------------------------------


def _settle_the_price(made: Guess) -> None:
    """Is the amount of a line that of a piece, or of all of them? The rows tell."""
    picks, notes = made.picks, made.notes
    price, total, quantity = picks.get("line.unit_price"), picks.get("line.total"), picks.get("line.quantity")
    if price is None and total is None and (whole := picks.pop("order.total", None)) is not None:
        picks["line.total"] = total = whole
    if quantity is None:
        return
    if price is not None and total is not None:
        fits = _product_share(quantity.column, price.column, total.column)
        if fits < 0.5 and _is_per_piece(made, price.column) is False:
            del picks["line.unit_price"]
            return
        notes["line.unit_price"] = f"quantity x this is {total.column.name} in {fits:.0%} of the rows"
        del picks["line.total"]
        return
    if price is not None and _is_per_piece(made, price.column) is False:
        picks["line.total"] = picks.pop("line.unit_price")
        notes["line.total"] = "it grows with the quantity: the amount of all pieces"
    elif total is not None and _is_per_piece(made, total.column) is True:
        picks["line.unit_price"] = picks.pop("line.total")
        notes["line.unit_price"] = "it does not grow with the quantity: the price of one piece"


def _product_share(quantity: Column, price: Column, total: Column) -> float:
    rows = [
        (each, one, sum_)
        for each, one, sum_ in zip(quantity.amounts, price.amounts, total.amounts, strict=True)
        if each is not None and one is not None and sum_ is not None
    ]
    return sum(abs(each * one - sum_) <= PENNY for each, one, sum_ in rows) / len(rows) if rows else 0.0


def _is_per_piece(made: Guess, column: Column) -> bool | None:
    """By the SKUs that were sold in different quantities: does the amount stay, or grow with them? None: who knows."""
    sku, quantity = made.picks.get("line.sku"), made.picks.get("line.quantity")
    if sku is None or quantity is None or sku.column.table != column.table or quantity.column.table != column.table:
        return None
    sold: dict[str, dict[Decimal, Decimal]] = {}
    for code, many, amount in zip(sku.column.texts, quantity.column.amounts, column.amounts, strict=True):
        if many is not None and amount is not None and many > 0 and amount > 0:
            sold.setdefault(code, {}).setdefault(many, amount)
    stays = grows = 0
    for by_quantity in sold.values():
        (few, one), (many, other) = min(by_quantity.items()), max(by_quantity.items())
        if few != many:
            stays += abs(one - other) <= PENNY
            grows += abs(one / few - other / many) <= PENNY
    if stays + grows < 3 or stays == grows:
        return None
    return stays > grows


def _settle_the_total(made: Guess) -> None:
    """A total that the lines do not come to would stop every order: better without it."""
    total, price = made.picks.get("order.total"), made.picks.get("line.unit_price") or made.picks.get("line.total")
    if total is None or price is None or made.orders is not made.lines:
        return
    with_tax = [_adds_up(made, rows, tax=True) for rows in made.orders.groups(made.key).values()]
    without = [_adds_up(made, rows, tax=False) for rows in made.orders.groups(made.key).values()]
    if sum(without) > sum(with_tax):
        made.tax_included, with_tax = True, without
    share = sum(with_tax) / len(with_tax)
    made.notes["order.total"] = f"adds up in {share:.0%} of the orders looked at"
    if share < 0.5:
        made.notes["order.total"] = f"not taken: {total.column.name} adds up in {share:.0%} of the orders looked at"
        del made.picks["order.total"]


def _adds_up(made: Guess, rows: Sequence[int], *, tax: bool) -> bool:
    def of(name: str, row: int) -> Decimal:
        pick = made.picks.get(name)
        return (pick.column.amounts[row] or Decimal(0)) if pick is not None else Decimal(0)

    by_piece = "line.unit_price" in made.picks
    total = sum((of("line.unit_price", row) * of("line.quantity", row) for row in rows), Decimal(0)) if by_piece \
        else sum((of("line.total", row) for row in rows), Decimal(0))  # fmt: skip
    total += sum((of("line.shipping", row) - abs(of("line.discount", row)) for row in rows), Decimal(0))
    total += of("order.shipping", rows[0]) - abs(of("order.discount", rows[0]))
    if tax:
        total += of("order.tax", rows[0]) or sum((of("line.tax", row) for row in rows), Decimal(0))
    return abs(total - of("order.total", rows[0])) <= PENNY


# -- credits, services -------------------------------------------------------------------------------


def _see_kinds(made: Guess) -> None:
    """What goes back has a quantity below zero, often under a key with a letter before it."""
    quantity, price = made.picks.get("line.quantity"), made.picks.get("line.unit_price") or made.picks.get("line.total")
    key = made.lines.columns[made.line_key]
    back: dict[str, list[int]] = {}
    for row, text in enumerate(key.texts):
        counted = quantity.column.amounts[row] if quantity is not None else None
        back.setdefault(prefix_of(text.strip()), []).append(counted is not None and counted < 0)
    usual = max(back, key=lambda prefix: len(back[prefix]), default="")
    credits = [prefix for prefix, signs in back.items() if prefix != usual and prefix and sum(signs) > 0.8 * len(signs)]
    named = in_words(made.line_key)
    below_zero = f"{in_words(quantity.ref)} < 0" if quantity is not None else ""
    if credits:
        made.kinds["credit"] = f"starts({named}, {', '.join(_quoted(prefix) for prefix in sorted(credits))})"
        made.kinds["stock"] = below_zero
    elif quantity is not None and quantity.column.negative_share:
        made.kinds["credit"] = below_zero
    if price is not None and price.column.negative_share:
        grows_negative = "line.total" in made.picks and quantity is not None
        below = f"{in_words(price.ref)} < 0"
        made.kinds["adjustment"] = (
            f"{below} and {in_words(quantity.ref)} >= 0" if grows_negative and quantity else below
        )


def _see_services(made: Guess) -> None:
    """Codes of letters alone, among codes with digits, are often postage, fees, discounts."""
    sku = made.picks.get("line.sku")
    if sku is None or sku.column.digit_share < 0.7:
        return
    codes = [code for code in sku.column.distinct if not any(char.isdigit() for char in code)]
    made.services = sorted(codes)[:MOST_SERVICES]


def in_words(ref: str) -> str:
    """A column as an expression says it."""
    parts = ref.split(".")
    is_plain = len(parts) <= 2 and all(part.isascii() and part.isidentifier() and not iskeyword(part) for part in parts)
    return ref if is_plain else f"col({_quoted(ref)})"


def _quoted(text: str) -> str:
    return repr(text)
