"""columns: what a file of an export is made of: columns with their meaning and their SQL, and where the rows are from.

Texts are never null: what is not told is ''. Numbers, times and days are null when there is none. Amounts are whole
minor units, a price is an exact decimal, times are UTC, ids are the public ones. What is a list in the books is JSON
in one column, in the same words everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from doorstep.setup.addresses import Address

# price: a decimal with six places; moment: an instant; flag: true or false.
Kind = Literal["text", "number", "price", "moment", "day", "flag"]

BLOCK = 5_000


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind
    sql: str
    says: str
    unit: str

    @property
    def is_nullable(self) -> bool:
        return self.kind in ("number", "moment", "day")


@dataclass(frozen=True, slots=True)
class Export:
    """One file: `source` are its tables, of merchant $1; `at` and `channel` are what a period and a channel are about.

    `block`: so many rows are fetched at once; fewer where a row may be long.
    """

    name: str
    says: str
    columns: tuple[Column, ...]
    source: str
    order: str
    at: str = ""
    channel: str = ""
    block: int = BLOCK

    def query(self) -> str:
        """The rows of merchant $1; of the period from $2 until before $3, and of channel $4, unless these are null."""
        period = f"($2::timestamptz is null or {self.at} >= $2) and ($3::timestamptz is null or {self.at} < $3)"
        narrow = f"\n    and {period}\n    and ($4::text is null or {self.channel} = $4)" if self.at else ""
        return f"{self._selected()}{narrow}\n  order by {self.order}"

    def of_some(self, table: str, id: str) -> str:
        """The rows of merchant $1 whose id is one of $2, by that column of one of its tables.

        Each is looked up (`offset 0`): as one of a list it was looked for among all that the merchant has. Nor is it
        known when this is planned who the merchant is: the second of two, whose rows are younger than the statistics,
        would be taken to have none (decision 46 does not reach it), and any index of merchants to be as good.
        """
        return f"""
with {table} as materialized (
  select found.* from unnest(array[$1::bigint]) of(merchant_id), unnest($2::bigint[]) asked(id) cross join lateral (
    select * from {table} t where t.merchant_id = of.merchant_id and t.{id} = asked.id offset 0) found)
{self._selected()}"""

    def _selected(self) -> str:
        columns = ",\n    ".join(f"{column.sql} as {column.name}" for column in self.columns)
        return f"select {columns}\n  {self.source.strip()}"

    @property
    def is_narrowed(self) -> bool:
        """Whether a period and a channel mean anything to it."""
        return self.at != ""


def text(name: str, sql: str, says: str, unit: str = "text") -> Column:
    return Column(name, "text", sql, says, unit)


def public_id(name: str, prefix: str, sql: str, says: str) -> Column:
    """Of what may not be there: ''."""
    return Column(name, "text", f"coalesce('{prefix}_' || {sql}, '')", says, f"`{prefix}_…`")


def number(name: str, sql: str, says: str, unit: str) -> Column:
    return Column(name, "number", sql, says, unit)


def units(name: str, sql: str, says: str) -> Column:
    return Column(name, "number", sql, says, "units")


def minor(name: str, sql: str, says: str, of: str = "currency") -> Column:
    return Column(name, "number", sql, says, f"minor units of `{of}`")


def price(name: str, sql: str, says: str) -> Column:
    return Column(name, "price", sql, says, "`currency`, exact decimal with 6 places")


def moment(name: str, sql: str, says: str) -> Column:
    return Column(name, "moment", sql, says, "time, UTC")


def day(name: str, sql: str, says: str) -> Column:
    return Column(name, "day", sql, says, "day, local to the site")


def flag(name: str, sql: str, says: str) -> Column:
    return Column(name, "flag", sql, says, "true or false")


def listed(name: str, sql: str, says: str) -> Column:
    """A list as JSON; `sql` is of the type jsonb."""
    return Column(name, "text", f"coalesce({sql}, '[]')::text", says, "JSON list")


_PARTS = {
    "name": "name", "company": "company", "line1": "first line", "line2": "second line", "city": "city",
    "region": "region, state or province", "postcode": "postcode", "country": "country, ISO 3166-1 alpha-2",
    "phone": "phone number", "pickup_point": "the carrier's number of a branch or locker",
    "tax_id": "the recipient's own number for customs: CPF, PCCC …",
}  # fmt: skip


def address(name: str, sql: str, says: str) -> Iterator[Column]:
    """A column for each part of an address."""
    for part in Address.__struct_fields__:
        yield text(f"{name}_{part}", f"coalesce({sql} ->> '{part}', '')", f"{says}: {_PARTS[part]}")


def buyer(sql: str) -> Iterator[Column]:
    yield text("customer", f"{sql}.customer", "the channel's own id of the buyer")
    yield text("buyer_name", f"coalesce({sql}.buyer ->> 'name', '')", "the buyer's name")
    yield text("buyer_email", f"coalesce({sql}.buyer ->> 'email', '')", "the buyer's e-mail address, as it was told")
    yield text("buyer_phone", f"coalesce({sql}.buyer ->> 'phone', '')", "the buyer's phone number")
    yield text("buyer_locale", f"coalesce({sql}.buyer ->> 'locale', '')", "the buyer's language: `en-IE`")
