"""lists: what a file of customs rules may say, line by line: HS codes, duties, countries, restrictions, denied parties;
and what a file of postcodes says of where they lie.

A file is CSV in UTF-8. Lines before the header that begin with # tell about the whole list, as `# as_of: 2026-07-01`,
`# source: …`, `# sample: yes`. Each row may have a source of its own, and days between which it holds.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, DecimalException
from typing import Any, Literal, get_args

from doorstep.kit.money import digits
from doorstep.kit.refusals import Refusal
from doorstep.kit.text import storable
from doorstep.setup.customs.names import keys_of
from doorstep.setup.geography import CENTERS

Kind = Literal[
    "hs-codes", "duty-rates", "country-rules", "restrictions", "exchange-rates", "denied-parties", "postcodes"
]  # fmt: skip
POSTCODES: Kind = "postcodes"
# Those of customs rules.
KINDS: tuple[Kind, ...] = tuple(kind for kind in get_args(Kind) if kind != POSTCODES)
Mode = Literal["post", "courier", "freight"]
MODES: tuple[Mode, ...] = get_args(Mode)
UNION, ANYWHERE = "EU", "*"
LARGEST_FILE = 200_000_000
TOLD_PROBLEMS = 20
# How the United Nations' files of the nomenclature call the column, and the row that stands for all of it.
_CALLED = {"hscode": "code", "hs_code": "code"}
_ALL_GOODS = "TOTAL"

# What can be said of a country: the name of the rule, and what its value is.
RULES: dict[str, str] = {
    "tax_percent": "percent",  # VAT, GST, consumption tax: the ordinary rate
    "tax_name": "text",
    "duty_base": "base",  # what duty is a percentage of: cif or fob
    "duty_free_to": "amount",  # goods of a consignment worth no more than this pay no duty
    "tax_free_to": "amount",  # … and no tax
    "only_above": "yes",  # beyond these, only what exceeds them is charged
    "low_value_duty": "amount",  # per tariff heading, on what is worth no more than duty_free_to
    "scheme": "text",  # under which the seller takes the tax itself: IOSS …
    "scheme_to": "amount",
    "clearance_fee": "amount",
    "recipient_tax_id": "text",  # which number of the recipient is asked for: CPF or CNPJ, PCCC …
    "responsible_person": "text",  # who has to be named for consumer goods, and by which law
    "item_data": "text",  # what has to be sent ahead: ICS2, STOP Act …
    "export_filing_over": "amount",  # goods of one HS code worth more are filed when they leave
    "export_filing_exempt": "countries",  # … unless they go there
    "export_filing_always": "countries",  # what goes there is filed whatever it is worth
    "export_filing_controlled": "countries",  # … where a control list names it
    "export_legend_low_value": "text",
    "export_legend_exempt": "text",
    "returned_goods": "text",  # the relief for goods that come back, as papers name it
    "returned_goods_months": "count",
}


class NotARuleList(Refusal):
    """This file is no list of that kind; nothing of it was loaded."""

    status = 422


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a list, found by country and key; `words` are what a denied party is found by."""

    country: str
    key: str
    data: Mapping[str, Any]
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleList:
    kind: Kind
    as_of: date
    source: str
    is_sample: bool
    rows: tuple[Row, ...]


class Wrong(ValueError):
    """A cell that cannot be so: its column, and what would do."""

    def __init__(self, column: str, detail: str) -> None:
        super().__init__(detail)
        self.column, self.detail = column, detail


@dataclass(frozen=True, slots=True)
class _Shape:
    """The columns of a kind, those that must be there, and what makes a row of one line's cells."""

    needed: tuple[str, ...]
    columns: tuple[str, ...]
    row: Callable[[Mapping[str, str]], Row]


@dataclass(slots=True)
class _Problems:
    """Everything that is wrong with a file, as far as anybody wants to read it."""

    told: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0

    def add(self, row: int, column: str, detail: str) -> None:
        self.count += 1
        if len(self.told) < TOLD_PROBLEMS:
            self.told.append({"row": row, "field": column, "detail": detail})

    def refuse(self, kind: str, name: str) -> None:
        if self.count:
            raise NotARuleList(kind=kind, file=name, problems=self.told, more=self.count - len(self.told))


