"""journey: the table that is the system. Read downwards, it is an order's life.

Everything that happens is a move: so many of something leave one account and arrive in another. Demand (units a
buyer wants) moves between the stages of a line, stock between the stages and places of a site, cash between the
accounts of an order. A verb makes only the moves of its row; `record` checks that. `held` = an open hold on what it
covers stops the verb. `then` = what the verb may queue next, in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Who = Literal["buyer", "channel", "merchant", "operator", "floor", "payments", "carrier", "system"]

# Where units of a line, units of stock, and minor units of cash can be. `world: …` keeps no balance.
LINE = ("wanted", "promised", "picked", "packed", "shipped", "delivered", "taken_back", "lost", "canceled")
STOCK = ("free", "reserved", "picked", "packed", "quarantine")
CASH = ("owed", "held", "collected", "earned", "refunded")
WORLD = "world"

_STAFF: tuple[Who, ...] = ("operator", "floor")
_OFFICE: tuple[Who, ...] = ("operator", "merchant")


@dataclass(frozen=True, slots=True)
class Row:
    """One verb: each kind of move as `from > to`, alternatives joined by `|`."""

    verb: str
    says: str
    demand: str = ""
    stock: str = ""
    cash: str = ""
    who: tuple[Who, ...] = ("system",)
    then: tuple[str, ...] = ()
    held: bool = False


def ways(spelled: str) -> tuple[frozenset[str], frozenset[str]]:
    """From where, and to where."""
    if not spelled:
        return frozenset(), frozenset()
    sources, targets = (frozenset(side.split("|")) for side in spelled.replace(" ", "").split(">"))
    return sources, targets


# fmt: off
JOURNEY: tuple[Row, ...] = (
    # receive: from any channel, once
    Row("place", "an order comes in",
        demand="world > wanted|promised|delivered", cash="world > owed|earned|held", stock="free > reserved",
        who=("channel", *_OFFICE), then=("check", "notify")),
    Row("confirm", "a draft becomes an order", who=_OFFICE, then=("check", "notify")),
    Row("amend", "the channel changed an order",
        cash="world|held > held|earned", who=("channel", "merchant"), then=("check",)),
    Row("import_history", "an order that happened elsewhere is written down",
        demand="world|wanted|shipped|delivered|lost|canceled > world|wanted|shipped|delivered|taken_back|lost|canceled",
        stock="world|free > free|world",
        cash="world|owed|held|earned > world|owed|held|earned|refunded", who=_OFFICE),
    # backwards only when a corrected file takes a link back
    Row("import_correction", "a credit, a write-off or a change of stock that happened elsewhere is written down",
        demand="shipped|delivered|taken_back > taken_back|shipped|delivered|lost", stock="world|free > free|world",
        cash="owed|world > world|owed", who=_OFFICE),
    Row("import_opening", "goods that must have stood there before history began are written down",
        stock="world > free", who=_OFFICE),
    # process: sorted before fulfillment
    Row("check", "address, duplicate, payment and customs data are looked at",
        who=("system", *_OFFICE),
        then=("promise", "release", "want_authorization", "want_release_of_funds", "issue_invoice")),
    Row("promise", "free stock is given to lines, the site and the date decided",
        demand="wanted > promised", stock="free > reserved", then=("release", "fill", "check", "notify"),
        held=True),
    Row("fill", "stock that came in goes to waiting lines, oldest first",
        demand="wanted > promised", stock="free > reserved", then=("release", "fill", "check", "notify")),
    Row("unpromise", "promised stock is given back",
        demand="promised > wanted", stock="reserved > free", who=("system", "operator"), then=("fill",)),
    Row("expire", "an unpaid order runs out",
        demand="wanted|promised|delivered > canceled", stock="reserved > free", cash="owed > world",
        then=("fill", "want_release_of_funds", "want_refund", "issue_credit", "notify")),
    Row("hold", "somebody stops it, and says why", who=(*_OFFICE, "floor")),
    Row("lift", "an open hold ends", who=("system", *_OFFICE, "floor"), then=("check",)),
    Row("review_party", "somebody says whether a buyer is whom a list names", who=_OFFICE, then=("check",)),
    Row("keep_filing", "the number under which the export was filed is kept",
        who=("system", *_OFFICE), then=("check",)),
    # fulfill: the right product off the shelf
    Row("release", "the fulfillment order goes to the floor", who=("system", "operator"), then=("notify",), held=True),
    Row("pick", "a unit is taken from its bin",
        demand="promised > picked", stock="reserved > picked", who=_STAFF, held=True),
    Row("short", "the bin does not hold what it should",
        demand="promised > wanted", stock="reserved > world", who=_STAFF, then=("promise",)),
    Row("unpick", "a picked unit goes back",
        demand="picked > promised", stock="picked > reserved", who=_STAFF),
    Row("pack", "picked units go into a parcel",
        demand="picked > packed", stock="picked > packed", who=_STAFF, then=("want_label",), held=True),
    Row("unpack", "units leave the parcel again",
        demand="packed > picked", stock="packed > picked", who=_STAFF),
    # ship: above all across borders
    Row("want_label", "a label is asked for", who=("system", *_STAFF), then=("buy_label",), held=True),
    Row("choose_label", "the carrier and service of a label are chosen, by the merchant's rules", then=("buy_label",)),
    Row("ask_label", "it is noted that a carrier is being asked, and that nobody knows what came of it"),
    Row("keep_label", "the carrier's label is kept, or one bought elsewhere", who=("system", *_STAFF, "merchant")),
    Row("refuse_label", "the carrier said no"),
    Row("want_void", "a label is to be void", who=_STAFF, then=("void_label",)),
    Row("keep_void", "the carrier voided the label", who=("system", *_STAFF)),
    Row("want_manifest", "what is labeled and waits goes on a list for the driver",
        who=_STAFF, then=("ask_manifest",)),
    Row("keep_manifest", "the list for the driver is made"),
    Row("refuse_manifest", "the carrier refused the list"),
    Row("want_pickup", "a driver is to come and fetch", who=_STAFF, then=("ask_pickup",)),
    Row("keep_pickup", "the carrier says when the driver comes"),
    Row("refuse_pickup", "the carrier will not come, or will not stay away"),
    Row("call_off", "the driver is not to come", who=_STAFF, then=("ask_call_off",)),
    Row("keep_call_off", "the carrier knows that nobody is to come"),
    Row("collect", "the driver takes all that is on a manifest", who=(*_STAFF, "carrier"), then=("hand_over",)),
    Row("number_parcel", "a parcel gets a further number: of its first mile, line haul or last mile",
        who=("system", "carrier", *_STAFF, "merchant")),
    Row("open_load", "something to travel in is opened: a bag, a pallet, a flight, a customs entry", who=_STAFF),
    Row("put_in", "parcels or loads go into a load", who=_STAFF, then=("spread",), held=True),
    Row("take_out", "parcels or loads are taken out of a load again", who=_STAFF),
    Row("close_load", "a load is closed and sealed", who=_STAFF, held=True),
    Row("reopen_load", "a closed load is opened again", who=_STAFF),
    Row("hand_over", "the parcel leaves with the carrier",
        demand="packed > shipped", stock="packed > world", who=(*_STAFF, "carrier"),
        then=("want_capture", "issue_invoice", "notify", "follow", "deliver"), held=True),
    # track: so that nobody is left guessing
    Row("track", "the carrier tells where a parcel is",
        who=("carrier", "system", "operator"), then=("hand_over", "deliver", "lose", "follow", "notify")),
    Row("track_load", "somebody tells where a load is, and so all parcels in it",
        who=("carrier", "system", *_STAFF), then=("spread",)),
    Row("deliver", "the parcel is in the buyer's hands",
        demand="shipped|lost > delivered", cash="world > collected",
        who=("carrier", "system", *_OFFICE), then=("notify",)),
    Row("instruct", "the carrier is to do something else with a parcel: try again, another address, bring it back",
        who=("system", *_OFFICE)),
    Row("lose", "the carrier lost the parcel",
        demand="shipped > lost", who=("carrier", "system", "operator"), then=("notify",)),
    Row("keep_notice", "what became of a notice is written down", then=("notify",)),
    Row("keep_receipt", "the gateway tells whether a text message came"),
    Row("open_case", "the buyer says that something is wrong", who=("buyer", *_OFFICE)),
    Row("answer_case", "the buyer or the office writes in a case", who=("buyer", *_OFFICE), then=("notify",)),
    Row("close_case", "a case is settled", who=_OFFICE),
    # order to cash: until everyone is paid to the cent
    Row("want_authorization", "money is to be held", who=("system", *_OFFICE), then=("ask_authorization",)),
    Row("authorize", "the provider holds the buyer's money", cash="world > held", who=("payments",),
        then=("check", "want_capture")),
    Row("expire_authorization", "the time of an authorization has passed: the money is held no longer",
        cash="held > world", then=("check",)),
    Row("decline", "the provider said no", who=("payments",), then=("check",)),
    Row("record_payment", "money came in", cash="world > earned", who=("payments", *_OFFICE), then=("check",)),
    Row("want_capture", "held money is to be taken", who=("system", *_OFFICE), then=("ask_capture",)),
    Row("capture", "held money becomes the merchant's", cash="held > earned", who=("payments", "merchant"),
        then=("want_release_of_funds", "want_refund")),
    Row("want_release_of_funds", "held money is to go back", who=("system", *_OFFICE),
        then=("ask_release_of_funds",)),
    Row("release_funds", "held money goes back to the buyer", cash="held > world", who=("payments",)),
    Row("remit", "the carrier pays out what it collected", cash="collected > earned", who=("payments", "operator"),
        then=("want_refund",)),
    Row("issue_invoice", "an invoice gets its number", who=("system", *_OFFICE)),
    Row("issue_credit", "a credit note gets its number", cash="owed > world", who=("system", *_OFFICE),
        then=("want_refund",)),
    Row("want_refund", "money is to go back", who=("system", *_OFFICE), then=("ask_refund",)),
    Row("refund", "money went back to the buyer", cash="earned > refunded", who=("payments", *_OFFICE),
        then=("notify",)),
    # when plans change
    Row("cancel", "units are no longer wanted",
        demand="wanted|promised|picked|packed|delivered > canceled", stock="reserved|picked|packed > free|quarantine",
        cash="owed > world", who=("buyer", "channel", *_OFFICE),
        then=("fill", "want_refund", "want_release_of_funds", "issue_credit", "want_void", "take_out", "check",
              "notify")),
    Row("name_item", "an item nobody knew gets its SKU, for this line and from now on", who=_OFFICE, then=("check",)),
    Row("fix_address", "the address is mended", who=("channel", *_OFFICE), then=("check",)),
    Row("insure", "the goods are insured on their way, for so much or not at all", who=("channel", *_OFFICE)),
    Row("note", "somebody writes something down", who=(*_OFFICE, "floor")),
    Row("want_return_label", "a label for the way back is asked for",
        who=("system", *_OFFICE, "floor"), then=("buy_return_label",)),
    Row("choose_return_label", "the carrier and service of a label for the way back are chosen",
        then=("buy_return_label",)),
    Row("keep_return_label", "the label for the way back is kept", then=("notify",)),
    Row("refuse_return_label", "no carrier sold a label for the way back, or the carrier will not take it back"),
    Row("want_return_void", "a label for the way back is to be void",
        who=("system", *_OFFICE, "floor"), then=("void_return_label",)),
    Row("keep_return_void", "the carrier voided the label for the way back", who=("system", *_OFFICE, "floor")),
    Row("take_back", "goods came back",
        demand="shipped|delivered|lost > taken_back", stock="world > quarantine", who=_STAFF),
    # goods
    Row("announce", "goods are on their way to a site", who=_OFFICE),
    Row("receive", "goods arrive",
        stock="world > free|quarantine", who=_STAFF, then=("fill",)),
    Row("put_away", "goods go to another bin", stock="free > free", who=_STAFF),
    Row("adjust", "the count was wrong, and why",
        stock="world|free|quarantine > world|free|quarantine", who=_STAFF, then=("fill",)),
    Row("restock", "goods in quarantine are sold again", stock="quarantine > free", who=_STAFF, then=("fill",)),
    Row("scrap", "goods in quarantine are thrown away", stock="quarantine > world", who=_STAFF),
)
# fmt: on

ROWS: dict[str, Row] = {row.verb: row for row in JOURNEY}

# Calls to the outside world: no transaction is open while they run; each ends in a verb that keeps the answer.
ERRANDS: dict[str, str] = {
    "buy_label": "asks all for rates, then choose_label; asks the chosen one, then keep_label or refuse_label",
    "void_label": "asks the carrier to void it, then keep_void",
    "ask_manifest": "asks the carrier for its list, then keep_manifest or refuse_manifest",
    "ask_pickup": "asks the carrier to come, then keep_pickup or refuse_pickup",
    "ask_call_off": "asks the carrier not to come, then keep_call_off or refuse_pickup",
    "buy_return_label": "asks for rates, then choose_return_label; asks one, then keep_ or refuse_return_label",
    "void_return_label": "asks the carrier to void it, then keep_return_void or refuse_return_label",
    "follow": "asks the carrier where the parcel is, then track; again until it arrived",
    "hear": "reads what a carrier sent by itself, then track",
    "spread": "reads what happened to a load, then track for the merchant's parcels that were inside",
    "ask_authorization": "asks the provider to hold the money, then authorize or decline",
    "ask_capture": "asks the provider for the held money, then capture",
    "ask_release_of_funds": "asks the provider to let the held money go, then release_funds",
    "ask_refund": "asks the provider to send money back, then refund",
    "notify": "tells a fact to whom it is for, then keep_notice",
}


def as_markdown() -> str:
    """The table as README and docs print it."""
    lines = ["| verb | what happens | demand | stock | cash | who | then |", "|---|---|---|---|---|---|---|"]
    for row in JOURNEY:
        cells = (row.demand, row.stock, row.cash, ", ".join(row.who), ", ".join(row.then))
        shown = [cell.replace("|", "\\|").replace(">", "→") for cell in cells]
        lines.append(f"| `{row.verb}` | {row.says} | " + " | ".join(shown) + " |")
    return "\n".join(lines)
