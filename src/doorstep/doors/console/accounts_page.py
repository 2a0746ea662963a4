"""accounts_page: `/settings/accounts`: accounts with carriers and payment providers. What is secret goes in and never
comes out again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

import msgspec
from litestar import Response
from msgspec import Struct, structs

from doorstep.doors.console.allowing import merchant_named, must_run_the_operation, whose
from doorstep.doors.console.filling import filled
from doorstep.doors.console.forms import Field, Form, Kind, Part
from doorstep.doors.console.looks import money
from doorstep.doors.console.narrowing import merchants_of
from doorstep.doors.console.speaking import Told, _, gettext
from doorstep.doors.console.visit import Visit, see_other
from doorstep.doors.console.words import reasons, titled
from doorstep.doors.reads import setup
from doorstep.kit.home import home
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.kit.secrets import keyring
from doorstep.plug import registry
from doorstep.plug.carrier import Address, CarrierDown, Parcel, Shipment
from doorstep.setup.connections import connect, connection_of, connections, disconnect
from doorstep.setup.receipts import are_unheard
from doorstep.spine.tenant import tenant_tx

RATE_CARD = "ratecard"
COUNTRY = "select country from merchant where merchant_id = $1"
# What most plugins ask for; what else one asks for is called as the plugin calls it.
CALLED = Told({
    "base_url": "Address of its API", "api_key": "API key", "deadline_s": "Longest wait for an answer, in seconds",
    "tries": "How often it is tried",
})  # fmt: skip
KINDS = Told({"carrier": "Carrier", "payments": "Payments", "sms": "Text messages"})
DONE = Told({
    "account": "The account is kept", "dropped": "The account is forgotten",
    "answers": "It answers", "payments": "Its settings fit; no money was asked for",
})  # fmt: skip


async def show(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    async with visit.reading() as tx:
        merchants = await merchants_of(tx)
        found = [(key, name, await connections(tx, merchant)) for merchant, key, name in merchants]
    accounts = [(key, name, one) for key, name, all_of in found for one in all_of if one.plugin != RATE_CARD]
    return visit.show(
        "accounts.html", accounts=accounts, kinds=KINDS, abouts=_abouts(accounts), many=merchants.are_many,
        did=visit.did(DONE),
    )  # fmt: skip


def _abouts(accounts: Sequence[tuple[str, str, Any]]) -> dict[str, str]:
    """What each plugin says of itself; '' of one that is not installed any more."""
    known = registry.names()
    return {one.plugin: gettext(registry.about(one.plugin)) if one.plugin in known else "" for *_whose, one in accounts}


async def ask_whose(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    return await whose(visit, _("New account"), "/settings/accounts/new", "settings")


async def ask_plugin(visit: Visit) -> Response[str]:
    """Whom it is with; what is to be told follows from that."""
    must_run_the_operation(visit)
    await merchant_named(visit, visit.path["merchant"])
    plugins = [
        (name, gettext(registry.about(name)), KINDS[_kind(name)]) for name in registry.names() if name != RATE_CARD
    ]
    return visit.show("plugins.html", merchant=visit.path["merchant"], plugins=plugins)


async def ask_account(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    _merchant, form = await _account(visit)
    return visit.show("form.html", form=form, at="settings")


async def keep(visit: Visit) -> Response[str]:
    """A secret that is left blank stays what it was."""
    must_run_the_operation(visit)
    merchant, form = await _account(visit)
    plugin = visit.path["plugin"]
    kind = _kind(plugin)

    async def keep_it(said: Struct) -> str:
        config = {name: value for name, value in msgspec.to_builtins(said).items() if name != "code"}
        code = str(visit.path.get("code") or getattr(said, "code", ""))
        config |= await _kept_secrets(visit, merchant, kind, code, plugin, config)
        await connect(visit.db, keyring(home()), merchant, kind, plugin=plugin, code=code, config=config, by=visit.by)
        return "/settings/accounts?did=account"

    return await filled(visit, form, _shape(plugin), keep_it)


async def _kept_secrets(
    visit: Visit, merchant: int, kind: str, code: str, plugin: str, config: dict[str, Any]
) -> dict[str, Any]:
    async with visit.reading() as tx:
        known = await connection_of(tx, keyring(home()), merchant, kind, code)
    blank = [name for name in registry.secret_fields(plugin) if not config.get(name)]
    return {name: known[1][name] for name in blank if known and known[0] == plugin and name in known[1]}


async def drop(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    merchant = await merchant_named(visit, visit.path["merchant"])
    async with tenant_tx(visit.db, [merchant]) as tx:
        if not await disconnect(tx, merchant, visit.form.get("kind", ""), visit.form.get("code", ""), visit.by):
            raise NotFound(account=visit.form.get("code", "")[:60])
    return see_other("/settings/accounts?did=dropped")


async def test(visit: Visit) -> Response[str]:
    """Ask it something that changes nothing: what a parcel of a kilogram would cost, at home."""
    must_run_the_operation(visit)
    merchant = await merchant_named(visit, visit.path["merchant"])
    kind, code = visit.form.get("kind", ""), visit.form.get("code", "")
    async with visit.reading() as tx:
        known = await connection_of(tx, keyring(home()), merchant, kind, code)
        sites = (await setup.sites(tx)).sites
        country = await tx.value(COUNTRY, merchant)
    if known is None:
        raise NotFound(account=code[:60])
    context: dict[str, Any] = {"code": code, "rates": [], "trouble": "", "reasons": [], "money": money}
    try:
        if kind == "carrier":
            at_home = (site for site in sites if site.country == country)
            asked = _sample(next(at_home, sites[0] if sites else None))
            context["rates"] = await registry.carrier(known[0], code, known[1]).rates(asked)
        else:
            registry.check(known[0], known[1])
    except CarrierDown as refusal:
        context |= {"trouble": _("It did not answer: is the address right, and is it up?"), "reasons": reasons(refusal)}
    except Refusal as refusal:
        context |= {"trouble": gettext(refusal.sentence), "reasons": reasons(refusal)}
    return visit.show(
        "account_test.html", is_carrier=kind == "carrier", kind=kind, plugin=known[0], merchant=visit.path["merchant"],
        **context,
    )  # fmt: skip


def _sample(site: setup.Site | None) -> Shipment:
    """From the site's own address to itself: carriers that know streets know that one."""
    told = {name: str(value) for name, value in (site.address if site else {}).items() if value}
    here = Address(
        name=site.name if site else "doorstep", line1=told.get("line1", "1 Main Street"),
        city=told.get("city", "Anywhere"), region=told.get("region", ""), country=site.country if site else "US",
        postal_code=told.get("postcode", "07102"),
    )  # fmt: skip
    return Shipment(
        ship_from=here, ship_to=here, parcels=(Parcel(weight_g=1000, length_mm=200, width_mm=150, height_mm=100),)
    )