def read_list(kind: Kind, raw: bytes, name: str, *, as_of: date | None = None, source: str = "") -> RuleList:
    """The list in the file; what is given beside it counts more than what it says. Refuses NotARuleList."""
    problems = _Problems()
    about, lines = _parted(_decoded(kind, raw, name))
    day = as_of or _day(about.get("as_of", ""), problems)
    told_source = (source or about.get("source", "")).strip()
    if day is None and not problems.count:
        problems.add(0, "as_of", "of which day is it? A line `# as_of: 2026-07-01` before the header, or --as-of")
    if not told_source:
        problems.add(0, "source", "where is it from? A line `# source: …` before the header, or --source")
    rows = tuple(_rows(_SHAPES[kind], lines, problems))
    if not rows and not problems.count:
        problems.add(0, "", "there is no row in it")
    problems.refuse(kind, name)
    assert day is not None
    is_sample = about.get("sample", "").lower() in ("yes", "true", "1")
    return RuleList(kind, day, told_source[:500], is_sample, _with_leaves(rows) if kind == "hs-codes" else rows)


def _decoded(kind: str, raw: bytes, name: str) -> str:
    if len(raw) > LARGEST_FILE:
        raise NotARuleList(kind=kind, file=name, problems=[_whole_file("it is larger than 200 MB")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotARuleList(kind=kind, file=name, problems=[_whole_file(f"it is not UTF-8: {error.reason}")]) from None
    if "\0" in text:
        raise NotARuleList(kind=kind, file=name, problems=[_whole_file("it is no text: there is a zero in it")])
    return text


def _whole_file(detail: str) -> dict[str, Any]:
    return {"row": 0, "field": "", "detail": detail}


def _parted(text: str) -> tuple[dict[str, str], str]:
    """What the lines before the header say of the whole list, and the rest."""
    about: dict[str, str] = {}
    while text.startswith("#"):
        line, _, text = text.partition("\n")
        name, _, value = line.lstrip("# ").partition(":")
        about.setdefault(name.strip().lower().replace("-", "_").replace(" ", "_"), value.strip())
    return about, text


def _rows(shape: _Shape, text: str, problems: _Problems) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    seen: dict[tuple[str, str], int] = {}
    columns: list[str] = []
    try:
        for number, cells in enumerate(reader, start=1):
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = [_CALLED.get(name, name) for name in (cell.strip().lower() for cell in cells)]
                if not _fits(shape, columns, problems):
                    return
                continue
            if len(cells) > len(columns):
                problems.add(number, "", f"it has {len(cells)} cells, the header {len(columns)}")
                continue
            if dict(zip(columns, cells, strict=False)).get("code") == _ALL_GOODS:
                continue
            try:
                row = shape.row({"": str(number)} | dict(zip(columns, map(str.strip, cells), strict=False)))
            except Wrong as wrong:
                problems.add(number, wrong.column, wrong.detail)
                continue
            if (row.country, row.key) in seen:
                problems.add(number, "", f"row {seen[row.country, row.key]} says it already")
                continue
            seen[row.country, row.key] = number
            yield row
    except csv.Error as error:
        problems.add(reader.line_num, "", f"it is no CSV: {error}")


def _fits(shape: _Shape, columns: list[str], problems: _Problems) -> bool:
    missing = [name for name in shape.needed if name not in columns]
    if missing:
        known = ", ".join(shape.columns)
        problems.add(1, ", ".join(missing), f"the header lacks {', '.join(missing)}; the columns are {known}")
    if len(set(columns)) < len(columns):
        problems.add(1, "", "a column is there twice")
        return False
    return not missing


# Cells


def _text(cells: Mapping[str, str], name: str, longest: int = 500, *, needed: bool = False) -> str:
    value = " ".join(cells.get(name, "").split())
    if needed and not value:
        raise Wrong(name, f"{name} is missing")
    if len(value) > longest or not storable(value):
        raise Wrong(name, f"{name} must be a text of no more than {longest} characters")
    return value


def _number(cells: Mapping[str, str], name: str, value: str, least: str, most: str) -> str:
    """A decimal as its shortest text; neither NaN nor anything without an end."""
    try:
        found = Decimal(value) if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,8})?", value, re.ASCII) else None
    except DecimalException:
        found = None
    if found is None or not Decimal(least) <= found <= Decimal(most):
        raise Wrong(name, f"{value[:40]!r} is no number from {least} to {most}")
    return f"{found.normalize():f}"


