"""shipping_rules_page: `/settings/shipping-rules`: which carrier and service a label is bought of: the rules of a
merchant in their order, what holds for all ways, and a try: what would be chosen for a parcel, and why.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated

from litestar import Response
from msgspec import Meta, Struct, structs

from doorstep.doors.console import words
from doorstep.doors.console.allowing import merchant_named, must_set_up, nobody_yet, runs_the_operation, sets_up
from doorstep.doors.console.forms import Field, Form, Part, countries, read
from doorstep.doors.console.methods_page import LEVELS
from doorstep.doors.console.narrowing import merchants_of
from doorstep.doors.console.rate_words import part
from doorstep.doors.console.speaking import Told, _
from doorstep.doors.console.visit import Visit, see_other
from doorstep.doors.reads import setup
from doorstep.doors.reads.rates import Foreseen, foreseen
from doorstep.journey.shipping.imagined import Imagined
from doorstep.journey.shipping.shipment import CARRIERS
from doorstep.kit.money import to_decimal
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.setup import lane_rules
from doorstep.setup.customs.lists import MODES, Mode
from doorstep.setup.lane_rules import Change, change_rules, mark, shipping_rules
from doorstep.setup.shipping_rules import (
    MUST_BE_TAKEN,
    PO_BOX,
    Contract,
    LaneRule,
    Level,
    Most,
    ShippingRules,
    Which,
    Word,
)
from doorstep.spine.tenant import Tx, tenant_tx

HOME = "/settings/shipping-rules"
SAYS = Told({"allow": "Only these", "prefer": "Rather these", "forbid": "Never these"})
TONES = {"allow": "blue", "prefer": "green", "forbid": "red"}
WHOSE = Told({"merchant": "The merchant’s own", "operator": "The operator’s"})
TAKES = Told({
    "battery": "Batteries", "dangerous": "Dangerous goods", "flammable": "Flammable goods", "liquid": "Liquids",
    "po_box": "Post-office boxes",
})  # fmt: skip
DONE = Told({
    "added": "The rule is kept", "changed": "The rule is changed", "moved": "The rule is moved",
    "off": "The rule is switched off", "on": "The rule is switched on", "removed": "The rule is removed",
    "beside": "What holds for all ways is kept",
})  # fmt: skip
UP, DOWN = -1, 1


async def show(visit: Visit) -> Response[str]:
    must_set_up(visit)
    return await _page(visit) if visit.visitor.merchants else nobody_yet(visit, "shipping-rules")


async def _page(visit: Visit, status: int = 200, refusal: Refusal | None = None) -> Response[str]:
    key = visit.path.get("merchant") or visit.query.get("merchant", "")
    async with visit.reading() as tx:
        merchants = await merchants_of(tx)
        key = key or (merchants.choices[0][0] if merchants.choices else "")
        merchant = await merchant_named(visit, key)
        rules = await shipping_rules(tx, merchant)
        carriers = await _carriers(tx, merchant)
        trial = await _trial(tx, merchant, key)
    found, trial = await _tried(visit, merchant, trial)
    lanes = [(nth, mark(nth - 1, lane), lane, _missing(lane, carriers)) for nth, lane in enumerate(rules.lanes, 1)]
    return visit.show(
        "shipping_rules.html", status, merchants=merchants, key=key, lanes=lanes, rules=rules, says=SAYS, tones=TONES,
        levels=LEVELS, part=part, whose=WHOSE, takes=TAKES, trial=trial, found=found,
        may_write=sets_up(visit.visitor), did=DONE.get(visit.query.get("did", ""), ""),
        refusal=refusal,
    )  # fmt: skip


async def _carriers(tx: Tx, merchant: int) -> list[str]:
    return [row["code"] for row in await tx.rows(CARRIERS, merchant)]


def _missing(lane: LaneRule, carriers: Collection[str]) -> list[str]:
    """Accounts that it names, and that are not there: it says nothing of anybody else."""
    return sorted({which.partition("/")[0] for which in lane.which} - set(carriers))


# Tried


async def _trial(tx: Tx, merchant: int, key: str) -> Form:
    sites = tuple((site.code, f"{site.code} · {site.name}") for site in (await setup.sites(tx)).sites)
    methods = tuple((one.name, one.name) for one in (await setup.methods(tx, merchant)).shipping_methods)
    currency = (await setup.merchant(tx, merchant)).currency
    fields = (
        Field("site", _("Sent from"), "choice", choices=sites or (("", "—"),), half=True),
        Field("country", _("Sent to"), "country", choices=countries(), half=True),
        Field("postcode", _("Postcode"), longest=20, half=True),
        Field("city", _("City"), half=True),
        Field("weight_g", _("Weight"), "count", "1000", unit=_("g"), required=True, wrong=_("1 g or more"), half=True),
        Field("shipping_method", _("Shipping method"), "choice", choices=(("", _("None")), *methods), half=True),
        Field("sku", _("What is in it"), longest=120,
              hint=_("A SKU, for carriers that want to know it for customs, or that do not take everything.")),
        Field("pickup_point", _("Pickup point"), longest=80, half=True),
        Field("insured_minor", _("Insured for"), "money", unit=currency, half=True),
    )  # fmt: skip
    back = (f"{HOME}?merchant={key}", _("Shipping rules"))
    return Form(_("Try it"), HOME, back, (Part("", fields),), _("What would be chosen?"))


async def _tried(visit: Visit, merchant: int, trial: Form) -> tuple[Foreseen | None, Form]:
    """What would be chosen; nothing when nobody asked."""
    if "country" not in visit.query:
        return None, trial
    parcel, trial = read(trial, Imagined, visit.query)
    if parcel is None:
        return None, trial
    try:
        return await foreseen(visit.db, merchant, parcel), trial
    except NotFound as refusal:
        return None, trial.refused(refusal)


# One rule


async def ask_new(visit: Visit) -> Response[str]:
    must_set_up(visit)
    merchant = await merchant_named(visit, visit.path["merchant"])
    return visit.show("form.html", form=await _form(visit, merchant, "new"), at="settings")


async def create(visit: Visit) -> Response[str]:
    must_set_up(visit)
    merchant = await merchant_named(visit, visit.path["merchant"])
    lane, form = read(await _form(visit, merchant, "new"), LaneRule, visit.form)
    if lane is None:
        return visit.show("form.html", 422, form=form, at="settings")
    return await _changed(visit, merchant, lambda rules: lane_rules.added(rules, lane), "added", form)


async def ask_change(visit: Visit) -> Response[str]:
    must_set_up(visit)
    _merchant, form = await _known(visit)
    return visit.show("form.html", form=form, at="settings")


async def change(visit: Visit) -> Response[str]:
    must_set_up(visit)
    merchant = await merchant_named(visit, visit.path["merchant"])
    seen = visit.path["mark"]
    lane, form = read(await _form(visit, merchant, f"lanes/{seen}"), LaneRule, visit.form)
    if lane is None:
        return visit.show("form.html", 422, form=form, at="settings")
    return await _changed(visit, merchant, lambda rules: lane_rules.changed(rules, seen, lane), "changed", form)


async def do(visit: Visit) -> Response[str]:
    """Up, down, switch on or off, remove."""
    must_set_up(visit)
    merchant, seen = await merchant_named(visit, visit.path["merchant"]), visit.path["mark"]
    acts: dict[str, tuple[str, Change]] = {
        "up": ("moved", lambda rules: lane_rules.moved(rules, seen, UP)),
        "down": ("moved", lambda rules: lane_rules.moved(rules, seen, DOWN)),
        "off": ("off", lambda rules: lane_rules.switched(rules, seen)),
        "on": ("on", lambda rules: lane_rules.switched(rules, seen)),
        "remove": ("removed", lambda rules: lane_rules.removed(rules, seen)),
    }
    if visit.path["do"] not in acts:
        raise NotFound(page=visit.path["do"][:60])
    did, act = acts[visit.path["do"]]
    return await _changed(visit, merchant, act, did)


async def _changed(visit: Visit, merchant: int, change: Change, did: str, form: Form | None = None) -> Response[str]:
    """Kept, or the no on the page that asked."""
    try:
        async with tenant_tx(visit.db, [merchant]) as tx:
            await change_rules(tx, merchant, change, visit.by)
    except Refusal as refusal:
        if form is None:
            return await _page(visit, refusal.status, refusal)
        return visit.show("form.html", refusal.status, form=form.refused(refusal), at="settings")
    return see_other(f"{HOME}?merchant={visit.path['merchant']}&did={did}")


async def _known(visit: Visit) -> tuple[int, Form]:
    """The form of a rule that is there; refuses NotFound."""
    merchant, seen = await merchant_named(visit, visit.path["merchant"]), visit.path["mark"]
    async with visit.reading() as tx:
        rules = await shipping_rules(tx, merchant)
    lane = next((one for nth, one in enumerate(rules.lanes) if mark(nth, one) == seen), None)
    if lane is None:
        raise NotFound(rule=seen[:40])
    values = {name: ", ".join(getattr(lane, name)) for name in ("which", "origin", "to")}
    return merchant, (await _form(visit, merchant, f"lanes/{seen}")).filled({**values, "say": lane.say})


async def _form(visit: Visit, merchant: int, page: str) -> Form:
    async with visit.reading() as tx:
        carriers = await _carriers(tx, merchant)
    wrong_place = _("countries, EU, or a country with the beginning of its postcodes, as US 07")
    fields = (
        Field("say", _("What it says"), "choice", "prefer", choices=tuple(SAYS.items())),
        Field("which", _("Carriers"), "list", required=True, longest=2000, choices=tuple((one, "") for one in carriers),
              hint=_("Accounts as you call them, a service of one behind a slash, with commas between: post, "
                     "courier/express."), wrong=_("accounts, or account/service, with commas between")),
        Field("origin", _("Sent from"), "list", longest=2000, wrong=wrong_place,
              hint=_("Countries by their two letters, EU, or a country with the beginning of its postcodes: US 07. "
                     "Blank is everywhere.")),
        Field("to", _("Sent to"), "list", longest=2000, wrong=wrong_place,
              hint=_("The same: GB, EU, GB IV. Blank is everywhere.")),
    )  # fmt: skip
    key = visit.path["merchant"]
    says = _("Nothing is bought that a rule forbids. Of those that prefer on one way, the first that fits decides.")
    title, back = _("New rule") if page == "new" else _("Rule"), (f"{HOME}?merchant={key}", _("Shipping rules"))
    return Form(title, f"{HOME}/{key}/{page}", back, (Part("", fields),), _("Keep it"), says)


# What holds for all ways


class Beside(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Accounts are named by their place in the form: what they are called may hold anything."""

    levels: dict[Word, Level] = {}
    contracts: dict[str, Contract] = {}
    takes: dict[str, list[Word]] = {}
    modes: dict[str, Mode] = {}
    most_minor: Annotated[int, Meta(ge=0, le=10**12)] | None = None
    sure_in_100: Annotated[float, Meta(ge=5, le=99)] = 80
    answer_within_s: Annotated[float, Meta(ge=0.5, le=20)] = 6