def _kind(plugin: str) -> str:
    return registry.kind_of(plugin)


async def _account(visit: Visit) -> tuple[int, Form]:
    """The account's form, with what is known of it but for its secrets."""
    merchant = await merchant_named(visit, visit.path["merchant"])
    plugin, code = visit.path["plugin"], visit.path.get("code", "")
    if plugin == RATE_CARD:  # it has pages of its own
        raise NotFound(account=code[:60] or plugin)
    async with visit.reading() as tx:
        form = _form(plugin, visit.path["merchant"], code, (await setup.merchant(tx, merchant)).name)
        if not code:
            return merchant, form
        found = [one for one in await connections(tx, merchant) if (one.kind, one.code) == (_kind(plugin), code)]
    if not found:
        raise NotFound(account=code[:60])
    return merchant, form.filled({name: _spelled(value) for name, value in found[0].settings.items()})


def _shape(plugin: str) -> type[Struct]:
    """The plugin's own settings, and what the account is called."""
    return msgspec.defstruct(
        "Account", [("code", str, "")], bases=(registry.settings_of(plugin),), frozen=True, kw_only=True
    )


def _form(plugin: str, merchant: str, code: str, whose: str) -> Form:
    secrets = registry.secret_fields(plugin)
    fields = [Field("code", _("What you call this account"), required=True, longest=60)] if not code else []
    fields += [_field(one, one.name in secrets, bool(code)) for one in structs.fields(registry.settings_of(plugin))]
    address = f"/settings/accounts/{merchant}/{plugin}" + (f"/{code}" if code else "")
    says = " · ".join((whose, KINDS[_kind(plugin)], gettext(registry.about(plugin))))
    if are_unheard(plugin):
        unheard = _("DOORSTEP_URL is not set, so the gateway cannot tell whether a text came: each counts as sent.")
        says = f"{says}. {unheard}"
    parts = (Part("", tuple(fields)),)
    return Form(code or plugin, address, ("/settings/accounts", _("Carriers and payments")), parts, _("Keep it"), says)


def _field(one: structs.FieldInfo, is_secret: bool, is_there: bool) -> Field:
    label = CALLED.get(one.name) or titled(one.name)
    value = "" if one.required or is_secret else _spelled(one.default)
    if is_secret:
        hint = (
            _("Kept encrypted, and never shown again. Left blank, it stays what it is.")
            if is_there
            else _("Kept encrypted, and never shown again.")
        )
        return Field(one.name, label, "secret", longest=2000, hint=hint, required=one.required and not is_there)
    if get_origin(one.type) is Literal:
        choices = tuple((str(word), str(word).replace("_", " ").capitalize()) for word in get_args(one.type))
        return Field(one.name, label, "choice", value, choices=choices, required=one.required)
    kinds: dict[Any, Kind] = {bool: "yes", int: "count", float: "decimal"}
    return Field(one.name, label, kinds.get(one.type, "text"), value, longest=500, required=one.required)


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value in (None, msgspec.NODEFAULT, msgspec.UNSET) else str(value)
