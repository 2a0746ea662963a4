"""A shop for tests: its own merchant behind the wall, two sites, and a verb a line."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

import doorstep.doors.stages  # noqa: F401  (binds the verbs)
from doorstep.kit import clock
from doorstep.kit.refusals import Refusal
from doorstep.plug.notifier import Letter
from doorstep.setup.merchants import NewMerchant, NewSite, NewSku, add_site, add_skus, create_merchant
from doorstep.spine import jobs
from doorstep.spine.audit import audit
from doorstep.spine.outcome import Ask, Claimed
from doorstep.spine.runner import Answer, run, run_due
from doorstep.spine.status import AXES
from doorstep.spine.tenant import Db, tenant_tx
from doorstep.spine.verbs import ERRAND, VERBS

_numbers = itertools.count(1)

BUYER = {"name": "Ada Byrne", "email": "ada@example.com"}
HOME = {
    "name": "Ada Byrne",
    "line1": "12 Grafton Street",
    "city": "Dublin",
    "postcode": "D02 XY45",
    "country": "IE",
    "phone": "+35315550143",
}
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday

# Of a row `n` of order_now.
STATUSES = ", ".join(f"n.{axis}" for axis in AXES)
_BOOKS = (
    "orders", "order_line", "order_now", "allocation", "availability", "bin_stock", "fulfillment_order", "parcel",
    "parcel_line", "parcel_event", "hold", "payment", "invoice", "asn", "asn_line", "attention", "decision",
    "promise", "promise_end", "sku_alias", "correction", "correction_line", "credit_link", "contact_case",
    "case_message", "notice", "manifest", "pickup", "return_label", "load", "load_stay", "load_share", "load_event",
    "parcel_stay", "parcel_number", "event", "job",
)  # fmt: skip
_WHOLE_BOOKS = ", ".join(
    f"(select coalesce(jsonb_agg(t.r order by t.r::text), '[]') from (select to_jsonb(b) as r from {table} b"
    f" where b.merchant_id = $1) t) as {table}"
    for table in _BOOKS
)


def read_plain(letter: Letter) -> str:
    """The letter's words, as who reads no HTML sees them."""
    body = letter.message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def a_pick(ful: str, line: int = 1, quantity: int = 1, bin: str = "A-1", barcode: str = "MUG") -> dict[str, Any]:
    """What a picker with a scanner sends."""
    scan = {"line": line, "quantity": quantity, "bin": bin, "barcode": barcode}
    return {"fulfillment_order": ful, "scans": [scan]}


