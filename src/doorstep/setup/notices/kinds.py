"""kinds: the facts that speak, and the media they speak by: what each is, and what speaks where nobody said more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "received", "awaiting_fulfillment", "backordered", "split", "shipped", "delayed", "customs_hold",
    "out_for_delivery", "attempted", "available_for_pickup", "delivered", "returned_to_sender", "lost",
    "return_label", "canceled", "refunded", "answer",
]  # fmt: skip
# `email` and `sms` to the buyer, `office` a letter to the merchant's own address, `webhook` to its own program.
Medium = Literal["email", "sms", "office", "webhook"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MEDIA: tuple[Medium, ...] = get_args(Medium)
TO_BUYER: tuple[Medium, ...] = ("email", "sms")


@dataclass(frozen=True, slots=True)
class Fact:
    """`is_step`: a letter of it can be stopped by its buyer; what wants something of them, or is about money, cannot.
    `of_parcel`: each parcel says it anew."""

    says: str
    is_step: bool = True
    of_parcel: bool = False
    on: frozenset[Medium] = frozenset()


_LETTER: frozenset[Medium] = frozenset({"email"})

FACTS: dict[Kind, Fact] = {
    "received": Fact("the order is here", on=_LETTER),
    "awaiting_fulfillment": Fact("everything is in place, and it is got ready", on=_LETTER),
    "backordered": Fact("something of it is waited for", on=_LETTER),
    "split": Fact("it leaves from several sites"),
    "shipped": Fact("a parcel is with the carrier", of_parcel=True, on=_LETTER),
    "delayed": Fact("it comes later than was promised", on=_LETTER),
    "customs_hold": Fact("customs holds a parcel", is_step=False, of_parcel=True, on=_LETTER),
    "out_for_delivery": Fact("a parcel comes today", of_parcel=True),
    "attempted": Fact("the carrier could not deliver", of_parcel=True, on=_LETTER),
    "available_for_pickup": Fact("a parcel waits to be picked up", is_step=False, of_parcel=True, on=_LETTER),
    "delivered": Fact("a parcel is there", of_parcel=True, on=_LETTER),
    "returned_to_sender": Fact("a parcel came back", of_parcel=True),
    "lost": Fact("the carrier lost a parcel", is_step=False, of_parcel=True),
    "return_label": Fact("a label for the way back is there", is_step=False, of_parcel=True, on=_LETTER),
    "canceled": Fact("units are not sent any more", is_step=False, on=_LETTER),
    "refunded": Fact("money went back", is_step=False, on=_LETTER),
    "answer": Fact("somebody answered the buyer", is_step=False, on=_LETTER),
}
# What a merchant decides upon; an answer always goes to whoever asked.
RULED: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind != "answer")


def is_on_by_default(kind: Kind, medium: Medium) -> bool:
    return medium in FACTS[kind].on


def can_be_stopped(kind: Kind, medium: Medium) -> bool:
    """A text message always; a letter when it tells of a step."""
    return medium == "sms" or (medium == "email" and FACTS[kind].is_step)
