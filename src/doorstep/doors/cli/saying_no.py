"""saying_no: how a command says no: the sentence and its reasons, what is wrong with each field, what to try next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from doorstep.kit.refusals import Refusal

# What helps where the sentence alone does not say; names in braces are the refusal's own reasons.
NEXT: dict[str, str] = {
    "WhichMerchant": "export DOORSTEP_MERCHANT=KEY, to say it once",
    "UnknownMerchant": "doorstep merchant list, doorstep merchant add {key} (an import makes it with --create)",
    "MerchantExists": "doorstep merchant set {key}",
    "SiteExists": "doorstep site set {code}",
    "NoMerchantYet": "doorstep merchant add KEY --operator --currency USD --country US",
    "UnknownSku": "doorstep sku list, doorstep sku set {sku}",
    "SkuUnknown": "doorstep do name-item",
    "UnknownChannel": "doorstep merchant channel KEY {channel} (an import opens it with --create)",
    "NoSuchPerson": "doorstep user list, doorstep user add",
    "PersonExists": "doorstep user role, doorstep link {email}",
    "UnknownCurrency": "three capital letters, as USD",
    "UnknownCountry": "two capital letters, as US",
    "BadSettings": "docs/carriers.md, which has a table of each carrier's settings",
    "NotConnected": "doorstep connect list",
    "NotOurCarrier": "doorstep connect list",
    "NoProvider": "doorstep connect payments",
    "NothingToSendWith": "doorstep merchant set KEY --email, doorstep connect sms",
    "NoSuchRule": "doorstep notices rules",
    "NoSuchNotice": "doorstep notices rules",
    "OnHold": "doorstep orders why {order}",
    "WrongStage": "doorstep orders why {order}",
    "NotChecked": "doorstep orders why {order}",
    "NotReleased": "doorstep orders why ORDER",
    "NothingPromised": "doorstep orders why ORDER",
    "RestIsMissing": "doorstep orders why ORDER",
    "Short": "doorstep report stock",
    "NotThatManyFree": "doorstep report stock",
    "NotThatManyInQuarantine": "doorstep report stock",
    "NothingToReview": "doorstep exceptions list --kind hold:denied_party",
    "NoLabel": "doorstep do want-label, doorstep do keep-label",
    "NumberTaken": "doorstep loads show {number}",
    "NotInside": "doorstep loads show {load}",
    "EmptyLoad": "doorstep loads put {load} ITEM",
    "NotShippingRules": "docs/rates.md, which has an example",
    "NotACustomsProfile": "docs/customs.md, which has an example",
    "NotAnOperatorFile": "the file of the demo as an example, src/doorstep/sample/operator.json",
    "NotAMapping": "doorstep import sniff FILE --write mapping.toml",
    "NotRecognized": "doorstep import sniff {file} --write mapping.toml",
    "NotAStockFile": "columns called SKU, site and quantity; the console's page Import takes any others",
    "NoOrdersSeen": "doorstep import orders --help",
    "NotAProductFile": "doorstep sku set, or the page Import of the console, which reads any columns",
}
# Of what is not there: by the reason's name, where those are that are.
LISTS: dict[str, str] = {
    "merchant": "doorstep merchant list",
    "order": "doorstep orders list",
    "fulfillment_order": "doorstep orders show ORDER",
    "parcel": "doorstep orders show ORDER",
    "return_label": "doorstep orders show ORDER",
    "hold": "doorstep exceptions list",
    "exceptions": "doorstep exceptions list",
    "load": "doorstep loads list",
    "item": "doorstep loads list, doorstep orders show ORDER",
    "manifest": "the page Floor, Hand-over of the console, or GET /v1/leaving?site=CODE",
    "pickup": "the page Floor, Hand-over of the console, or GET /v1/leaving?site=CODE",
    "site": "doorstep site list",
    "sku": "doorstep sku list",
    "channel": "doorstep merchant channel",
    "job": "doorstep jobs list",
    "key": "doorstep key list",
    "carrier": "doorstep connect list",
    "account": "doorstep connect list",
}


def next_step(refusal: Refusal) -> str:
    """The commands that help; "" where the sentence says it."""
    found = NEXT.get(refusal.code, "")
    if refusal.code == "NotFound":
        found = next((LISTS[name] for name in refusal.why if name in LISTS), "")
    return found.format_map(Reasons(refusal.why))


class Reasons(dict[str, Any]):
    """A reason that is not given stands there as what it would be: ORDER."""

    def __missing__(self, name: str) -> str:
        return name.upper()


def lines(refusal: Refusal) -> Iterator[str]:
    """For a person: the sentence with its short reasons, then the long ones a line each, then what to try."""
    short = {name: value for name, value in refusal.why.items() if value not in (None, "", [], {}, 0)}
    long = {name: value for name, value in short.items() if _is_long(value)}
    reasons = ", ".join(f"{_words(name)} {_plain(value)}" for name, value in short.items() if name not in long)
    yield f"{refusal.sentence} ({reasons})" if reasons else refusal.sentence
    for name, value in long.items():
        for one in value:
            yield f"  {_fault(one) if isinstance(one, Mapping) else f'{_words(name)}: {one}'}"
    if step := next_step(refusal):
        yield f"Try: {step}"


def _is_long(value: Any) -> bool:
    """A list of faults, each with parts of its own."""
    return isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value)


def _fault(fault: Mapping[str, Any]) -> str:
    """Where it is, and what is wrong there."""
    where = [f"row {fault['row']}"] if fault.get("row") else []
    where += [str(fault[name]).strip("/") for name in ("pointer", "field") if fault.get(name)]
    rest = {name: value for name, value in fault.items() if name not in ("row", "pointer", "field", "detail") and value}
    more = ", ".join(f"{_words(name)} {_plain(value)}" for name, value in rest.items())
    return ": ".join(filter(None, (", ".join(where), str(fault.get("detail") or ""), more)))


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{_words(str(name))} {_plain(one)}" for name, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _words(name: str) -> str:
    return name.replace("_", " ")