@dataclass
class Shop:
    db: Db
    merchant: int
    key: str
    at: datetime = field(default_factory=clock.now)

    async def ask(self, verb: str, *, key: bytes | None = None, **body: Any) -> Answer:
        """One request to a verb: its answer, or its refusal as a value."""
        (answer,) = await self.ask_all(verb, [body], keys=[key])
        return answer

    async def ask_all(
        self, verb: str, bodies: list[dict[str, Any]], keys: list[bytes | None] | None = None
    ) -> list[Answer]:
        """One batch of requests to a verb."""
        asks = [
            Ask(self.merchant, msgspec.convert(body, VERBS[verb].body, strict=False), self.at, key=key, digest=b"")
            for body, key in zip(bodies, keys or [None] * len(bodies), strict=True)
        ]
        return await run(self.db, verb, asks)

    async def do(self, verb: str, **body: Any) -> dict[str, Any]:
        """As `ask`, for when it must not be refused."""
        answer = await self.ask(verb, **body)
        if isinstance(answer, Refusal):
            raise AssertionError(f"{verb} was refused: {answer.code}: {answer}")
        return answer

    async def refuses(self, verb: str, kind: type[Refusal], /, **body: Any) -> Refusal:
        """It must be refused as this, and change nothing: no balance, no fact, no event, no job."""
        before = await self.books()
        answer = await self.ask(verb, **body)
        assert isinstance(answer, kind), f"{verb} was to be refused as {kind.__name__}: {answer!r}"
        assert await self.books() == before, f"{verb} was refused as {answer.code} and changed something"
        return answer

    # what comes next

    async def work(self, *errands: str, world: Any = None, until_quiet: bool = True) -> list[tuple[str, Answer]]:
        """Run the due jobs of this merchant as a worker does, and what they queue: the verbs and these errands.

        Answers what came of each verb; other errands stay waiting.
        """
        came: list[tuple[str, Answer]] = []
        while True:
            async with tenant_tx(self.db, [self.merchant]) as tx:
                due = [verb for _, verb in await jobs.waiting(tx, self.at)]
            ours = [verb for verb in due if verb in VERBS or verb in errands]
            for verb in ours:
                came += await self._work_at(verb, world)
            if not ours or not until_quiet:
                return came

    async def _work_at(self, verb: str, world: Any) -> list[tuple[str, Answer]]:
        if verb in VERBS and (done := await run_due(self.db, verb, self.merchant, self.at, 100)) is not None:
            return [(verb, answer) for answer in done]
        async with tenant_tx(self.db, [self.merchant]) as tx:
            claimed = await jobs.claim(tx, self.merchant, verb, self.at, 100)
        kind = VERBS[verb].body if verb in VERBS else ERRAND[verb].body
        asks = [Ask(self.merchant, msgspec.convert(job.body, kind, strict=False), self.at) for job in claimed]
        if verb in VERBS:
            answers = await run(self.db, verb, asks, [Claimed(job.job_id, job.fence) for job in claimed])
            return [(verb, answer) for answer in answers]
        await ERRAND[verb].run(world, asks)
        async with tenant_tx(self.db, [self.merchant]) as tx:
            await jobs.done(tx, claimed)
        return []

    # intake

    def order(self, *lines: tuple[str, int] | dict[str, Any], **more: Any) -> dict[str, Any]:
        """The body of `place`: lines as (SKU, quantity) at 12.50 each, to Dublin, prepaid."""
        full = [
            line if isinstance(line, dict) else {"sku": line[0], "quantity": line[1], "unit_price": "12.50"}
            for line in lines
        ]
        return {"currency": "USD", "lines": full, "buyer": BUYER, "ship_to": HOME, **more}

    async def place(self, *lines: tuple[str, int] | dict[str, Any], **more: Any) -> str:
        return str((await self.do("place", order=self.order(*lines, **more)))["order"])

    # setup

    async def connect(self, kind: str, plugin: str, code: str, **settings: Any) -> None:
        """An account with a carrier or a payment provider."""
        (connection,) = await self.db.ids.draw(self.db.pool, 1)
        async with tenant_tx(self.db, [self.merchant]) as tx:
            await tx.run(
                "insert into connection (merchant_id, connection_id, kind, plugin, code, settings)"
                " values ($1, $2, $3, $4, $5, $6::jsonb)",
                self.merchant, connection, kind, plugin, code, msgspec.json.encode(settings).decode(),
            )  # fmt: skip

    # fulfillment

    async def to_released(self, order: str) -> str:
        """Played on until it is on the floor: its first fulfillment order."""
        await self.work()
        on_floor = [row["ful"] for row in await self.on_floor(order)]
        assert on_floor, f"{order} did not come to the floor: {await self.now(order)}"
        return str(on_floor[0])

    async def pick_all(self, order: str, **more: Any) -> None:
        """Pick whatever of the order is on the floor, from the bins that hold it."""
        for row in await self.on_floor(order):
            left = row["promised"]
            for place, units in await self.bins(row["code"], row["site"]):
                if left and units:
                    taken = min(left, units)
                    body = a_pick(row["ful"], row["line_no"], taken, place, row["code"])
                    await self.do("pick", **body, **more)
                    left -= taken

    async def to_picked(self, order: str) -> str:
        first = await self.to_released(order)
        await self.pick_all(order)
        return first

    async def pack_all(self, order: str, **more: Any) -> list[str]:
        """A parcel per fulfillment order of all that is picked: their ids."""
        picked = dict.fromkeys(row["ful"] for row in await self.on_floor(order) if row["picked"])
        return [str((await self.do("pack", fulfillment_order=ful, **more))["parcel"]) for ful in picked]

    async def to_packed(self, order: str, **more: Any) -> str:
        """Released, picked and packed: its (first) parcel."""
        await self.to_picked(order)
        return (await self.pack_all(order, **more))[0]

    async def on_floor(self, order: str) -> list[dict[str, Any]]:
        """A row per line of each released fulfillment order."""
        return await self.rows(
            "select 'ful_' || a.fulfillment_order_id as ful, a.line_no, s.code, split_part(t.code, '-', 1) as site,"
            " a.promised, a.picked, a.packed, a.shipped from allocation a"
            " join fulfillment_order f on f.merchant_id = a.merchant_id"
            " and f.fulfillment_order_id = a.fulfillment_order_id and f.released_at is not null"
            " join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id join site t on t.site_id = a.site_id"
            " where a.merchant_id = $1 and a.order_id = $2 order by a.fulfillment_order_id, a.line_no",
            self.merchant, int(order[4:]),
        )  # fmt: skip

    async def bins(self, sku: str, site: str = "NJ") -> list[tuple[str, int]]:
        """The bins that hold it, with their units."""
        held = await self.places(sku, site)
        return [(place, units) for place, units in held.items() if ":" not in place and place != "QUARANTINE"]

    async def places(self, sku: str, site: str = "NJ") -> dict[str, int]:
        """Every place that holds it: bins, totes, parcels, quarantine."""
        rows = await self.rows(
            "select b.place, sum(b.quantity)::int as units from place_stock b"
            " join sku s on s.merchant_id = b.merchant_id and s.sku_id = b.sku_id join site t on t.site_id = b.site_id"
            " where b.merchant_id = $1 and s.code = $2 and t.code = $3 and b.quantity > 0 group by 1 order by 1",
            self.merchant, sku, self.site(site),
        )  # fmt: skip
        return {row["place"]: row["units"] for row in rows}

    # inventory

    async def receive(self, sku: str, quantity: int, site: str = "NJ", **more: Any) -> dict[str, Any]:
        """Goods arrive unannounced."""
        return await self.do("receive", site=self.site(site), lines=[{"sku": sku, "quantity": quantity, **more}])

    async def stock(self, sku: str, quantity: int, site: str = "NJ", bin: str = "A-1") -> None:
        await self.do("adjust", sku=sku, site=self.site(site), quantity=quantity, reason="opening", bin=bin)

    def site(self, code: str) -> str:
        """Sites are the operator's and shared by all tests: each shop has its own under its own code."""
        return f"{code}-{self.merchant}"

    # looking

    async def now(self, order: str) -> dict[str, Any]:
        """The summary row: counters and statuses."""
        async with tenant_tx(self.db, [self.merchant]) as tx:
            row = await tx.row(
                f"select n.*, {STATUSES} from order_now n where n.merchant_id = $1 and n.order_id = $2",
                self.merchant,
                int(order[4:]),
            )
        return dict(row)

    async def stage(self, order: str) -> str:
        return str((await self.now(order))["stage"])

    async def free(self, sku: str, site: str = "NJ") -> int:
        return (await self.availability(sku, site)).get("free", 0)

    async def availability(self, sku: str, site: str = "NJ") -> dict[str, int]:
        async with tenant_tx(self.db, [self.merchant]) as tx:
            row = await tx.row(
                "select a.free, a.reserved, a.picked, a.packed, a.quarantine from availability a"
                " join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id"
                " join site t on t.site_id = a.site_id where a.merchant_id = $1 and s.code = $2 and t.code = $3",
                self.merchant, sku, self.site(site),
            )  # fmt: skip
        return dict(row) if row else {}

    async def timeline(self, order: str) -> list[str]:
        async with tenant_tx(self.db, [self.merchant]) as tx:
            rows = await tx.rows(
                "select verb from event where merchant_id = $1 and kind = 'order' and id = $2 order by seq",
                self.merchant, int(order[4:]),
            )  # fmt: skip
        return [row["verb"] for row in rows]

    async def rows(self, query: str, *args: Any) -> list[dict[str, Any]]:
        async with tenant_tx(self.db, [self.merchant]) as tx:
            return [dict(row) for row in await tx.rows(query, *args)]

    async def books(self) -> dict[str, Any]:
        """Everything that a verb can change, row by row: for what is to be as it was before."""
        (row,) = await self.rows(f"select {_WHOLE_BOOKS}", self.merchant)
        return {name: msgspec.json.decode(rows) for name, rows in row.items()}

    async def jobs(self) -> list[tuple[str, dict[str, Any]]]:
        rows = await self.rows("select verb, body from job where merchant_id = $1 order by job_id", self.merchant)
        return [(row["verb"], msgspec.json.decode(row["body"])) for row in rows]

    async def audit(self) -> None:
        report = await audit(self.db, [self.merchant])
        assert report.ok, report.told()


