"""channels_page: `/settings/channels`: where orders come from, as people call it."""

from __future__ import annotations

from typing import Any

from litestar import Response

from doorstep.doors.console.allowing import merchant_named, must_set_up, sets_up, whose
from doorstep.doors.console.filling import filled
from doorstep.doors.console.forms import Field, Form, Part
from doorstep.doors.console.narrowing import merchants_of
from doorstep.doors.console.speaking import Told, _
from doorstep.doors.console.visit import Visit
from doorstep.doors.console.words import CHANNELS
from doorstep.doors.http.setting_up import ChannelBody, NameBody
from doorstep.doors.reads import setup
from doorstep.kit.refusals import NotFound
from doorstep.setup.channels import create_channel, name_channel
from doorstep.spine.tenant import tenant_tx

DONE = Told({"channel": "The channel is there", "channel-named": "The channel has its name"})


async def show(visit: Visit) -> Response[str]:
    must_set_up(visit)
    async with visit.reading() as tx:
        merchants = await merchants_of(tx)
        found = [(key, name, (await setup.channels(tx, merchant)).channels) for merchant, key, name in merchants]
    return visit.show(
        "channels.html", merchants=found, kinds=CHANNELS, may_write=sets_up(visit.visitor),
        did=visit.did(DONE),
    )  # fmt: skip


async def ask_whose(visit: Visit) -> Response[str]:
    must_set_up(visit)
    return await whose(visit, _("New channel"), "/settings/channels/new", "settings")


async def ask_new(visit: Visit) -> Response[str]:
    must_set_up(visit)
    await merchant_named(visit, visit.path["merchant"])
    return visit.show("form.html", form=_new_form(visit.path["merchant"]), at="settings")


async def create(visit: Visit) -> Response[str]:
    must_set_up(visit)
    merchant = await merchant_named(visit, visit.path["merchant"])

    async def keep(body: ChannelBody) -> str:
        await create_channel(visit.db, merchant, body.key, body.kind, body.name, visit.by)
        return "/settings/channels?did=channel"

    return await filled(visit, _new_form(visit.path["merchant"]), ChannelBody, keep)


async def ask_name(visit: Visit) -> Response[str]:
    must_set_up(visit)
    _merchant, form = await _known(visit)
    return visit.show("form.html", form=form, at="settings")


async def name(visit: Visit) -> Response[str]:
    must_set_up(visit)
    merchant, form = await _known(visit)

    async def keep(body: NameBody) -> str:
        async with tenant_tx(visit.db, [merchant]) as tx:
            await name_channel(tx, merchant, visit.path["channel"], body.name.strip(), visit.by)
        return "/settings/channels?did=channel-named"

    return await filled(visit, form, NameBody, keep)


async def _known(visit: Visit) -> tuple[int, Form]:
    """Refuses NotFound."""
    merchant, key = await merchant_named(visit, visit.path["merchant"]), visit.path["channel"]
    async with visit.reading() as tx:
        known = next((one for one in (await setup.channels(tx, merchant)).channels if one.key == key), None)
    if known is None:
        raise NotFound(channel=key[:60])
    says = _("Orders carry its key %(key)s, which stays as it is.", key=known.key)
    return merchant, _form(
        known.name or known.key, f"{visit.path['merchant']}/{known.key}", (), _("Save"), says
    ).filled({"name": known.name})


def _new_form(merchant: str) -> Form:
    kinds: tuple[tuple[str, str], ...] = tuple((kind, called) for kind, called in CHANNELS.items() if kind != "console")
    fields = (
        Field("key", _("Key"), required=True, longest=40, wrong=_("small letters, digits and hyphens"),
              hint=_("Short and for ever: programs and files name the channel by it.")),
        Field("kind", _("What it is"), "choice", "api", choices=kinds),
    )  # fmt: skip
    return _form(_("New channel"), f"new/{merchant}", fields, _("Add it"))


def _form(title: str, address: str, fields: tuple[Field, ...], button: str, says: str = "") -> Form:
    called = Field("name", _("Name"), hint=_("As people call it, on orders and in lists: Shop in Lviv."))
    back = ("/settings/channels", _("Channels"))
    return Form(title, f"/settings/channels/{address}", back, (Part("", (*fields, called)),), button, says)


def called(rows: Any) -> dict[str, str]:
    """What people call channels, by key; where several merchants call one differently, its key."""
    names: dict[str, set[str]] = {}
    for row in rows:
        names.setdefault(row["key"], set()).add(row["name"] or row["key"])
    return {key: found.pop() if len(found) == 1 else key for key, found in names.items()}
