"""proposal: what was sniffed, as an answer: the format that is known already, or a mapping to save, edit and use."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.resources import files as package_files
from os import PathLike
from pathlib import Path
from typing import Any

import msgspec

from doorstep.journey.intake.files import cells, column_words
from doorstep.journey.intake.files.columns_seen import NEARLY_ALL, Seen
from doorstep.journey.intake.files.expressions import NotAnExpression, formula, text_of
from doorstep.journey.intake.files.guesses import Found, Guess, Pick, in_words
from doorstep.journey.intake.files.mapping import Field, Mapping, parse_mapping
from doorstep.journey.intake.files.opening import FORMATS, recognized
from doorstep.journey.intake.files.shopify import ORDERS, recognize
from doorstep.journey.intake.files.sniff import guess
from doorstep.journey.intake.files.tables import Row, expand, open_table

SECTIONS = ("order", "line", "parcel", "payment", "sku", "site")
FEW = 3  # samples
MOST_LOOKED_AT = 200  # rows, for the samples of a known format


class Proposal(msgspec.Struct, frozen=True):
    """`format`: the name of the ready one, which needs no mapping. `mapping`: a TOML text, "" where none is needed."""

    format: str | None
    fields: list[Found]
    unused: list[str]
    mapping: str


def propose(paths: Sequence[str | PathLike[str]]) -> Proposal:
    """What these files are. Refuses NotReadable, NoOrdersSeen."""
    files, _ = expand(paths)
    headers = [(file, open_table(file).header) for file in files]
    if any(recognize(header) == ORDERS for _, header in headers):
        return Proposal("Shopify", [], [], "")
    for file, header in headers:
        if (ready := recognized(header)) is not None:
            return _of_ready(ready, file, header)
    made = guess(paths)
    return Proposal(None, made.found(), made.unused(), "\n".join(_toml(made)) + "\n")


# A format that is known


def _of_ready(ready: Mapping, file: Path, header: tuple[str, ...]) -> Proposal:
    """Its own text, to begin from, and what its fields say here."""
    rows = [row for row, _ in zip(open_table(file), range(MOST_LOOKED_AT), strict=False) if isinstance(row, Row)]
    found, text = [], _text_of(ready.name)
    for section in SECTIONS:
        fields = getattr(ready, section)
        for name in fields.__struct_fields__ if fields is not None else ():
            said = getattr(fields, name)
            said = said.of if isinstance(said, Field) else said
            if name not in ("table", "complete") and said:
                found.append(Found(f"{section}.{name}", said, 1.0, _samples(said, header, rows)))
    said_somewhere = " ".join(one.column for one in found)
    return Proposal(ready.name, found, [name for name in header if name not in said_somewhere], text)


def _samples(said: str, header: tuple[str, ...], rows: list[Row]) -> list[str]:
    try:
        work = formula(said, {name: place for place, name in enumerate(header)})
    except NotAnExpression:
        return []
    told = (text_of(work([row.cells[name] for name in header])).strip() for row in rows)
    return list(dict.fromkeys(text[:60] for text in told if text))[:FEW]


def _text_of(name: str) -> str:
    texts = [file.read_bytes() for file in package_files(FORMATS).iterdir() if file.name.endswith(".toml")]
    return next((text.decode() for text in texts if parse_mapping(text, name).name == name), "")


# A mapping to begin from


def _toml(made: Guess) -> Iterator[str]:
    """The mapping, each field with its confidence and samples; what nobody could guess is a comment."""
    yield "# Proposed by `doorstep import sniff`: look at each line, above all at those with a low confidence."
    yield f"name = {_quoted(made.orders.files[0].name.partition('.')[0][:60])}"
    yield '# timezone = "Europe/Berlin"  # of times without an offset; without this line, UTC'
    yield from _currency(made)
    yield f"# channel = {_quoted(_channel_of(made))}  # the store that they are from; without this line, --channel"
    yield from _dates(made)
    yield from _decimal(made)
    yield from _services(made)
    if not made.is_one_table:
        yield from _tables(made)
    yield from _kinds(made)
    yield from _order(made)
    yield from _line(made)
    yield from _parcel(made)
    yield from _payment(made)
    yield from _sku(made)
    yield from _section(made, "site")


def _channel_of(made: Guess) -> str:
    return made.orders.name[:40]


def _currency(made: Guess) -> Iterator[str]:
    if "order.currency" in made.picks:
        return
    amount = made.picks.get("line.unit_price") or made.picks.get("line.total")
    symbol = amount.column.symbol if amount is not None else ""
    yield (
        f"currency = {_quoted(symbol)}"
        if symbol
        else '# currency = "EUR"  # none is in the file; without this, --currency'
    )


def _dates(made: Guess) -> Iterator[str]:
    dated = [pick.column for name, pick in made.picks.items() if name.endswith(("_at", "_on"))]
    forms = list(dict.fromkeys(column.dates.form for column in dated if column.dates.form))
    if forms:
        yield f"dates = [{', '.join(map(_quoted, forms))}]"
    if any(column.dates.day_first for column in dated):
        yield "day_first = true"
    if any(column.dates.is_open for column in dated):
        yield "# Day and month could be swapped in these files, and no value tells: see to day_first."


def _decimal(made: Guess) -> Iterator[str]:
    numeric = [
        pick.column
        for name, pick in made.picks.items()
        if column_words.WORDS.get(name) and pick.column.number_share > 0.9 and not name.endswith(("_at", "_on", ".key"))
    ]
    marks = {column.decimal_mark for column in numeric} - {""}
    if marks == {","}:
        yield 'decimal = ","'


def _services(made: Guess) -> Iterator[str]:
    if made.services:
        yield ""
        yield "# What has no stock and never ships, such as postage or fees? These codes have no digit in them:"
        yield f"# services = [{', '.join(_comment(_quoted(code)) for code in made.services)}]"


def _tables(made: Guess) -> Iterator[str]:
    yield ""
    yield "[tables]"
    used = made.used_tables()
    keys = {made.lines.name: made.line_key, made.orders.name: made.key}
    if made.payments is not None:
        keys[made.payments.name] = made.payment_key
    needed = _with_those_between(made, used)
    for table in needed:
        files = f"files = {_quoted(_pattern(table, made.tables))}"
        if table.name in keys:
            yield f"{table.name} = {{ {files}, key = {_quoted(keys[table.name])} }}"
        else:
            one = next(one for one in made.looked_up if one.table is table)
            yield f"{table.name} = {{ {files}, id = {_quoted(one.id)}, by = {_quoted(one.by)} }}"
    for table in made.tables:
        if table not in needed:
            yield f"# {_comment(table.name)}: nothing of it is needed"


def _with_those_between(made: Guess, used: list[Seen]) -> list[Seen]:
    """A table that is pointed to by a table that is pointed to needs both."""
    names = {table.name for table in used}
    for one in reversed(made.looked_up):
        if one.table.name in names:
            names.add(one.by.partition(".")[0])
    return [table for table in made.tables if table.name in names]


def _pattern(table: Seen, tables: list[Seen]) -> str:
    """What its files are called, zipped or not, and no other's."""
    names = [file.name.removesuffix(".gz") for file in table.files]
    first, last = min(names), max(names)
    if first == last:
        return _literally(first) + "*"
    start = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    others = [file.name for other in tables if other is not table for file in other.files]
    if any(name.startswith(first[:start]) for name in others):
        return _literally(first[:start]) + "[!_]*" if start else "*"
    return _literally(first[:start]) + "*"


