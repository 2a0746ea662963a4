"""narrowing: the filters of a list as its address says them; what it says wrongly is left out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from doorstep.doors.console.visit import Visit
from doorstep.kit.refusals import NotFound
from doorstep.spine.tenant import Tx

LONGEST_WORD = 120
AFTER = "after"
MERCHANTS = "select m.merchant_id, m.key, m.name from merchant m where m.merchant_id = any($1) order by m.name, m.key"


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A list's filters by name, '' where one is not set; `after`: where its page begins."""

    path: str
    filters: Mapping[str, str]
    after: str = ""

    def __getitem__(self, name: str) -> str:
        return self.filters[name]

    @property
    def chosen(self) -> dict[str, str]:
        return {name: value for name, value in self.filters.items() if value}

    @property
    def kept(self) -> dict[str, str]:
        return self.chosen

    def but(self, **changed: str) -> str:
        """The list's address with some of it changed, from its first page on."""
        said = {name: value for name, value in {**self.chosen, **changed}.items() if value}
        return f"{self.path}?{urlencode(said)}" if said else self.path


def narrowing(visit: Visit, path: str, words: Sequence[str] = (), **one_of: Collection[str]) -> Narrowing:
    """`words` may be any, the others are one of a few."""
    given = {name: visit.query.get(name, "").strip()[:LONGEST_WORD] for name in (*words, *one_of)}
    known = {name: value if value in one_of.get(name, (value,)) else "" for name, value in given.items()}
    return Narrowing(path, known, visit.query.get(AFTER, ""))


@dataclass(frozen=True, slots=True)
class Merchants:
    """Whose goods somebody sees: names by id, keys and names to choose from, and whom the list is narrowed to."""

    names: Mapping[int, str]
    choices: list[tuple[str, str]]
    wanted: list[int]

    @property
    def are_many(self) -> bool:
        return len(self.names) > 1

    def __iter__(self) -> Iterator[tuple[int, str, str]]:
        """Id, key and name of each."""
        for merchant, (key, name) in zip(self.names, self.choices, strict=True):
            yield merchant, key, name


async def merchants_of(tx: Tx, key: str = "") -> Merchants:
    rows: list[Any] = await tx.rows(MERCHANTS, list(tx.merchants))
    wanted = [row["merchant_id"] for row in rows if not key or row["key"] == key]
    return Merchants(
        {row["merchant_id"]: row["name"] for row in rows}, [(row["key"], row["name"]) for row in rows], wanted
    )


async def merchant_meant(visit: Visit) -> Any:
    """The merchant that the address or the form names, else the first that they see; refuses NotFound."""
    wanted = visit.form.get("merchant") or visit.query.get("merchant", "")
    async with visit.reading() as tx:
        rows = await tx.rows(MERCHANTS, list(visit.visitor.merchants))
    found = next((row for row in rows if wanted in ("", row["key"])), None)
    if found is None:
        raise NotFound(merchant=wanted[:60])
    return found