async def open_shop(db: Db, **policy: Any) -> Shop:
    key = f"shop-{os.getpid()}-{next(_numbers)}"
    merchant = await create_merchant(db, NewMerchant(key=key, name="Mugs & Co", currency="USD", country="US", **policy))
    shop = Shop(db, merchant, key)
    await add_site(
        db,
        merchant,
        NewSite(
            shop.site("NJ"),
            "New Jersey",
            "US",
            {"line1": "1 Port Road", "city": "Port Reading", "region": "NJ", "postcode": "07064"},
            40.56,
            -74.25,
            "America/New_York",
        ),
    )
    await add_site(
        db,
        merchant,
        NewSite(
            shop.site("PL"),
            "Poland",
            "PL",
            {"line1": "Lwowska 1", "city": "Rzeszów", "postcode": "35-301"},
            50.04,
            22.0,
            "Europe/Warsaw",
        ),
    )
    await add_skus(
        db,
        merchant,
        [
            NewSku(
                "MUG",
                name="A mug",
                barcode="5901234123457",
                weight_g=350,
                hs_code="691200",
                origin="US",
                customs_text="ceramic mug",
            ),
            NewSku(
                "CUP",
                name="A cup",
                barcode="4006381333931",
                weight_g=250,
                hs_code="691110",
                origin="PL",
                customs_text="porcelain cup",
            ),
            NewSku("LAMP", name="A lamp", weight_g=900),
        ],
    )
    return shop
