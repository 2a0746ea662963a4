"""labels: two carriers sell labels at once, one loses answers and fails: none is paid twice, nobody waits for it.

Rounds with faults and rounds without take turns, so that whatever else the machine does falls on both. At the end what
each carrier was paid is what doorstep's books say, a label a parcel; and of the carrier without faults the 99th
percentile of the time from "a label is wanted" to "it is kept" is compared between the two kinds of rounds.

    python -m tests.drills.labels --labels 1000 --rounds 10 --json
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from doorstep.kit import clock
from doorstep.kit.refusals import Refusal
from doorstep.plug.simulator.process import Outside
from doorstep.setup.catalog import put_method
from doorstep.spine.audit import audit
from doorstep.spine.tenant import Db, tenant_tx
from tests.drills.scene import database, opened, running
from tests.shop import HOME as ADDRESS
from tests.shop import Shop, a_pick, open_shop

MERCHANTS = 3
STEADY, SHAKY = "steady", "shaky"
# Of a hundred calls ten are done and their answer is lost, ten answer 500: half of them done.
FAULTS = (("drop_after", 0.10), ("error_before", 0.0556), ("error_after", 0.0588))
BATCH = 100
PATIENCE_S = 240.0

WANTED = """
select p.parcel_id, p.label_state, p.label_error, o.shipping_method from parcel p
  join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  where p.merchant_id = $1 and p.label_state <> 'none' and p.label_state <> 'bought'
"""
# By parcel: when its label was wanted and when it was kept.
TIMES = """
select w.data ->> 'parcel' as parcel, w.recorded_at as wanted, k.recorded_at as kept, k.data ->> 'carrier' as carrier
  from event w join event k on k.merchant_id = w.merchant_id and k.kind = w.kind and k.id = w.id
    and k.verb = 'keep_label' and k.data ->> 'parcel' = w.data ->> 'parcel'
  where w.merchant_id = $1 and w.kind = 'order' and w.verb = 'want_label'
"""
BOUGHT = """
select p.parcel_id, p.carrier, p.tracking_number, p.label_cost_minor, p.label_currency from parcel p
  where p.merchant_id = $1 and p.label_state = 'bought'
