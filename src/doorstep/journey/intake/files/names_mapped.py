"""names_mapped: SKUs and sites that rows name, each when it is named for the first time."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from doorstep.journey.intake.files import cells
from doorstep.journey.intake.files.entries import FirstSeen
from doorstep.journey.intake.files.fields import Fields, Settled, decimal
from doorstep.journey.intake.files.lines_mapped import Line
from doorstep.journey.intake.files.mapping import Mapping
from doorstep.journey.intake.files.scope import Scope
from doorstep.setup.merchants import NewSite, NewSku


class Namer:
    """Knows what was named before, since `begin`."""

    def __init__(self, mapping: Mapping, scope: Scope, settled: Settled) -> None:
        self._settled = settled
        self._sku, self._site = Fields(mapping.sku, scope, settled), Fields(mapping.site, scope, settled)
        self.begin()

    def begin(self) -> None:
        """From the first order again."""
        self._nameless, self._named, self._first_site = {""}, {""}, FirstSeen()  # codes of SKUs; the blank is none

    def skus(self, lines: list[Line]) -> tuple[NewSku, ...]:
        """Codes seen for the first time; and once more when a row tells the name that the first one left out."""
        new = [line for line in lines if line.code not in self._named and self._is_new(line)]
        return tuple(map(self._new_sku, new))

    def _is_new(self, line: Line) -> bool:
        code = line.code
        if line.title.strip():
            self._named.add(code)
        elif code in self._nameless:
            return False
        self._nameless.add(code)
        return True

    def _new_sku(self, line: Line) -> NewSku:
        get = self._sku.get

        def measure(name: str) -> int:
            amount = decimal(get(name, line.row), self._settled.decimal) if name in self._sku else None
            return int(amount.quantize(Decimal(1), ROUND_HALF_UP)) if amount and 0 < amount < 10**8 else 0

        hs_code = "".join(ch for ch in get("hs_code", line.row) if ch.isdigit())
        return NewSku(
            line.code, name=(get("name", line.row) or line.title).strip()[:200],
            barcode=get("barcode", line.row).strip()[:60], weight_g=measure("weight_g"),
            length_mm=measure("length_mm"), width_mm=measure("width_mm"),
            height_mm=measure("height_mm"), hs_code=hs_code if 6 <= len(hs_code) <= 12 else "",
            origin=cells.country(get("origin", line.row)) or "", stocked=not line.service,
        )  # fmt: skip

    def sites(self, lines: list[Line], site: str) -> tuple[NewSite, ...]:
        new = [self._new_site(line.site, line.row) for line in lines if line.site and self._first_site(line.site)]
        if site and self._first_site(site):
            new.append(NewSite(site, site, "", {}, timezone=self._settled.timezone))
        return tuple(new)

    def _new_site(self, code: str, row: Sequence[str]) -> NewSite:
        get = self._site.get
        country = cells.country(get("country", row)) or ""
        address = {name: get(name, row).strip() for name in ("postcode", "city", "region")}
        return NewSite(
            code, (get("name", row).strip() or code)[:120], country,
            {name: value for name, value in address.items() if value}, timezone=self._settled.timezone,
        )  # fmt: skip