def _day(value: str, problems: _Problems) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        problems.add(0, "as_of", f"{value[:40]!r} is no day; it is written 2026-07-01")
        return None


def _days(cells: Mapping[str, str]) -> dict[str, str]:
    """Between which days a row holds: since, and until without that day."""
    found = {}
    for name in ("since", "until"):
        value = cells.get(name, "")
        try:
            found[name] = date.fromisoformat(value).isoformat() if value else ""
        except ValueError:
            raise Wrong(name, f"{value[:40]!r} is no day; it is written 2026-07-01") from None
    if found["since"] and found["until"] and found["until"] <= found["since"]:
        raise Wrong("until", "must be after since")
    return {name: value for name, value in found.items() if value}


def _country(cells: Mapping[str, str], name: str, *also: str) -> str:
    code = cells.get(name, "").upper()
    if code not in CENTERS and code not in also:
        raise Wrong(name, f"{code[:40]!r} is no country of two letters{' nor ' + ' nor '.join(also) if also else ''}")
    return code


def _hs(cells: Mapping[str, str], name: str, least: int = 2) -> str:
    code = re.sub(r"[. ]", "", cells.get(name, ""))
    if not re.fullmatch(rf"[0-9]{{{least},12}}", code, re.ASCII) or len(code) % 2:
        raise Wrong(name, f"{code[:40]!r} is no HS code: an even number of digits, {least} to 12")
    return code


def _currency(cells: Mapping[str, str], name: str = "currency") -> str:
    code = cells.get(name, "").upper()
    try:
        digits(code)
    except Refusal:
        raise Wrong(name, f"{code[:40]!r} is no currency of ISO 4217") from None
    return code


# Rows


def _hs_code(cells: Mapping[str, str]) -> Row:
    return Row("", _hs(cells, "code"), {"text": _text(cells, "description", 2000)})


