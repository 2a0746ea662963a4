"""Subscribers are told what happens: signed, in order, at least once, tried again; a real receiver listens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from standardwebhooks import Webhook

from doorstep.doors.worker import relay as relays
from doorstep.doors.worker.relay import Relay, body_of
from doorstep.kit import clock
from doorstep.plug.guard import Guard
from doorstep.plug.notifier import LARGEST_BODY, SCHEDULE, WebhookSender
from doorstep.spine.feed import Happened
from doorstep.spine.world import World
from tests.doors.test_problems import problem
from tests.doors.test_worker import nobody
from tests.doors.web import Client, settled
from tests.shop import NOON, Shop

Got = tuple[dict[str, str], bytes]


class Receiver:
    """A real HTTP server that keeps what it got and answers as told."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.statuses: list[int] = []  # of the next answers; 204 after that
        self.pause_s = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:]
                headers = {name.lower(): word for name, _, word in (line.partition(": ") for line in head)}
                body = await reader.readexactly(int(headers["content-length"]))
                status = self.statuses.pop(0) if self.statuses else 204
                await asyncio.sleep(self.pause_s)
                self.got.append((headers, body))
                writer.write(f"HTTP/1.1 {status} Told\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return clock.now() + self.ahead


class Punctual(Relay):
    """Begins when the feed shows all that happened."""

    def __init__(self, world: World, sender: WebhookSender, shop: Shop) -> None:
        super().__init__(world, sender)
        self._shop = shop

    async def once(self) -> int:
        await settled(self._shop)
        return await super().once()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"  # type: ignore[attr-defined]
    yield made
    server.close()


@pytest.fixture
def time() -> Clock:
    return Clock()


@pytest.fixture
async def relay(shop: Shop, time: Clock) -> AsyncIterator[Relay]:
    sender = WebhookSender(Guard([ip_network("127.0.0.0/8")]), deadline_s=60)
    yield Punctual(World(shop.db, nobody, nobody, None, now=time.now), sender, shop)
    await sender.close()


async def subscribe(api: Client, receiver: Receiver, *verbs: str) -> dict[str, Any]:
    answer = await api.post("/v1/webhooks", {"url": receiver.url, "verbs": list(verbs)})  # type: ignore[attr-defined]
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return {"secret": made["secret"], **made["webhook"]}


async def run_dry(relay: Relay) -> None:
    while await relay.once():
        pass


async def test_what_happens_is_told_signed_and_in_order(
    api: Client, shop: Shop, relay: Relay, receiver: Receiver
) -> None:
    before = await shop.place(("CUP", 1))
    await settled(shop)
    webhook = await subscribe(api, receiver)
    order = (await api.post("/v1/orders", shop.order(("MUG", 2)))).json()["order"]
    for word in ("first", "second"):
        await api.post(f"/v1/orders/{order}/note", {"text": word})
    await run_dry(relay)
    assert [body["type"] for body in receiver.bodies()] == ["order.place", "order.note", "order.note"]
    assert before not in str(receiver.bodies())
    for headers, body in receiver.got:
        Webhook(webhook["secret"]).verify(body, headers)
    told = receiver.bodies()[0]["data"]
    assert (told["id"], told["seq"], told["statuses"]["stage"]) == (order, 1, "received")
    assert told["moves"][0][:2] == ["demand", 1]
    assert [body["data"]["seq"] for body in receiver.bodies()] == [1, 2, 3]


async def test_only_the_verbs_that_are_wanted_are_told(
    api: Client, shop: Shop, relay: Relay, receiver: Receiver
) -> None:
    await subscribe(api, receiver, "note")
    order = (await api.post("/v1/orders", shop.order(("MUG", 2)))).json()["order"]
    await api.post(f"/v1/orders/{order}/note", {"text": "only this"})
    await api.post("/v1/orders", shop.order(("CUP", 2)))
    await run_dry(relay)
    assert [body["type"] for body in receiver.bodies()] == ["order.note"]
    assert await relay.once() == 0


async def test_what_is_not_taken_is_tried_again_under_the_same_id_and_the_rest_waits(
    api: Client, shop: Shop, relay: Relay, receiver: Receiver, time: Clock
) -> None:
    webhook = await subscribe(api, receiver)
    orders = [(await api.post("/v1/orders", shop.order((sku, 1)))).json()["order"] for sku in ("MUG", "CUP")]
    receiver.statuses = [500, 302]
    with clock.stopped_at(clock.now()):
        assert await relay.once() == 0
        assert await relay.once() == 0  # it is not due yet
    shown = (await api.get(f"/v1/webhooks/{webhook['id']}")).json()
    assert (shown["state"], shown["tries"]) == ("active", 1)
    assert "500" in shown["last_error"]
    for pause in SCHEDULE[1:3]:
        time.ahead += pause * 1.2
        await run_dry(relay)
    ids = [headers["webhook-id"] for headers, _ in receiver.got]
    assert ids == [f"evt_order_{orders[0][4:]}_1"] * 3 + [f"evt_order_{orders[1][4:]}_1"]
    for headers, body in receiver.got:
        Webhook(webhook["secret"]).verify(body, headers)
    assert (await api.get(f"/v1/webhooks/{webhook['id']}")).json()["tries"] == 0


async def test_who_says_gone_is_told_nothing_more(
    api: Client, shop: Shop, relay: Relay, receiver: Receiver, time: Clock
) -> None:
    webhook = await subscribe(api, receiver)
    await api.post("/v1/orders", shop.order(("MUG", 1)))
    receiver.statuses = [410]
    await relay.once()
    time.ahead = timedelta(days=7)
    assert await relay.once() == 0
    assert (await api.get(f"/v1/webhooks/{webhook['id']}")).json()["state"] == "gone"
    assert len(receiver.got) == 1


async def test_after_the_last_try_it_is_paused_and_goes_on_where_it_stopped_when_asked(
    api: Client, shop: Shop, relay: Relay, receiver: Receiver, time: Clock
) -> None:
    webhook = await subscribe(api, receiver)
    await api.post("/v1/orders", shop.order(("MUG", 1)))
    receiver.statuses = [503] * len(SCHEDULE)
    for _ in SCHEDULE:
        await relay.once()
        time.ahead += timedelta(hours=27)
    shown = (await api.get(f"/v1/webhooks/{webhook['id']}")).json()
    assert shown["state"] == "paused"
    assert "gave up after 10 tries" in shown["last_error"]
    again = await api.put(f"/v1/webhooks/{webhook['id']}", {"url": receiver.url})  # type: ignore[attr-defined]
    assert (again.json()["state"], again.json()["tries"]) == ("active", 0)
    await run_dry(relay)
    assert [body["type"] for body in receiver.bodies()][-1] == "order.place"
    assert len(receiver.got) == len(SCHEDULE) + 1


async def test_two_relays_keep_the_order_of_one_subscriber(
    api: Client, shop: Shop, relay: Relay, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "EVENTS", 5)
    await subscribe(api, receiver)
    receiver.pause_s = 0.002
    order = (await api.post("/v1/orders", shop.order(("MUG", 1)))).json()["order"]
    for number in range(30):
        await api.post(f"/v1/orders/{order}/note", {"text": f"note {number}"})
    sender = WebhookSender(Guard([ip_network("127.0.0.0/8")]), deadline_s=60)
    other = Punctual(World(shop.db, nobody, nobody, None), sender, shop)
    for _ in range(40):
        await asyncio.gather(relay.once(), other.once())
    await sender.close()
    assert [body["data"]["seq"] for body in receiver.bodies()] == list(range(1, 32))


async def test_an_address_inside_the_house_is_never_called(
    api: Client, shop: Shop, relay: Relay, receiver: Receiver
) -> None:
    problem(await api.post("/v1/webhooks", {"url": "http://user:word@example.com/"}), 422, "Invalid")
    problem(await api.post("/v1/webhooks", {"url": "ftp://example.com/"}), 422, "Invalid")
    webhook = await subscribe(api, receiver)
    await api.post("/v1/orders", shop.order(("MUG", 1)))
    guarded = Punctual(World(shop.db, nobody, nobody, None), WebhookSender(Guard()), shop)
    assert await guarded.once() == 0
    assert receiver.got == []
    assert "refused" in (await api.get(f"/v1/webhooks/{webhook['id']}")).json()["last_error"]
    assert (await api.delete(f"/v1/webhooks/{webhook['id']}")).status_code == 200
    problem(await api.get(f"/v1/webhooks/{webhook['id']}"), 404, "NotFound")


async def test_the_secret_is_shown_once_and_kept_sealed(api: Client, shop: Shop, receiver: Receiver) -> None:
    webhook = await subscribe(api, receiver)
    assert webhook["secret"].startswith("whsec_")
    assert "secret" not in (await api.get(f"/v1/webhooks/{webhook['id']}")).json()
    (row,) = await shop.rows("select secret from webhook_endpoint where merchant_id = $1", shop.merchant)
    assert webhook["secret"].encode() not in row["secret"]


def test_a_message_is_never_larger_than_a_webhook_carries() -> None:
    for moves, data, left_out in (
        (1, "x", []),
        (2000, "x", ["moves"]),
        (2000, "x" * 30_000, ["moves", "data"]),
    ):
        event = Happened(
            (1, 1), "order", 7, 1, "place", "system", NOON, NOON,
            [["demand", line, 1, "world", "wanted", 0] for line in range(moves)], {"note": data},
        )  # fmt: skip
        body = body_of(event, {"stage": "received"})
        assert len(body) < LARGEST_BODY
        assert json.loads(body)["data"]["left_out"] == left_out
