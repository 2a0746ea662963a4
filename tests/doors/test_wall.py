"""The tenant wall, for every operation of the API: no key, a revoked key, a lesser scope, another merchant's key.

One merchant's things are named in path, query and body by another's key: nothing of it is told, nothing is changed,
and what is somebody else's looks exactly like what is not there. An operation that these tests do not know how to
reach fails them.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pypdfium2
import pytest

from doorstep.doors.http.openapi import document as written
from doorstep.doors.http.routes import every_operation
from doorstep.kit import clock
from doorstep.setup.keys import SCOPES, create_key, revoke_key
from doorstep.spine.tenant import Db, tenant_tx
from tests.doors.specimens import Operation, fits, operations, specimen
from tests.doors.test_problems import problem
from tests.doors.web import Client, client_of
from tests.shop import HOME, Shop, open_shop

CANARY = "Canary Wharf 77"
DOCUMENT = json.loads(json.dumps(written(every_operation()), default=str))
OPERATIONS = {operation.name: operation for operation in operations(DOCUMENT)}

# What else must be so in a body before the verb looks whose order it is.
ALSO: dict[str, dict[str, Any]] = {}
# These make something new of one's own; asked a second time it is there already.
MAKING = {"create_channel", "create_sku", "create_site"}
# Sites are the operator's, and every merchant's to ship from: their codes are no secret.
SHARED = {"site"}


@dataclass
class Wall:
    """A merchant whose things are named, and another whose key names them."""

    victim: Shop
    stranger: Client
    nobody: Client
    revoked: Client
    owner: Client
    web: str
    named: dict[str, Any]
    nothing: dict[str, Any]


@pytest.fixture(scope="module")
async def wall(urls: Any, web: str) -> AsyncIterator[Wall]:
    db = await Db.open(urls.app, urls.router, size=4)
    victim, other = await open_shop(db), await open_shop(db)
    secret, key = await create_key(db, other.merchant, clock.now())
    async with tenant_tx(db, [other.merchant]) as tx:
        await revoke_key(tx, other.merchant, key.id, clock.now())
    named = await everything_of(victim, await client_of(victim, web))
    yield Wall(
        victim, await client_of(other, web), Client(web, None), Client(web, secret), await client_of(victim, web), web,
        named, {name: value if name in SHARED else not_there(value) for name, value in named.items()},
    )  # fmt: skip
    await victim.audit()
    await other.audit()
    await db.close()


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
    attention, job = await shop.db.ids.draw(shop.db.pool, 2)
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
    assert announced.status_code == created.status_code - 1 == 200, announced.text
    sku = created.json()
    return {
        "order": order,
        "fulfillment_order": f"ful_{ful['id']}",
        "parcel": parcel,
        "payment": f"pay_{payment['id']}",
        "hold": f"hld_{hold['id']}",
        "asn": announced.json()["asn"],
        "invoice": f"inv_{invoice['id']}",
        "webhook": webhook.json()["webhook"]["id"],
        "attention": f"att_{attention}",
        "job": f"job_{job}",
        "sku": sku["id"],
        "sku_code": sku["code"],
        "site": shop.site("NJ"),
        "channel": f"canary-{shop.merchant}",
        "alias": f"alias-{shop.merchant}",
        "external_id": f"ext-{shop.merchant}",
        "number": f"#{shop.merchant}",
        "email": f"canary{shop.merchant}@example.com",
    }


def not_there(value: str) -> str:
    """A value of the same form that names nothing."""
    return re.sub(r"[0-9]+$", "999999999", value) if "_" in value else f"{value}-nothing"


def path_of(operation: Operation, named: dict[str, Any]) -> str:
    unknown = [name for name in operation.in_path if name not in named]
    assert not unknown, f"{operation.name}: say in everything_of() what {unknown} of a merchant is"
    return operation.path.format(**{name: named[name] for name in operation.in_path})


def body_of(operation: Operation, named: dict[str, Any]) -> Any:
    if operation.body is None:
        return None
    # In bodies a SKU and a channel go by the merchant's own words.
    words = {**named, "sku": named["sku_code"], "code": named["sku_code"]}
    body = specimen(DOCUMENT, operation.body, words)
    return body | ALSO.get(operation.name, {})


def query_of(operation: Operation, named: dict[str, Any]) -> dict[str, str]:
    """What must be there, and every parameter that can name a thing."""
    words = {**named, "sku": named["sku_code"], "code": named["sku_code"]}
    return {
        name: specimen(DOCUMENT, schema, words, name)
        for name, schema in operation.in_query.items()
        if (name in words and fits(schema, words[name])) or name in operation.required
    }


async def ask(client: Client, operation: Operation, named: dict[str, Any], **query: str) -> httpx.Response:
    return await client.http.request(
        operation.method, path_of(operation, named), params=query, json=body_of(operation, named)
    )


def alike(answer: httpx.Response, named: dict[str, Any]) -> str:
    """The answer without the words that were asked with, and without how a cursor is spelled."""
    text = printed(answer.content) if answer.headers["content-type"] == "application/pdf" else answer.text
    asked = [str(value) for name, value in named.items() if name not in SHARED]
    for value in sorted(asked, key=len, reverse=True):
        text = text.replace(value, "…")
    without_cursor = re.sub(r'"next":"[^"]*"', "", text)
    return f"{answer.status_code} {without_cursor}"


def printed(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_bounded() for page in document)


async def traces(shop: Shop) -> list[tuple[Any, ...]]:
    """What a change would leave behind: events, and every row that has no event."""
    counted = await shop.rows(
        "select (select count(*) from event where merchant_id = $1) e,"
        " (select count(*) from orders where merchant_id = $1) o,"
        " (select count(*) from job where merchant_id = $1 and state = 'dead') j,"
        " (select count(*) from attention where merchant_id = $1 and resolved_at is null) a,"
        " (select string_agg(s::text, '|' order by s.sku_id) from sku s where merchant_id = $1) s,"
        " (select string_agg(w::text, '|') from webhook_endpoint w where merchant_id = $1) w,"
        " (select string_agg(a::text, '|') from sku_alias a where merchant_id = $1) al,"
        " (select string_agg(m::text, '|') from shipping_method m where merchant_id = $1) m",
        shop.merchant,
    )
    return [tuple(row.values()) for row in counted]


@pytest.mark.parametrize("name", OPERATIONS)
async def test_without_a_key_or_with_a_revoked_one_nothing_opens(wall: Wall, name: str) -> None:
    operation = OPERATIONS[name]
    for client in (wall.nobody, wall.revoked):
        answer = await ask(client, operation, wall.named, **query_of(operation, wall.named))
        problem(answer, 401, "WhoAreYou")
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_key_of_all_other_scopes_does_not_reach_it(wall: Wall, name: str) -> None:
    operation = OPERATIONS[name]
    lesser = await client_of(wall.victim, wall.web, [scope for scope in SCOPES if scope != operation.scope])
    before = await traces(wall.victim)
    answer = await ask(lesser, operation, wall.named, **query_of(operation, wall.named))
    problem(answer, 403, "NotAllowed")
    assert CANARY not in answer.text
    assert await traces(wall.victim) == before
    await lesser.http.aclose()


@pytest.mark.parametrize("name", OPERATIONS)
async def test_another_merchants_key_sees_and_changes_nothing(wall: Wall, name: str) -> None:
    operation = OPERATIONS[name]
    before = await traces(wall.victim)
    query = query_of(operation, wall.named)
    answer = await ask(wall.stranger, operation, wall.named, **query)
    assert answer.status_code < 500, answer.text
    assert CANARY.lower() not in alike(answer, {}).lower()
    assert await traces(wall.victim) == before
    nothing = await ask(wall.stranger, operation, wall.nothing, **query_of(operation, wall.nothing))
    if operation.in_path:
        assert answer.status_code == 404, f"{operation.name} looks at the body first: {answer.text}"
        assert alike(answer, wall.named) == alike(nothing, wall.nothing)
    elif not operation.is_write:
        assert alike(answer, wall.named) == alike(nothing, wall.nothing)
    elif name not in MAKING:
        assert (answer.status_code, code_of(answer)) == (nothing.status_code, code_of(nothing))


def code_of(answer: httpx.Response) -> str | None:
    return answer.json().get("code") if answer.status_code >= 400 else None


@pytest.mark.parametrize("name", [name for name, one in OPERATIONS.items() if one.in_path and one.is_write])
async def test_a_preview_of_another_merchants_things_tells_nothing(wall: Wall, name: str) -> None:
    operation = OPERATIONS[name]
    if "preview" not in operation.in_query:
        pytest.skip("has no preview")
    answer = await ask(wall.stranger, operation, wall.named, preview="true")
    assert answer.status_code == 404
    assert CANARY not in answer.text


async def test_the_owner_sees_its_own(wall: Wall) -> None:
    """The canaries are there to be seen: else the tests above would prove nothing."""
    seen = []
    for operation in OPERATIONS.values():
        if not operation.is_write:
            answer = await ask(
                wall.owner, operation, wall.named, **query_of(operation, wall.named) if operation.required else {}
            )
            assert answer.status_code == 200 or code_of(answer) == "NoSuchPaper", answer.text
            if CANARY.lower().replace(" ", "-") in answer.text.lower().replace(" ", "-"):
                seen.append(operation.name)
    assert {
        "list_orders", "get_order", "get_timeline", "get_why", "list_skus", "get_sku", "list_attention", "list_jobs",
        "list_events", "list_webhooks", "get_webhook",
    } <= set(seen)  # fmt: skip
