"""sniffed_amounts: what amounts are in files nobody described: of a piece or of all, with tax or without; credits."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from doorstep.journey.intake.files.columns_seen import Column, prefix_of
from doorstep.journey.intake.files.guesses import Guess, in_words, quoted

PENNY = Decimal("0.011")
MOST_SERVICES = 30


# Amounts


def settle_the_price(made: Guess) -> None:
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


def settle_the_total(made: Guess) -> None:
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


# Credits, services


def see_kinds(made: Guess) -> None:
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
        made.kinds["credit"] = f"starts({named}, {', '.join(quoted(prefix) for prefix in sorted(credits))})"
        made.kinds["stock"] = below_zero
    elif quantity is not None and quantity.column.negative_share:
        made.kinds["credit"] = below_zero
    if price is not None and price.column.negative_share:
        grows_negative = "line.total" in made.picks and quantity is not None
        below = f"{in_words(price.ref)} < 0"
        made.kinds["adjustment"] = (
            f"{below} and {in_words(quantity.ref)} >= 0" if grows_negative and quantity else below
        )


def see_services(made: Guess) -> None:
    """Codes of letters alone, among codes with digits, are often postage, fees, discounts."""
    sku = made.picks.get("line.sku")
    if sku is None or sku.column.digit_share < 0.7:
        return
    codes = [code for code in sku.column.distinct if not any(char.isdigit() for char in code)]
    made.services = sorted(codes)[:MOST_SERVICES]
