"""settings: what an account with Meest is to be told: who asks, on which contract, and how parcels are handed over."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

BASE_URL = "https://api.meest.com/v3.0/openAPI"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A login with its password, or a token of the customer's own cabinet."""

    contract_id: str
    username: str = ""
    password: str = ""
    token: str = ""
    currency: str = "UAH"  # in which Meest tells prices, and is told of cash on delivery and insurance
    customs_currency: str = ""  # in which it is told the worth of goods; empty = the same
    sender_branch: str = ""  # number or id of the branch where parcels are handed in; empty = a courier fetches them
    sender_phone: str = ""  # where a site has none of its own
    payer: Literal["sender", "receiver"] = "sender"
    pay_by: Literal["noncash", "cash"] = "noncash"
    contents: str = "Товари"  # what a parcel holds that crosses no border
    conditions: str = ""  # ids of Meest's extra services for every parcel, with commas between
    signature_condition: str = ""  # id of the extra service that brings a signature
    base_url: str = BASE_URL
    deadline_s: float = 20.0
    tries: int = 3

    def __repr__(self) -> str:
        return f"Settings({self.base_url!r}, {self.contract_id!r})"  # without what is secret: this ends up in logs

    @property
    def problem(self) -> str:
        """What is wrong with it; nothing is told of what only Meest can know."""
        if not self.token and not (self.username and self.password):
            return "a username with its password is needed, or a token"
        return "" if self.contract_id.strip() else "contract_id is needed: parcels and prices are of a contract"

    @property
    def declares_in(self) -> str:
        return self.customs_currency or self.currency

    @property
    def condition_ids(self) -> tuple[str, ...]:
        return tuple(one.strip() for one in self.conditions.split(",") if one.strip())
