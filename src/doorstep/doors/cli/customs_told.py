"""customs_told: what customs wants, in a few lines for a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from doorstep.kit.money import digits, to_decimal

if TYPE_CHECKING:
    from doorstep.doors.reads.customs import ExportFiling, LandedCost, OrderCustoms, RuleList, SkuCustoms


def sku_told(found: SkuCustoms) -> str:
    head = f"{found.sku} to {found.to} by {found.mode}: {'ready' if found.ready else 'not ready'}"
    lacking = [f"  {lack.detail}; {lack.mend}" for lack in found.lacking]
    restricted = [f"  not by {found.mode}: {one.reason} ({one.source})" for one in found.restricted]
    notes = [f"  {note}" for note in found.notes]
    rest = [*_cost(found.landed_cost), *_filing(found.export_filing), *_lists(found.lists)]
    return "\n".join([head, *lacking, *restricted, *notes, *rest])


def order_told(found: OrderCustoms) -> str:
    lines = [f"{found.order} from {found.start} to {found.to or 'nowhere'}"]
    for line in found.lines:
        wrong = [lack.detail for lack in line.lacking] + [f"not by {one.mode}: {one.reason}" for one in line.restricted]
        lines.append(f"  line {line.line}, {line.sku}: {'; '.join(wrong) or 'ready'}")
    return "\n".join([*lines, *_cost(found.landed_cost), *_filing(found.export_filing), *_lists(found.lists)])


def _cost(cost: LandedCost) -> Iterator[str]:
    def money(amount_minor: int) -> str:
        return f"{to_decimal(amount_minor, cost.currency):.{digits(cost.currency)}f} {cost.currency}"

    parts = (("goods", cost.goods_minor), ("way", cost.shipping_minor), ("duty", cost.duty_minor),
             ("tax", cost.tax_minor), ("fee", cost.fee_minor))  # fmt: skip
    told = " + ".join(f"{name} {money(amount)}" for name, amount in parts if amount or name == "goods")
    if cost.goods_minor:
        yield f"At the door {money(cost.total_minor)}: {told}; {cost.paid_by}"
    else:
        yield "At the door: not known"
    for line in cost.lines:
        yield f"  {line.name}: {'; '.join(line.basis)}"
    yield from (f"  {basis}" for basis in cost.basis)
    yield from (f"  not known: {unknown}" for unknown in cost.unknown)


def _filing(filing: ExportFiling | None) -> Iterator[str]:
    if filing is None:
        return
    if filing.itn:
        yield f"Export filed: AES {filing.itn}"
    elif filing.needed:
        yield f"The export has to be filed: {filing.why}"
    else:
        yield f"No export filing: {filing.why}; {filing.legend}"


def _lists(lists: list[RuleList]) -> Iterator[str]:
    told = [f"{one.kind} {one.as_of}{' (sample)' if one.is_sample else ''}" for one in lists]
    yield f"By the lists: {', '.join(told) or 'none is loaded, doorstep setup load'}"
