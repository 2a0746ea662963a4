"""webhooks: who is told what happens; the secret is shown once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from doorstep.doors.http.operations import WRITE, Asked, Done, Reply, operation
from doorstep.doors.http.reading import invalid
from doorstep.doors.http.shapes import Fault
from doorstep.plug.guard import UrlRefused, read_url
from doorstep.setup import subscribers
from doorstep.setup.keys import READ
from doorstep.spine.journey import ROWS

Verb = Annotated[str, Meta(pattern="^[a-z_]{1,40}$")]


class WebhookBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`verbs`: only events of these; empty means all."""

    url: Annotated[str, Meta(min_length=8, max_length=2000, pattern="^https?://")]
    verbs: Annotated[list[Verb], Meta(max_length=100)] = []


class WebhookChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`active` sends again from where it stopped."""

    url: Annotated[str, Meta(min_length=8, max_length=2000, pattern="^https?://")]
    verbs: Annotated[list[Verb], Meta(max_length=100)] = []
    state: Literal["active", "paused"] = "active"


class NewWebhook(Struct, frozen=True, kw_only=True):
    """`secret` signs every message (Standard Webhooks); it is shown this one time."""

    webhook: subscribers.Webhook
    secret: str


@operation("GET", "/webhooks", scope=READ, tag="events", answer=subscribers.Webhooks)
async def list_webhooks(asked: Asked) -> Any:
    """Who is told what happens."""
    async with asked.reading() as tx:
        return await subscribers.webhooks(tx, asked.merchant)


@operation("POST", "/webhooks", scope=WRITE, tag="events", body=WebhookBody, answer=NewWebhook, status=201)
async def create_webhook(asked: Asked) -> Any:
    """Tell this address everything that happens from now on."""
    _check(asked.body.url, asked.body.verbs)
    async with asked.writing() as tx:
        made, secret = await subscribers.create(
            tx, asked.merchant, asked.body.url, asked.body.verbs, asked.at, asked.by
        )
    return Reply(NewWebhook(webhook=made, secret=secret), 201)


@operation("GET", "/webhooks/{webhook}", scope=READ, tag="events", answer=subscribers.Webhook)
async def get_webhook(asked: Asked) -> Any:
    """One of them, and how it is doing."""
    async with asked.reading() as tx:
        return await subscribers.webhook(tx, asked.merchant, asked.path["webhook"])


@operation("PUT", "/webhooks/{webhook}", scope=WRITE, tag="events", body=WebhookChange, answer=subscribers.Webhook)
async def put_webhook(asked: Asked) -> Any:
    """Change where and what is told, pause it, or send again."""
    body = asked.body
    _check(body.url, body.verbs)
    async with asked.writing() as tx:
        to = (body.url, body.verbs, body.state)
        await subscribers.change(tx, asked.merchant, asked.path["webhook"], *to, asked.at, asked.by)
        return await subscribers.webhook(tx, asked.merchant, asked.path["webhook"])


@operation("DELETE", "/webhooks/{webhook}", scope=WRITE, tag="events", answer=Done)
async def remove_webhook(asked: Asked) -> Any:
    """Tell it nothing any more."""
    async with asked.writing() as tx:
        await subscribers.remove(tx, asked.merchant, asked.path["webhook"], asked.at, asked.by)
    return Done()


def _check(url: str, verbs: list[str]) -> None:
    found = [
        Fault(f"/verbs/{index}", "is no verb of the journey") for index, verb in enumerate(verbs) if verb not in ROWS
    ]
    try:
        read_url(url)
    except UrlRefused as refused:
        found.append(Fault("/url", str(refused)))
    if found:
        raise invalid(found)