"""
DEAD = "select verb, error from job where merchant_id = $1 and state <> 'due' limit 20"


@dataclass
class Depot:
    """Shops with packed parcels, each for one of the two carriers; and which of them belong to which kind of round."""

    db: Db
    home: Path
    shops: list[Shop]
    outside: dict[str, Outside]
    waiting: dict[str, list[tuple[Shop, str]]] = field(default_factory=dict)
    kind: dict[str, str] = field(default_factory=dict)  # parcel: "calm" or "faults"


@contextlib.asynccontextmanager
async def depot(home: Path, each: int) -> AsyncIterator[Depot]:
    """A doorstep of its own, and so many parcels for each carrier."""
    os.environ["DOORSTEP_FOLLOW_SECONDS"] = "36000"
    with Outside("--speed", "0", "--seed", "3") as steady, Outside("--speed", "0", "--seed", "4") as shaky:
        async with database(home) as urls, opened(urls, size=4) as db:
            of = Depot(db, home, [], {STEADY: steady, SHAKY: shaky}, {STEADY: [], SHAKY: []})
            for _ in range(MERCHANTS):
                of.shops.append(await stocked(of, each))
            async with running(home, "worker"):
                yield of


async def stocked(of: Depot, each: int) -> Shop:
    """A merchant with accounts at both carriers, and its share of packed parcels for each."""
    shop = await open_shop(of.db, hold_duplicates=False)
    for carrier, outside in of.outside.items():
        await shop.connect("carrier", "simcarrier", carrier, base_url=outside.url)
        async with tenant_tx(of.db, [shop.merchant]) as tx:
            await put_method(tx, shop.merchant, carrier, level="standard", carrier=carrier, days_min=2, days_max=9)
    share = -(-each // MERCHANTS)
    await shop.stock("MUG", 2 * share)
    for carrier in of.outside:
        for begin in range(0, share, BATCH):
            parcels = await packed(shop, carrier, min(BATCH, share - begin))
            of.waiting[carrier] += [(shop, parcel) for parcel in parcels]
    return shop


async def packed(shop: Shop, carrier: str, count: int) -> list[str]:
    """So many orders of a mug, each packed into a parcel that nobody asked a label for."""
    line = {"sku": "MUG", "quantity": 1, "unit_price": "12.50"}
    orders = [
        {"order": {"currency": "USD", "lines": [line], "buyer": {"name": "Ada", "email": "ada@example.com"},
                   "ship_to": ADDRESS, "payment_term": "on_account", "shipping_method": carrier}}
        for _ in range(count)
    ]  # fmt: skip
    await done(shop, "place", orders)
    await shop.work()
    floor = await shop.rows(
        "select 'ful_' || f.fulfillment_order_id as ful from fulfillment_order f"
        " join order_now n on n.merchant_id = f.merchant_id and n.order_id = f.order_id"
        " where f.merchant_id = $1 and f.released_at is not null and n.promised = 1", shop.merchant,
    )  # fmt: skip
    await done(shop, "pick", [a_pick(row["ful"]) for row in floor])
    answers = await done(shop, "pack", [{"fulfillment_order": row["ful"], "label": "none"} for row in floor])
    return [answer["parcel"] for answer in answers]


async def done(shop: Shop, verb: str, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answers = await shop.ask_all(verb, bodies)
    for answer in answers:
        if isinstance(answer, Refusal):
            raise AssertionError(f"{verb} was refused: {answer.code}: {answer}")
    return [answer for answer in answers if isinstance(answer, dict)]


async def drill(labels: int, rounds: int, pace: float, share: float) -> dict[str, Any]:
    """The drill; answers its figures. `labels`: of the shaky carrier, while it is shaky; `share`: of the steady one's
    labels, which are compared by how long they took at most."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="doorstep-labels-", ignore_cleanup_errors=True) as folder:
        async with depot(Path(folder), 2 * labels + 40) as of:
            lots = {carrier: iter(parcels) for carrier, parcels in of.waiting.items()}
            await one_round(of, lots, 15, pace, "first")
            for nth in range(2 * rounds):
                kind = ("calm", "faults")[nth % 2]
                strike(of, kind == "faults")
                await one_round(of, lots, labels // rounds, pace, kind)
            strike(of, False)
            struck = faults_done(of)
            times, wrong = await judge(of)
            report = await audit(of.db, [shop.merchant for shop in of.shops])
    calm, beside = percentile(times[STEADY, "calm"], 0.99), percentile(times[STEADY, "faults"], 0.99)
    ratio = percentile(times[STEADY, "faults"], share) / percentile(times[STEADY, "calm"], share)
    return {
        "labels_under_faults": len(times[SHAKY, "faults"]), "labels": sum(map(len, times.values())),
        "faults": struck, "steady_p50_ms": ms(percentile(times[STEADY, "calm"], 0.5)), "steady_p99_ms": ms(calm),
        "steady_p50_beside_faults_ms": ms(percentile(times[STEADY, "faults"], 0.5)),
        "steady_p99_beside_faults_ms": ms(beside), "ratio": round(ratio, 3),
        "shaky_p50_ms": ms(percentile(times[SHAKY, "faults"], 0.5)),
        "shaky_p99_ms": ms(percentile(times[SHAKY, "faults"], 0.99)),
        "wrong": wrong, "audit": report.as_json(), "seconds": round(time.monotonic() - began),
    }  # fmt: skip


def strike(of: Depot, on: bool) -> None:
    rules = [{"kind": kind, "path": "/carrier", "probability": share} for kind, share in FAULTS] if on else []
    of.outside[SHAKY].control("faults", rules=rules, seed=len(of.kind) + 1)


def faults_done(of: Depot) -> dict[str, int]:
    return dict(of.outside[SHAKY].control("faults", rules=[])["done"])


async def one_round(of: Depot, lots: dict[str, Iterator[tuple[Shop, str]]], count: int, pace: float, kind: str) -> None:
    """So many labels of each carrier are wanted, at a steady pace; then all of them are waited for."""
    pairs = zip(islice(lots[STEADY], count), islice(lots[SHAKY], count), strict=True)
    begin = time.monotonic()
    for nth, pair in enumerate(pairs):
        for shop, parcel in pair:
            of.kind[parcel] = kind
            shop.at = clock.now()
            await done(shop, "want_label", [{"parcel": parcel}])
        await asyncio.sleep(max(0.0, begin + (nth + 1) / pace - time.monotonic()))
    deadline = time.monotonic() + PATIENCE_S
    while left := [row for shop in of.shops for row in await shop.rows(WANTED, shop.merchant)]:
        if time.monotonic() > deadline:
            raise AssertionError(f"labels are still wanted: {left[:3]}")
        await asyncio.sleep(0.2)


Times = dict[tuple[str, str], list[float]]


async def judge(of: Depot) -> tuple[Times, list[str]]:
    """How long each label took; and what of the two sides' books does not agree."""
    times: Times = {(carrier, kind): [] for carrier in of.outside for kind in ("first", "calm", "faults")}
    kept: dict[str, list[dict[str, Any]]] = {carrier: [] for carrier in of.outside}
    wrong: list[str] = []
    for shop in of.shops:
        for row in await shop.rows(TIMES, shop.merchant):
            times[row["carrier"], of.kind[row["parcel"]]].append((row["kept"] - row["wanted"]).total_seconds())
        for row in await shop.rows(BOUGHT, shop.merchant):
            kept[row["carrier"]].append(row)
        wrong += [f"job: {row['verb']}: {row['error']}" for row in await shop.rows(DEAD, shop.merchant)]
    wanted = len(of.kind)
    if sum(map(len, kept.values())) != wanted:
        wrong.append(f"{wanted} labels were wanted, {sum(map(len, kept.values()))} are kept")
    for carrier, outside in of.outside.items():
        wrong += disagreements(carrier, outside.labels(), kept[carrier])
    return times, wrong[:50]


def disagreements(carrier: str, paid: Sequence[dict[str, Any]], kept: Sequence[dict[str, Any]]) -> Iterator[str]:
    theirs = Counter((one["number"], one["cost_minor"], one["currency"]) for one in paid)
    ours = Counter((one["tracking_number"], one["label_cost_minor"], one["label_currency"]) for one in kept)
    yield from (f"{carrier}: paid, not kept: {label}" for label in theirs - ours)
    yield from (f"{carrier}: kept, not paid: {label}" for label in ours - theirs)
    orders = Counter(one["reference"] for one in paid)
    yield from (f"{carrier}: order {order} was paid {n} times" for order, n in orders.items() if n > MERCHANTS)


def percentile(values: Sequence[float], share: float) -> float:
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Labels of a carrier with faults beside those of one without.")
    parser.add_argument("--labels", type=int, default=1000, help="of the carrier with faults")
    parser.add_argument("--rounds", type=int, default=10, help="of each kind, in turns")
    parser.add_argument("--pace", type=float, default=10, help="labels a second of each carrier")
    parser.add_argument("--ratio", type=float, default=1.2, help="the highest that passes")
    parser.add_argument("--share", type=float, default=0.99, help="of what; 0.5 where there are too few for more")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures = asyncio.run(drill(given.labels, given.rounds, given.pace, given.share))
    ok = not figures["wrong"] and figures["audit"]["ok"] and figures["ratio"] <= given.ratio
    print(json.dumps(figures | {"ok": ok}, indent=None if given.json else 2))
    if not given.json:
        print(f"{int(ok)} passed, {int(not ok)} failed")
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
