"""client: EasyPost's API over HTTP: its key, its way of saying no, and what cannot be known without an answer."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, TypeVar

from doorstep.plug import CarrierDown, CarrierRefused, NoAnswer, Policy, Rejected, Wire
from doorstep_easypost.settings import Settings
from doorstep_easypost.told import UNSETTLED, error_in, reason_of

T = TypeVar("T")


class Client:
    def __init__(self, code: str, settings: Settings, policy: Policy | None = None) -> None:
        self._code = code
        self._policy = policy or Policy(deadline_s=settings.deadline_s, tries=settings.tries)
        login = b64encode(f"{settings.api_key}:".encode()).decode()
        self._wire = Wire(settings.base_url, {"Authorization": f"Basic {login}"}, self._policy)
        self._files = Wire(settings.base_url, policy=self._policy)  # elsewhere: the key is not for them
        self._is_safe = settings.base_url.startswith("https:")

    async def ask(
        self, method: str, path: str, into: type[T], body: Any = None, params: Mapping[str, str] | None = None,
        *, once: bool = False,
    ) -> T:  # fmt: skip
        """What it answers; `once` where asking again would make a second one."""
        try:
            return await self._wire.call(method, path, into, body=body, params=params, tries=1 if once else None)
        except NoAnswer as silence:
            raise self.down(silence.detail, silence.retry_after_s) from silence
        except Rejected as no:
            error = error_in(no.said)
            if error.code in UNSETTLED:
                raise self.down(f"{error.code}: {error.detail}") from no
            reason = reason_of(error, no.status)
            raise CarrierRefused(
                carrier=self._code, reason=reason, detail=error.detail, said=error.code, http_status=no.status
            ) from no

    async def find(self, path: str, into: type[T]) -> T | None:
        """None where there is none."""
        try:
            return await self.ask("GET", path, into)
        except CarrierRefused as no:
            if no.why["http_status"] == 404:
                return None
            raise

    async def file(self, url: str) -> bytes:
        """A paper to print, from where EasyPost keeps it."""
        if self._is_safe and not url.startswith("https:"):
            raise self.down(f"a paper without encryption is not fetched: {url[:200]}")
        try:
            page = await self._files.call("GET", url, bytes)
        except NoAnswer as silence:
            raise self.down(silence.detail, silence.retry_after_s) from silence
        except Rejected as no:
            raise self.down(f"the paper is not there: {no.status}") from no
        if not page.startswith(b"%PDF-"):
            raise self.down("what was to be a PDF is none")
        return page

    def down(self, detail: str, retry_after_s: float | None = None) -> CarrierDown:
        return CarrierDown(carrier=self._code, detail=detail, retry_after_s=retry_after_s)

    async def close(self) -> None:
        await self._wire.close()
        await self._files.close()
