"""settings: which connector of Karrio's, and what it is to be told."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from doorstep.plug import CarrierRefused


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    connector: str  # Karrio's name of it: ups, fedex, …
    credentials: str  # its own settings: `client_id=…; client_secret=…; account_number=…`, or the same as JSON
    country: str = ""  # of the account; the connector takes its currency from there
    is_test: bool = False  # asks the carrier's test system
    base_url: str = ""  # instead of the carrier's own address
    customs_signer: str = ""  # who certifies the declarations; empty = the sender's name
    deadline_s: float = 20.0  # of one request

    def __repr__(self) -> str:
        return f"Settings({self.connector!r})"  # without what is secret: this ends up in logs

    @property
    def told(self) -> dict[str, str]:
        """Raises CarrierRefused when the credentials are written in no way that can be read."""
        text = self.credentials.strip()
        try:
            if text.startswith("{"):
                return msgspec.json.decode(text, type=dict[str, str])
            pairs = [pair.split("=", 1) for pair in text.split(";") if pair.strip()]
            return {name.strip(): value.strip() for name, value in pairs}
        except (ValueError, msgspec.MsgspecError):
            raise CarrierRefused(reason="bad_settings", detail="credentials: name=value; name=value") from None
