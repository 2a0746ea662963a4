"""simpay: the payment provider of the simulated world, reached over HTTP like any real one."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from msgspec import Struct

from doorstep.plug.payments import Authorization, Capture, Charge, Declined, ProviderDown, Refund
from doorstep.plug.wire import NoAnswer, Rejected, Wire

T = TypeVar("T")


class Page(Struct, frozen=True):
    charges: list[Charge]
    next: str = ""  # empty on the last page


class SimPay:
    def __init__(self, code: str, wire: Wire) -> None:
        self.code = code
        self._wire = wire

    async def authorize(self, amount_minor: int, currency: str, token: str, reference: str, key: str) -> Authorization:
        body = {"amount_minor": amount_minor, "currency": currency, "token": token, "reference": reference}
        return await self._ask("POST", "/pay/authorizations", Authorization, body=body, key=key)

    async def capture(self, ref: str, amount_minor: int, key: str) -> Capture:
        return await self._act(ref, "capture", Capture, {"amount_minor": amount_minor}, key)

    async def void(self, ref: str, key: str) -> None:
        await self._act(ref, "void", dict, {}, key)

    async def refund(self, ref: str, amount_minor: int, key: str) -> Refund:
        return await self._act(ref, "refund", Refund, {"amount_minor": amount_minor}, key)

    async def list(self, since: datetime) -> tuple[Charge, ...]:
        found: dict[str, Charge] = {}  # told twice when it changes between two pages: the last counts
        params = {"since": since.isoformat()}
        while True:
            page = await self._ask("GET", "/pay/charges", Page, params=params)
            found.update((charge.ref, charge) for charge in page.charges)
            if not page.next:
                return tuple(sorted(found.values(), key=lambda charge: (charge.updated_at, charge.ref)))
            params = {"since": since.isoformat(), "after": page.next}

    async def close(self) -> None:
        await self._wire.close()

    async def _act(self, ref: str, verb: str, into: type[T], body: Any, key: str) -> T:
        return await self._ask("POST", f"/pay/authorizations/{quote(ref, safe='')}/{verb}", into, body, key)

    async def _ask(
        self, method: str, path: str, into: type[T], body: Any = None, key: str = "", params: Any = None
    ) -> T:
        try:
            return await self._wire.call(method, path, into, body=body, key=key, params=params)
        except NoAnswer as silence:
            raise ProviderDown(
                provider=self.code, detail=silence.detail, retry_after_s=silence.retry_after_s
            ) from silence
        except Rejected as no:
            raise Declined(provider=self.code, reason=no.reason, detail=no.detail) from no
