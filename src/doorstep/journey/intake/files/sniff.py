"""sniff: look at files nobody described, and propose the mapping that reads them: a guess with samples, to be edited.

A column is judged by its name (`column_words`) and by its values (`columns_seen`); its confidence is how well both
fit, from 0 to 1. Which table is which, and what a credit looks like, is told by keys and signs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from os import PathLike

from doorstep.journey.intake.files import column_words
from doorstep.journey.intake.files.column_words import match, words_of
from doorstep.journey.intake.files.columns_seen import NEARLY_ALL, Column, Seen, look_at
from doorstep.journey.intake.files.fitting import LEAST, as_key, fit
from doorstep.journey.intake.files.guesses import PLACE_FIELDS, Guess, LookedUp, Pick
from doorstep.journey.intake.files.sniffed_amounts import see_kinds, see_services, settle_the_price, settle_the_total
from doorstep.journey.intake.files.tables import expand
from doorstep.kit.refusals import Refusal


class NoOrdersSeen(Refusal):
    """No column of these files looks like an order's number, so no mapping can be proposed: write one by hand."""

    status = 422


def guess(paths: Sequence[str | PathLike[str]]) -> Guess:
    """What these files seem to be. Refuses NotReadable, NoOrdersSeen."""
    files, _ = expand(paths)
    tables = look_at(files)
    made = _several(tables) if len(tables) > 1 else _alone(tables, tables[0])
    _pick_fields(made)
    settle_the_price(made)
    settle_the_total(made)
    see_kinds(made)
    see_services(made)
    return made


# Which table is which


def _alone(tables: list[Seen], table: Seen) -> Guess:
    scored = sorted(((as_key(column), column.name) for column in table.columns.values()), reverse=True, key=_score)
    if not scored or not scored[0][0]:
        raise NoOrdersSeen(file=str(table.files[0]), columns=", ".join(table.header)[:300])
    confidence, key = scored[0]
    made = Guess(tables, table, table, key, key)
    made.picks["order.key"] = Pick(table.columns[key], key, confidence)
    return made


def _score(pair: tuple[float, str]) -> float:
    return pair[0]


def _several(tables: list[Seen]) -> Guess:
    """The order's own table has a row for each key, and a date; others repeat its key."""
    best: tuple[float, Seen, Column, dict[str, str]] | None = None
    for table in tables:
        for column in table.columns.values():
            linked = {other.name: name for other in tables if (name := _pointing(other, table, column))}
            if not linked or len(column.distinct) < 0.98 * len(column.texts) or not column.filled:
                continue
            dated = max((fit("order.placed_at", one) for one in table.columns.values()), default=0.0)
            score = len(linked) + 2 * match(column.name, "order.key") + 2 * dated - _as_lines(table)
            if dated and (best is None or score > best[0]):
                best = (score, table, column, linked)
    if best is None:
        return _alone(tables, max(tables, key=lambda table: max(map(as_key, table.columns.values()), default=0.0)))
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
    best = [max((fit(name, one) for one in table.columns.values()), default=0.0) for name in LINE_FIELDS]
    return best[0] + best[1] + max(best[2:])


LINE_FIELDS = ("line.sku", "line.quantity", "line.unit_price", "line.total")


def _as_payments(table: Seen) -> float:
    amount = max((fit("payment.amount", one) for one in table.columns.values()), default=0.0)
    method = max((fit("payment.method", one) for one in table.columns.values()), default=0.0)
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


# Which column is which field


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
            confidence = fit(name, column) * _by_its_place(made, name, column)
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
        scored = [(fit(f"order.{name}", column), column) for column in there.columns.values()]
        confidence, column = max(scored, key=lambda pair: pair[0])
        if confidence >= LEAST:
            made.picks[f"site.{name}"] = Pick(column, f"{there.name}.{column.name}", confidence)
