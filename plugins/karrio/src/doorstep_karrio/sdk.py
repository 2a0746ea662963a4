"""sdk: Karrio itself, looked for when it is needed: one connector, with the account's settings in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from doorstep.plug import CarrierRefused
from doorstep_karrio.exchange import Exchange
from doorstep_karrio.settings import Settings


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a call: what it brought, what was said, and what was sent."""

    brought: Any
    messages: list[dict[str, Any]]
    exchanges: list[Exchange]

    @property
    def status(self) -> int | None:
        return self.exchanges[-1].status if self.exchanges else None


class Sdk:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sdk, self._door = _karrio()
        provider = self._sdk.gateway.providers.get(settings.connector)
        if provider is None:
            raise CarrierRefused(reason="not_installed", detail=f"pip install karrio-{settings.connector}")
        self._kind = self._recording(provider.Settings)
        own = {name for name, value in vars(provider.Proxy).items() if callable(value)}
        self.methods, self.services = frozenset(own), _names(provider.services)
        self.options = _names(provider.options)
        account = self._account()
        self._door.wait_for(str(account.server_url), settings.deadline_s)
        self._cache = self._sdk.gateway[settings.connector].create(account).settings.cache  # the tokens are kept in it

    def call(self, act: Callable[[Any, Any], Any]) -> Came:
        """Waits: not for the event loop."""
        from karrio.lib import to_dict

        account = self._account()
        gateway = self._sdk.gateway[self._settings.connector].create(account, cache=self._cache)
        brought, messages = act(self._sdk, gateway).parse()
        return Came(to_dict(brought) if brought else None, [to_dict(one) for one in messages or []], account.exchanges)

    def _account(self) -> Any:
        settings = self._settings
        try:
            account = self._kind(
                **settings.told, account_country_code=settings.country or None, test_mode=settings.is_test
            )
        except TypeError as odd:
            raise CarrierRefused(reason="bad_settings", detail=f"credentials of {settings.connector}: {odd}") from None
        account.exchanges = []
        return account

    def _recording(self, kind: Any) -> Any:
        """The connector's settings; whichever thread reads the address from them sends for this account."""
        base_url, send_for = self._settings.base_url, self._door.send_for

        def server_url(account: Any) -> Any:
            send_for(account.exchanges)
            return base_url or kind.server_url.fget(account)

        return type(kind.__name__, (kind,), {"server_url": property(server_url)})


def _karrio() -> tuple[Any, Any]:
    """Karrio tells its log all that is asked, names and addresses too: it is kept quiet.

    When it is imported it lets Pillow take pictures that are cut off, everywhere in the process: that is taken back.
    """
    try:
        from loguru import logger
        from PIL import ImageFile

        logger.disable("karrio")
        strict = ImageFile.LOAD_TRUNCATED_IMAGES
        from karrio import sdk

        ImageFile.LOAD_TRUNCATED_IMAGES = strict

        from doorstep_karrio import door
    except ImportError as missing:
        raise CarrierRefused(reason="not_installed", detail=f"pip install 'doorstep-karrio[ups]': {missing}") from None
    return sdk, door


def _names(kind: Any) -> frozenset[str]:
    return frozenset(getattr(kind, "__members__", ()))
