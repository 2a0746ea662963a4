"""belongings: a merchant with one of each kind of thing, each marked with a word that is easily found again."""

from __future__ import annotations

from typing import Any

from doorstep.kit import clock
from doorstep.spine.tenant import tenant_tx
from tests.doors.web import Client
from tests.shop import HOME, Shop

CANARY = "Canary Wharf 77"


async def everything_of(shop: Shop, api: Client) -> dict[str, Any]:
    """One of each kind of thing, marked with the canary, by the names that paths, queries and bodies use."""
    await shop.stock("MUG", 20)
    created = await api.post("/v1/skus", {"code": f"VASE-{shop.merchant}", "name": CANARY})
    buyer = {"name": CANARY, "email": f"canary{shop.merchant}@example.com"}
    body = shop.order(
        ("MUG", 2), buyer=buyer, ship_to={**HOME, "name": CANARY}, note=CANARY, payment_term="cod",
        external_id=f"ext-{shop.merchant}", number=f"#{shop.merchant}", tenders=[],
    )  # fmt: skip
    order = (await api.post("/v1/orders", body)).json()["order"]
    shop.at = clock.now()
    parcel = await shop.to_packed(order)
    await api.post(f"/v1/orders/{order}/issue-invoice")
    (invoice,) = await shop.rows("select invoice_id as id from invoice where merchant_id = $1", shop.merchant)
    (ful,) = await shop.rows(
        "select fulfillment_order_id as id from fulfillment_order where merchant_id = $1", shop.merchant
    )
    await api.post(f"/v1/orders/{order}/record-payment", {"amount_minor": 100, "method": CANARY})
    (payment,) = await shop.rows("select payment_id as id from payment where merchant_id = $1", shop.merchant)
    await api.post(f"/v1/orders/{order}/hold", {"type": "merchant", "reason": CANARY})
    (hold,) = await shop.rows("select hold_id as id from hold where merchant_id = $1", shop.merchant)
    announced = await api.post(
        "/v1/inventory/announce",
        {"site": shop.site("NJ"), "lines": [{"sku": "MUG", "quantity": 5}], "reference": CANARY},
    )
    webhook = await api.post("/v1/webhooks", {"url": "https://example.com/canary-wharf-77"})
    await api.post("/v1/channels", {"key": f"canary-{shop.merchant}"})
    await api.put("/v1/sku-aliases", {"channel": "api", "alias": f"alias-{shop.merchant}", "sku": "MUG"})
    line = {"sku": "MUG", "title": CANARY, "quantity": -1, "unit_price": "12.50"}
    corrected = await api.post(
        "/v1/intake/import-correction",
        {"kind": "credit", "external_id": f"ext-{shop.merchant}", "happened_at": "2026-03-02T12:00:00Z",
         "currency": "USD", "reason": CANARY, "buyer": buyer, "lines": [line]},
    )  # fmt: skip
    case = await api.post(f"/v1/orders/{order}/open-case", {"kind": "other", "text": CANARY})
    attention, job, manifest, pickup, return_label = await shop.db.ids.draw(shop.db.pool, 5)
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await tx.run(
            "insert into attention (merchant_id, attention_id, kind, reason, raised_at)"
            " values ($1, $2, 'x', $3, now())",
            shop.merchant, attention, CANARY,
        )  # fmt: skip
        await tx.run(
            "insert into job (merchant_id, job_id, verb, body, due_at, state, error)"
            " values ($1, $2, 'notify', '{}', now(), 'dead', $3)",
            shop.merchant, job, CANARY,
        )  # fmt: skip
        (at,) = await tx.rows("select order_id, parcel_id, site_id from parcel where merchant_id = $1", shop.merchant)
        await tx.run(
            "insert into manifest (merchant_id, manifest_id, site_id, carrier, state, parcels, error, asked_at)"
            " values ($1, $2, $3, 'x', 'refused', 1, $4, now())",
            shop.merchant, manifest, at["site_id"], CANARY,
        )  # fmt: skip
        await tx.run(
            "insert into pickup (merchant_id, pickup_id, site_id, carrier, state, parcels, note, ready_at, until,"
            " asked_at) values ($1, $2, $3, 'x', 'refused', 1, $4, now(), now(), now())",
            shop.merchant, pickup, at["site_id"], CANARY,
        )  # fmt: skip
        await tx.run(
            "insert into return_label (merchant_id, return_label_id, order_id, parcel_id, site_id, state, error,"
            " asked_at) values ($1, $2, $3, $4, $5, 'refused', $6, now())",
            shop.merchant, return_label, at["order_id"], at["parcel_id"], at["site_id"], CANARY,
        )  # fmt: skip
    await shop.connect("carrier", "simulator", f"carrier-{shop.merchant}")
    load = await api.post("/v1/shipping/open-load", {"kind": "bag", "number": f"BAG {CANARY} {shop.merchant}"})
    assert load.status_code == 200, load.text
    assert corrected.status_code == 200, corrected.text
    assert announced.status_code == created.status_code - 1 == 200, announced.text
    sku = created.json()
    return {
        "order": order,
        "fulfillment_order": f"ful_{ful['id']}",
        "parcel": parcel,
        "payment": f"pay_{payment['id']}",
        "case": case.json()["case"],
        "hold": f"hld_{hold['id']}",
        "load": load.json()["load"],
        "asn": announced.json()["asn"],
        "invoice": f"inv_{invoice['id']}",
        "manifest": f"man_{manifest}",
        "pickup": f"pic_{pickup}",
        "return_label": f"ret_{return_label}",
        "webhook": webhook.json()["webhook"]["id"],
        "exception": f"att_{attention}",
        "job": f"job_{job}",
        "sku": sku["id"],
        "sku_code": sku["code"],
        "site": shop.site("NJ"),
        "carrier": f"carrier-{shop.merchant}",
        "channel": f"canary-{shop.merchant}",
        "alias": f"alias-{shop.merchant}",
        "external_id": f"ext-{shop.merchant}",
        "number": f"#{shop.merchant}",
        "email": f"canary{shop.merchant}@example.com",
    }