def _literally(name: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


def _kinds(made: Guess) -> Iterator[str]:
    if not made.kinds:
        return
    yield ""
    yield "# The first of these that is true of a row; else it is a sale."
    yield "[kind]"
    for kind in ("credit", "adjustment", "stock"):
        if made.kinds.get(kind):
            yield f"{kind} = {_quoted(made.kinds[kind])}"


def _order(made: Guess) -> Iterator[str]:
    yield ""
    yield "[order]"
    if not made.is_one_table:
        yield f"table = {_quoted(made.orders.name)}"
    for name in _names(made, "order"):
        if name != "order.status" and name != "order.country":
            yield _said(made, name)
    if "order.placed_at" not in made.picks:
        yield 'placed_at = { value = "" }  # no column holds the dates of the orders: say which'
    if made.tax_included:
        yield "tax_included = { value = true }  # the totals add up without the tax"
    yield from _status(made)
    if made.kinds and (title := made.picks.get("line.title")) is not None and made.orders is made.lines:
        yield f"reason = {_quoted(title.ref)}"
    if "line.site" not in made.picks:
        yield '# site = { value = "MAIN" }  # where the goods left from: with it, history keeps the stock too'
    if "order.country" not in made.picks:
        yield '# country = { value = "DE" }'
    else:
        yield from _country(made.picks["order.country"])


def _country(pick: Pick) -> Iterator[str]:
    unknown = [word for word in pick.column.distinct if cells.country(word) is None]
    if not unknown:
        yield f"country = {_quoted(pick.ref)}  {_why(pick)}"
        return
    words = ", ".join(f'{_quoted(word)} = "ZZ"' for word in sorted(unknown))
    yield f"country = {{ of = {_quoted(pick.ref)}, values = {{ {words} }} }}  # put codes for these"


def _status(made: Guess) -> Iterator[str]:
    status = made.picks.get("order.status")
    if status is None:
        return
    yield f"# {_comment(status.ref)} says: {_comment(', '.join(list(status.column.distinct)[:20]))}"
    for field, stems in (("canceled", column_words.CANCELED), ("delivered", column_words.DELIVERED)):
        words = [word for word in status.column.distinct if column_words.mentions(word, stems)]
        if field == "delivered":
            words = [word for word in words if not column_words.mentions(word, ("not ", "un", "partial"))]
        if words:
            yield f"{field} = {_quoted(f'trim({in_words(status.ref)}) in [' + ', '.join(map(repr, words)) + ']')}"


def _line(made: Guess) -> Iterator[str]:
    yield ""
    yield "[line]"
    if not made.is_one_table:
        yield f"table = {_quoted(made.lines.name)}"
    for name in _names(made, "line"):
        if name not in ("line.tracking_number", "line.carrier"):
            yield _said(made, name)
    number, own = made.picks.get("line.number"), made.picks.get("line.external_id")
    if number is not None and own is None:
        yield f"external_id = {_quoted(number.ref)}"
    elif number is None and own is not None and own.column.whole_share >= NEARLY_ALL:
        yield f"number = {_quoted(own.ref)}  # it counts, so it puts the lines in order"
    if "line.unit_price" not in made.picks and "line.total" not in made.picks:
        yield "unit_price = { value = 0 }  # no column holds prices"
    if "line.quantity" not in made.picks:
        yield "# quantity: no column holds it; each row is one piece"


def _parcel(made: Guess) -> Iterator[str]:
    tracking, site = made.picks.get("line.tracking_number"), "line.site" in made.picks
    if tracking is None and not site:
        return
    yield ""
    mark = "" if site else "# "
    if not site:
        yield "# Parcels leave from a site: take these lines in together with `site` of [order]."
    yield f"{mark}[parcel]"
    for name in ("tracking_number", "carrier"):
        if (pick := made.picks.get(f"line.{name}")) is not None:
            yield f"{mark}{name} = {_quoted(pick.ref)}  {_why(pick)}"


def _payment(made: Guess) -> Iterator[str]:
    if "payment.amount" not in made.picks:
        return
    yield ""
    yield "[payment]"
    if made.payments is not None:
        yield f"table = {_quoted(made.payments.name)}"
    elif not made.is_one_table:
        yield f"table = {_quoted(made.orders.name)}"
    for name in _names(made, "payment"):
        yield _said(made, name)
    if made.payments is None:
        yield "complete = false  # true: all that was ever paid is told, so it must add up to the total"


def _sku(made: Guess) -> Iterator[str]:
    names = _names(made, "sku")
    if not names:
        return
    yield ""
    yield "[sku]"
    for name in names:
        pick, (_, _, field) = made.picks[name], name.partition(".")
        if field == "weight_kg":
            yield f"weight_g = {_quoted(f'number({in_words(pick.ref)}) * 1000')}  {_why(pick)}"
        elif field.endswith("_cm"):
            yield f"{field[:-3]}_mm = {_quoted(f'number({in_words(pick.ref)}) * 10')}  {_why(pick)}"
        else:
            yield _said(made, name)


def _section(made: Guess, section: str) -> Iterator[str]:
    names = _names(made, section)
    if names:
        yield ""
        yield f"[{section}]"
        yield from (_said(made, name) for name in names)


def _names(made: Guess, section: str) -> list[str]:
    """The fields of a section; where both are there, grams and millimeters win."""
    found = [one.field for one in made.found() if one.field.startswith(f"{section}.")]
    finer = {"weight_kg": "weight_g", "length_cm": "length_mm", "width_cm": "width_mm", "height_cm": "height_mm"}
    return [name for name in found if f"sku.{finer.get(name.partition('.')[2], '')}" not in found]


def _said(made: Guess, name: str) -> str:
    pick = made.picks[name]
    note = f"; {_comment(made.notes[name])}" if name in made.notes else ""
    return f"{name.partition('.')[2]} = {_quoted(pick.ref)}  {_why(pick)}{note}"


def _why(pick: Pick) -> str:
    return f"# {pick.confidence:.2f}: {_comment(' | '.join(pick.column.samples))}"


def _comment(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def _quoted(text: str) -> str:
    """A TOML string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def as_json(proposal: Proposal) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(proposal)
    return told


def in_lines(proposal: Proposal) -> str:
    """For people: what is known, a table, the mapping."""
    if proposal.format and not proposal.mapping:
        return f"This is a {proposal.format} export: it is read as it is, without a mapping."
    lines = []
    if proposal.format:
        lines += [
            f"This is the format {proposal.format}: it is read as it is. Its mapping, should you need another:",
            "",
        ]
    lines += _table(proposal.fields)
    if proposal.unused:
        lines += ["", f"Nobody needs: {', '.join(proposal.unused)}"]
    return "\n".join([*lines, "", proposal.mapping])


def _table(found: list[Found]) -> list[str]:
    rows = [(one.column[:48], one.field, f"{one.confidence:.2f}", " | ".join(one.samples)[:70]) for one in found]
    rows = [("column", "field", "sure", "samples"), *rows]
    wide = [max(len(row[place]) for row in rows) for place in range(3)]
    return ["  ".join((*(row[i].ljust(wide[i]) for i in range(3)), _comment(row[3]))).rstrip() for row in rows]
