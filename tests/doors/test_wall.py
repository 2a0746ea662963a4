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
from doorstep.spine.tenant import Db
from tests.doors.belongings import CANARY, everything_of
from tests.doors.specimens import Operation, fits, operations, specimen
from tests.doors.test_problems import problem
from tests.doors.web import Client, client_of
from tests.shop import Shop, open_shop

DOCUMENT = json.loads(json.dumps(written(every_operation()), default=str))
OPERATIONS = {operation.name: operation for operation in operations(DOCUMENT)}

# What else must be so in a body before the verb looks whose order it is.
ALSO: dict[str, dict[str, Any]] = {"open_load": {"kind": "bag", "number": "", "carrier": "", "flight": ""}}
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
async def wall(opened: Db, web: str) -> AsyncIterator[Wall]:
    victim, other = await open_shop(opened), await open_shop(opened)
    secret, key = await create_key(opened, other.merchant, clock.now())
    await revoke_key(opened, [other.merchant], key.id, clock.now())
    named = await everything_of(victim, await client_of(victim, web))
    yield Wall(
        victim, await client_of(other, web), Client(web, None), Client(web, secret), await client_of(victim, web), web,
        named, {name: value if name in SHARED else not_there(value) for name, value in named.items()},
    )  # fmt: skip
    await victim.audit()
    await other.audit()


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
    """The answer without the words that were asked with, without how a cursor is spelled, and without the ids of SKUs
    that the stranger made itself under those words."""
    text = printed(answer.content) if answer.headers["content-type"] == "application/pdf" else answer.text
    asked = [str(value) for name, value in named.items() if name not in SHARED]
    for value in sorted(asked, key=len, reverse=True):
        text = text.replace(value, "…")
    without_cursor = re.sub(r'"next":"[^"]*"|"id":"sku_[0-9]+"', "", text)
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
        "list_orders", "get_order", "get_timeline", "get_why", "list_skus", "get_sku", "list_exceptions", "list_jobs",
        "list_events", "list_webhooks", "get_webhook",
    } <= set(seen)  # fmt: skip
