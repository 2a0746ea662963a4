"""guard: connect to public addresses only, and to the very address that was checked.

For every URL that somebody else typed: a name is looked up once, all its addresses must be public (or on the
operator's own list), and the connection goes to one of those, so a second look-up cannot answer otherwise.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any
from urllib.parse import urlsplit

import httpcore
from msgspec import Struct

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[list[str]]]

ALLOW_ENV = "DOORSTEP_WEBHOOK_ALLOW"
PUBLIC_PORTS = frozenset({80, 443})

_NAT64 = IPv6Network("64:ff9b::/96")
_REFUSED_V6 = tuple(
    IPv6Network(block) for block in ("::/96", "64:ff9b:1::/48", "100::/64", "fec0::/10", "5f00::/16", "3fff::/20")
)
_REFUSED_V4 = (IPv4Network("192.88.99.0/24"),)


class UrlRefused(Exception):
    """This URL is not one we would ever call."""


class AddressRefused(Exception):
    """The name leads to an address that is not public."""


class Target(Struct, frozen=True):
    """A URL taken apart once; nothing else parses it again."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def read_url(url: str) -> Target:
    """Plain http or https, no user, no odd characters; whatever readers of URLs disagree on is refused."""
    if not url.isascii() or any(char <= " " or char in '\\"<>^`{|}\x7f' for char in url):
        raise UrlRefused("only plain ASCII without spaces or backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as problem:
        raise UrlRefused(str(problem)) from None
    if parts.scheme not in ("http", "https"):
        raise UrlRefused("only http and https")
    if "@" in parts.netloc:
        raise UrlRefused("no user or password in the address")
    if not parts.hostname or "%" in parts.netloc:
        raise UrlRefused("no host")
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure, parts.hostname, (443 if secure else 80) if port is None else port, path)


def is_public(address: IPAddress) -> bool:
    """Reachable for everybody on the internet, and so no way into this network."""
    if isinstance(address, IPv6Address):
        inner = _inside(address)
        if inner is not None:
            return is_public(inner)
        if any(address in block for block in _REFUSED_V6):
            return False
    elif any(address in block for block in _REFUSED_V4):
        return False
    return address.is_global and not address.is_multicast


def _inside(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that this one stands for."""
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour


def allowed_networks(env: Mapping[str, str] = os.environ) -> tuple[IPNetwork, ...]:
    """The operator's own list of addresses or networks, for a receiver in the house or a test."""
    return tuple(ip_network(word, strict=False) for word in env.get(ALLOW_ENV, "").replace(",", " ").split())


async def look_up(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Guard(httpcore.AsyncNetworkBackend):
    """The only way out for calls to addresses that others chose."""

    def __init__(
        self,
        allow: Iterable[IPNetwork] = (),
        resolve: Resolve = look_up,
        backend: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._allow = tuple(allow)
        self._resolve = resolve
        self._backend = backend or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's own signature)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in await self.checked(host, port):
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as refused:
                failure = refused
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise AddressRefused("local sockets are not outside")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def checked(self, host: str, port: int) -> list[str]:
        """The addresses of the name, every one of them fit to connect to."""
        try:
            found = [ip_address(address.split("%")[0]) for address in await self._resolve(host, port)]
        except (OSError, ValueError) as unknown:  # ValueError: a name that IDNA cannot spell
            raise httpcore.ConnectError(f"no address for {host}") from unknown
        for address in found:
            if not self._fits(address, port):
                raise AddressRefused(f"{host} leads to {address}, port {port}")
        return [str(address) for address in found]

    def _fits(self, address: IPAddress, port: int) -> bool:
        if any(address in network for network in self._allow):
            return True
        return port in PUBLIC_PORTS and is_public(address)