async def ask_beside(visit: Visit) -> Response[str]:
    must_set_up(visit)
    _merchant, form, _accounts, _currency = await _beside(visit)
    return visit.show("form.html", form=form, at="settings")


async def keep_beside(visit: Visit) -> Response[str]:
    must_set_up(visit)
    merchant, form, accounts, currency = await _beside(visit)
    said, form = read(form, Beside, visit.form)
    if said is None:
        return visit.show("form.html", 422, form=form, at="settings")
    may_contract = runs_the_operation(visit.visitor)

    def change(rules: ShippingRules) -> ShippingRules:
        return _as_rules(rules, said, accounts, currency, may_contract=may_contract)

    return await _changed(visit, merchant, change, "beside", form)


def _as_rules(
    rules: ShippingRules, said: Beside, accounts: Sequence[Which], currency: str, *, may_contract: bool
) -> ShippingRules:
    """What is left blank is not kept; what an account is called by its place in the form is written out."""
    levels = {name: one for name, one in said.levels.items() if one != Level()}
    contracts = {accounts[int(nth)]: one for nth, one in said.contracts.items() if one != Contract()}
    takes = {accounts[int(nth)]: words for nth, words in said.takes.items() if words}
    modes = {accounts[int(nth)]: mode for nth, mode in said.modes.items()}
    modes = {which: mode for which, mode in modes.items() if mode != "courier" or "/" in which}
    # What is said of one service of an account has no field here.
    modes |= {which: mode for which, mode in rules.modes.items() if which not in accounts}
    most = None if said.most_minor is None else Most(amount_minor=said.most_minor, currency=currency)
    return structs.replace(
        rules, levels=levels, contracts=contracts if may_contract else rules.contracts, takes=takes, modes=modes,
        most=most, sure=round(said.sure_in_100 / 100, 4), answer_within_s=said.answer_within_s,
    )  # fmt: skip


