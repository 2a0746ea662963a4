"""partial: answers that come without a part, as carriers' answers do: no price at purchase, no PDF, no days."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

import msgspec
from msgspec import Struct

Part = Literal["price", "pdf", "days", "last_mile"]

OF_A_LABEL: dict[Part, tuple[str, ...]] = {
    "price": ("cost_minor", "currency"), "pdf": ("pdf",), "last_mile": ("first_mile_number", "last_mile_number"),
    "days": (),
}  # fmt: skip


class Without(Struct, frozen=True, forbid_unknown_fields=True):
    parts: tuple[Part, ...] = ()


def without(parts: Collection[Part], body: Any) -> Any:
    """A label or a list of rates, less these."""
    plain = msgspec.to_builtins(body)
    if not parts or not isinstance(plain, dict):
        return plain
    if "days" in parts:
        for rate in plain.get("rates", ()):
            rate.pop("days", None)
    if "tracking_number" in plain:
        for part in parts:
            for name in OF_A_LABEL[part]:
                plain.pop(name, None)
    return plain
