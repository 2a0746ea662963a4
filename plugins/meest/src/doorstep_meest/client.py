"""client: Meest's Open API over HTTP: its token, its way of saying no, and what cannot be known without an answer."""

from __future__ import annotations

import asyncio
import time
from typing import Any, TypeVar

import msgspec

from doorstep.plug import CarrierDown, CarrierRefused, NoAnswer, Policy, Rejected, Wire
from doorstep_meest.settings import Settings
from doorstep_meest.words import Said, Token, reason_of, said_in

T = TypeVar("T")

# A token about to end is renewed before it is used.
RENEW_BEFORE_S = 60.0


class Client:
    """One account: all calls share its token, which is asked for once and renewed when it is no longer taken."""

    def __init__(self, code: str, settings: Settings, wire: Wire | None = None) -> None:
        self._code, self._settings = code, settings
        policy = Policy(tries=settings.tries, deadline_s=settings.deadline_s)
        self._wire = wire or Wire(settings.base_url, policy=policy)
        self._token, self._ends_at, self._renewal = settings.token, float("inf"), ""
        self._one_asks = asyncio.Lock()

    async def ask(self, method: str, path: str, into: type[T], body: Any = None, *, once: bool = False) -> T:
        """What it answers; `once` where asking again could do it twice: then nobody asks again but on purpose."""
        said = await self._with_token(method, path, Said, body, None, once)
        if said.is_error:
            raise self._refused(said)
        try:
            return msgspec.convert(said.result, into, strict=False)
        except msgspec.ValidationError as odd:
            raise CarrierDown(carrier=self._code, detail=f"an answer that makes no sense: {odd}") from odd

    async def page(self, path: str, params: dict[str, str] | None = None) -> bytes:
        """A paper to print."""
        pdf = await self._with_token("GET", path, bytes, None, params, False)
        if not pdf.startswith(b"%PDF-"):
            said = said_in(pdf)
            raise self._refused(said) if said.is_error else CarrierDown(carrier=self._code, detail="that is no PDF")
        return pdf

    @property
    def deadline_s(self) -> float:
        return self._settings.deadline_s

    async def close(self) -> None:
        await self._wire.close()

    async def _with_token(
        self, method: str, path: str, into: type[T], body: Any, params: dict[str, str] | None, once: bool
    ) -> T:
        """A token that is no longer taken is renewed, and the call made again: it was turned away at the door."""
        token = await self._valid_token()
        try:
            answer = await self._call(method, path, into, body, params, token, once)
            if not (isinstance(answer, Said) and answer.wants_token):
                return answer
        except Rejected as no:
            if no.status != 401:
                raise self._refused(said_in(no.said), no.status) from no
        token = await self._valid_token(stale=token)
        try:
            return await self._call(method, path, into, body, params, token, once)
        except Rejected as no:
            raise self._refused(said_in(no.said), no.status) from no

    async def _valid_token(self, stale: str = "") -> str:
        """However many ask at once, one fetches it."""
        async with self._one_asks:
            if self._token in ("", stale) or time.monotonic() > self._ends_at:
                await self._fetch_token()
            return self._token

    async def _fetch_token(self) -> None:
        if self._renewal:
            renewal, self._renewal = self._renewal, ""
            try:
                return self._keep(await self._call("POST", "/refreshToken", Said, {"refreshToken": renewal}))
            except (Rejected, CarrierRefused):
                pass  # it has ended too: with the password, then
        if not self._settings.username:
            raise CarrierRefused(carrier=self._code, reason="unauthorized", detail="the token is not taken")
        login = {"username": self._settings.username, "password": self._settings.password}
        try:
            self._keep(await self._call("POST", "/auth", Said, login))
        except Rejected as no:
            raise self._refused(said_in(no.said), no.status) from no

    def _keep(self, said: Said) -> None:
        try:
            token = msgspec.convert(said.result, Token, strict=False)
        except msgspec.ValidationError:
            raise self._refused(said, 401) from None
        self._token, self._renewal = token.token, token.refresh_token
        self._ends_at = time.monotonic() + max(token.expiresIn - RENEW_BEFORE_S, token.expiresIn / 2)

    async def _call(
        self, method: str, path: str, into: type[T], body: Any = None, params: dict[str, str] | None = None,
        token: str = "", once: bool = False,
    ) -> T:  # fmt: skip
        headers = {"token": token} if token else {}
        try:
            return await self._wire.call(
                method, path, into, body=body, params=params, headers=headers, tries=1 if once else None
            )
        except NoAnswer as silence:
            raise CarrierDown(
                carrier=self._code, detail=silence.detail, retry_after_s=silence.retry_after_s
            ) from silence

    def _refused(self, said: Said, status: int = 0) -> CarrierRefused:
        return CarrierRefused(carrier=self._code, reason=reason_of(said, status), detail=said.complaint)


def may_have_acted(down: CarrierDown) -> bool:
    """Whether what was asked may have been done all the same."""
    silence = down.__cause__
    return not (isinstance(silence, NoAnswer) and silence.has_not_acted)