async def _beside(visit: Visit) -> tuple[int, Form, list[Which], str]:
    key = visit.path["merchant"]
    merchant = await merchant_named(visit, key)
    async with visit.reading() as tx:
        rules = await shipping_rules(tx, merchant)
        carriers = await _carriers(tx, merchant)
        currency = (await setup.merchant(tx, merchant)).currency
    accounts = list(dict.fromkeys([*carriers, *rules.takes, *rules.contracts]))
    currency = rules.most.currency if rules.most else currency
    levels = dict(LEVELS.items()) | {name: LEVELS.get(name, name) for name in rules.levels}
    parts = [
        Part(_("Every label"), (
            Field("most_minor", _("Nothing dearer without a person"), "money", unit=currency,
                  value="" if rules.most is None else f"{to_decimal(rules.most.amount_minor, currency):f}"),
            Field("sure_in_100", _("Of a hundred parcels of a service, are to keep the promise"), "decimal",
                  f"{rules.sure * 100:g}", required=True, wrong=_("from 5 to 99")),
            Field("answer_within_s", _("Who takes longer to name a price is left out"), "decimal",
                  f"{rules.answer_within_s:g}", required=True, unit=_("seconds"), wrong=_("from 0.5 to 20")),
        )),
        *(_level_part(name, called, rules.levels.get(name, Level())) for name, called in levels.items()),
        *(_account_part(nth, account, rules, visit) for nth, account in enumerate(accounts)),
    ]  # fmt: skip
    back = (f"{HOME}?merchant={key}", _("Shipping rules"))
    form = Form(_("For all ways"), f"{HOME}/{key}/beside", back, tuple(parts), _("Keep it"))
    return merchant, form, accounts, currency