def _with_leaves(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Says of each code whether the list has longer ones below it: only then those are all there is."""
    branches = {row.key[:end] for row in rows for end in range(2, len(row.key), 2)}
    return tuple(Row("", row.key, {**row.data, "leaf": row.key not in branches}) for row in rows)


def _duty_rate(cells: Mapping[str, str]) -> Row:
    hs = ANYWHERE if cells.get("hs", "") == ANYWHERE else _hs(cells, "hs")
    origin = _country(cells, "origin", ANYWHERE, UNION) if cells.get("origin") else ANYWHERE
    days = _days(cells)
    data = {"percent": _number(cells, "percent", cells.get("percent", ""), "0", "1000"), **days}
    data |= {"source": _text(cells, "source")}
    return Row(_country(cells, "country", UNION), f"{hs}:{origin}:{days.get('since', '')}", data)


def _country_rule(cells: Mapping[str, str]) -> Row:
    rule = cells.get("rule", "")
    if rule not in RULES:
        raise Wrong("rule", f"{rule[:40]!r} is no rule; they are {', '.join(RULES)}")
    days = _days(cells)
    data = {"value": _value(cells, RULES[rule]), **days, "source": _text(cells, "source")}
    if RULES[rule] == "amount":
        data["currency"] = _currency(cells)
    return Row(_country(cells, "country", UNION), f"{rule}:{days.get('since', '')}", data)


def _value(cells: Mapping[str, str], kind: str) -> str:
    value = _text(cells, "value", needed=True)
    match kind:
        case "percent":
            return _number(cells, "value", value, "0", "1000")
        case "amount" | "count":
            return _number(cells, "value", value, "0", "1000000000000")
        case "yes":
            if value != "yes":
                raise Wrong("value", f"{value[:40]!r} is not yes; leave the row out for no")
        case "base":
            if value not in ("cif", "fob"):
                raise Wrong("value", f"{value[:40]!r} is neither cif nor fob")
        case "countries":
            return " ".join(_country({"value": word}, "value", UNION) for word in value.split())
    return value


def _restriction(cells: Mapping[str, str]) -> Row:
    mode = cells.get("mode", "") or ANYWHERE
    if mode not in (*MODES, ANYWHERE):
        raise Wrong("mode", f"{mode[:40]!r} is none of {', '.join(MODES)}, *")
    flag, hs = _text(cells, "flag", 40), _hs(cells, "hs") if cells.get("hs") else ""
    if not flag and not hs:
        raise Wrong("flag", "what is restricted? Goods of a flag, or of an HS code")
    days = _days(cells)
    data = {"mode": mode, "flag": flag, "hs": hs, "reason": _text(cells, "reason", needed=True)}
    data |= {**days, "source": _text(cells, "source")}
    country = _country(cells, "country", UNION, ANYWHERE) if cells.get("country") else ANYWHERE
    return Row(country, f"{mode}:{flag}:{hs}:{days.get('since', '')}", data)


def _exchange_rate(cells: Mapping[str, str]) -> Row:
    per_euro = _number(cells, "per_euro", cells.get("per_euro", ""), "0.00000001", "1000000000")
    return Row("", _currency(cells), {"per_euro": per_euro})


# The Consolidated Screening List of the United States names its columns otherwise.
_ALSO = {"id": ("entity_number", "_id"), "list": ("source",), "program": ("programs",), "country": ("addresses",)}


def _denied_party(cells: Mapping[str, str]) -> Row:
    names = [_text(cells, "name", 1000, needed=True)]
    names += [" ".join(name.split())[:1000] for name in re.split("[;|]", cells.get("alt_names", "")) if name.strip()]

    def said(column: str) -> str:
        told = next((cells[one] for one in (column, *_ALSO.get(column, ())) if cells.get(one)), "")
        return " ".join(told.split())[:500]

    words = tuple(sorted({key for name in names for key in keys_of(name)}))
    if not words:
        raise Wrong("name", f"{names[0][:40]!r} has no letter to compare")
    data = {"names": list(dict.fromkeys(names)), "list": said("list"), "program": said("program")}
    data |= {"type": said("type"), "country": said("country")}
    if not all(storable(value) for value in (*names, *(str(value) for value in data.values()))):
        raise Wrong("name", "there are characters in it that no text has")
    return Row("", (said("id") or names[0])[:200], data, words)


def _postcode(cells: Mapping[str, str]) -> Row:
    """A postcode may stand there more than once, for each place that has it."""
    postcode = _text(cells, "postcode", 20, needed=True).upper()
    latitude, longitude = _degrees(cells, "latitude", 90), _degrees(cells, "longitude", 180)
    data = {"latitude": latitude, "longitude": longitude}
    return Row(_country(cells, "country"), f"{postcode}:{latitude},{longitude}", data)


def _degrees(cells: Mapping[str, str], name: str, most: int) -> str:
    value = cells.get(name, "")
    sign, bare = ("-", value[1:]) if value.startswith("-") else ("", value)
    return sign + _number({}, name, bare, "0", str(most))


_SHAPES: dict[Kind, _Shape] = {
    "hs-codes": _Shape(("code",), ("code", "description"), _hs_code),
    "duty-rates": _Shape(
        ("country", "hs", "percent"), ("country", "hs", "origin", "percent", "since", "until", "source"), _duty_rate
    ),
    "country-rules": _Shape(
        ("country", "rule", "value"), ("country", "rule", "value", "currency", "since", "until", "source"),
        _country_rule,
    ),
    "restrictions": _Shape(
        ("reason",), ("country", "mode", "flag", "hs", "reason", "since", "until", "source"), _restriction
    ),
    "exchange-rates": _Shape(("currency", "per_euro"), ("currency", "per_euro"), _exchange_rate),
    "denied-parties": _Shape(
        ("name",), ("id", "name", "alt_names", "type", "country", "program", "list"), _denied_party
    ),
    "postcodes": _Shape(
        ("country", "postcode", "latitude", "longitude"), ("country", "postcode", "latitude", "longitude"), _postcode
    ),
}  # fmt: skip
