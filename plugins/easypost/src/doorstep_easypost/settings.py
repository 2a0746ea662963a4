"""settings: what an EasyPost account is to be told: its key, and what stands on every declaration."""

from __future__ import annotations

from msgspec import Struct

from doorstep_easypost.asked import Contents

BASE_URL = "https://api.easypost.com/v2"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    api_key: str  # a test key asks EasyPost's test mode
    customs_signer: str = ""  # who certifies the declarations; empty = the sender's name
    contents: Contents = "merchandise"  # what parcels over a border hold; a return is `returned_goods` by itself
    carrier_accounts: str = ""  # ids (ca_…) with commas between, to ask only these; empty = all of the account
    base_url: str = BASE_URL
    deadline_s: float = 20.0
    tries: int = 3

    def __repr__(self) -> str:
        return f"Settings({self.base_url!r})"  # without the key: this ends up in logs

    @property
    def account_ids(self) -> tuple[str, ...]:
        return tuple(one.strip() for one in self.carrier_accounts.split(",") if one.strip())