def _level_part(name: str, called: str, level: Level) -> Part:
    return Part(_("Service level %(level)s", level=called), (
        Field(f"levels.{name}.services", _("These services alone"), "list", ", ".join(level.services), longest=2000,
              hint=_("As courier/express; blank is all of them."),
              wrong=_("accounts, or account/service, with commas between")),
        Field(f"levels.{name}.max_days", _("Working days, at most"), "count",
              "" if level.max_days is None else str(level.max_days), most=120, unit=_("days")),
    ))  # fmt: skip


def _parts(account: str) -> tuple[str, str]:
    carrier, _stroke, service = account.partition("/")
    return carrier, service


def _account_part(nth: int, account: str, rules: ShippingRules, visit: Visit) -> Part:
    """Whose an account is, and what is added for it, is the operator's to say."""
    contract = rules.contract(account)
    taken = (*MUST_BE_TAKEN, PO_BOX)
    own = rules.takes.get(account, [])
    choices = tuple((word, TAKES.get(word, word)) for word in dict.fromkeys([*taken, *own]))
    fields: tuple[Field, ...] = (
        Field(f"takes.{nth}", _("Takes, though it does not say so itself"), "ticks", ",".join(own), choices=choices),
        Field(f"modes.{nth}", _("Across borders it goes"), "choice", rules.mode_of(*_parts(account)),
              choices=tuple((mode, words.MODES[mode]) for mode in MODES),
              hint=_("What may not go that way to a country is not sent with it.")),
    )  # fmt: skip
    if runs_the_operation(visit.visitor) and "/" not in account:
        fields = (
            Field(f"contracts.{nth}.of", _("Whose contract it is"), "choice", contract.of, choices=tuple(WHOSE.items()),
                  hint=_("The merchant’s own goes first.")),
            Field(f"contracts.{nth}.markup_percent", _("What is added to its prices"), "decimal",
                  f"{contract.markup_percent:f}", unit="%"),
            *fields,
        )  # fmt: skip
    return Part(account, fields)
