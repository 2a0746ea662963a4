"""Nobody gets into the house through a URL: not by odd spellings, not by names, not by changing their answer."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

import httpcore
import pytest

from doorstep.plug.guard import AddressRefused, Guard, UrlRefused, allowed_networks, is_public, look_up, read_url
from doorstep.plug.notifier import Endpoint, Gone, RetryAt, WebhookMessage, WebhookSender, new_webhook_secret


class CountingBackend(httpcore.AsyncNetworkBackend):
    """Notes where a connection would have gone."""

    def __init__(self) -> None:
        self.connects: list[tuple[str, int]] = []

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        self.connects.append((host, port))
        raise httpcore.ConnectError("this test connects to nothing")


async def try_to_reach(url: str, *answers: list[str]) -> tuple[list[tuple[str, int]], RetryAt | Gone]:
    """Where the connection went; `answers` are what the name resolves to, one look-up after the other."""
    waiting = list(answers)

    async def resolve(host: str, port: int) -> list[str]:
        return waiting.pop(0) if waiting else await look_up(host, port)

    backend = CountingBackend()
    sender = WebhookSender(Guard(resolve=resolve, backend=backend))
    outcome = await sender.send(Endpoint(url, (new_webhook_secret(),)), WebhookMessage("msg_1", b"{}"))
    await sender.close()
    assert isinstance(outcome, RetryAt | Gone)
    return backend.connects, outcome


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://2130706433/",  # decimal
        "http://0177.0.0.1/",  # octal
        "http://0x7f.0.0.1/",  # hexadecimal
        "http://127.1/",
        "http://0/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",  # mapped
        "http://[::ffff:a9fe:a9fe]/",
        "http://[::127.0.0.1]/",  # compatible
        "http://[64:ff9b::7f00:1]/",  # NAT64
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[64:ff9b:1::1]/",
        "http://[2002:7f00:1::]/",  # 6to4
        "http://[2001:0:7f00:1::]/",  # Teredo
        "http://[fe80::1]/",
        "http://[fc00::1]/",
        "http://[fec0::1]/",
        "http://[ff02::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/",  # carrier-grade NAT
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://192.168.1.1/",
        "http://192.0.0.1/",
        "http://198.18.0.1/",
        "http://224.0.0.1/",
        "http://240.0.0.1/",
        "http://255.255.255.255/",
    ],
)
async def test_an_address_inside_is_never_connected_to(url: str) -> None:
    connects, _ = await try_to_reach(url)
    assert connects == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:70/",
        "http://user:pass@example.com/",
        "http://example.com@127.0.0.1/",
        "http://example.com\\@127.0.0.1/",
        "http://127.0.0.1 .example.com/",
        "http://exa%6dple.com/",
        "http://example.com:99999/",
        "http:///path",
        "//example.com/",
        "http://example.com/\r\nHost: evil",
        "http://ｅxample.com/",
        "http://①②⑦.⓪.⓪.①/",
        "",
    ],
)
async def test_a_url_that_readers_disagree_on_is_refused_for_good(url: str) -> None:
    with pytest.raises(UrlRefused):
        read_url(url)
    connects, outcome = await try_to_reach(url)
    assert connects == []
    assert isinstance(outcome, Gone) and outcome.disable


async def test_a_name_that_leads_inside_is_refused_even_when_it_also_leads_outside() -> None:
    connects, outcome = await try_to_reach("https://hooks.example.com/", ["93.184.216.34", "10.0.0.7"])
    assert connects == []
    assert isinstance(outcome, RetryAt) and "address refused" in outcome.reason


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    answers = (["93.184.216.34"], ["127.0.0.1"])  # a name that changes its answer after the check
    connects, _ = await try_to_reach("https://rebind.example.com/", *answers)
    assert connects == [("93.184.216.34", 443)]


async def test_only_web_ports_are_reached() -> None:
    connects, _ = await try_to_reach("http://hooks.example.com:25/", ["93.184.216.34"])
    assert connects == []


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    connects, _ = await try_to_reach("http://hooks.example.com/", ["93.184.216.34", "93.184.216.35"])
    assert [host for host, _ in connects] == ["93.184.216.34", "93.184.216.35"]


async def test_what_the_operator_allows_is_reached_and_nothing_beside_it() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return [host]

    guard = Guard(allowed_networks({"DOORSTEP_WEBHOOK_ALLOW": "127.0.0.1, 10.1.0.0/16"}), resolve=resolve)
    assert await guard.checked("127.0.0.1", 8080) == ["127.0.0.1"]
    assert await guard.checked("10.1.2.3", 9000) == ["10.1.2.3"]
    for outside in ("127.0.0.2", "10.2.0.1"):
        with pytest.raises(AddressRefused):
            await guard.checked(outside, 80)


async def test_without_a_list_nothing_inside_is_allowed() -> None:
    assert allowed_networks({}) == ()


async def test_local_sockets_are_not_outside() -> None:
    with pytest.raises(AddressRefused):
        await Guard().connect_unix_socket("/run/docker.sock")


def public(addresses: Iterable[str]) -> list[str]:
    return [address for address in addresses if is_public(ip_address(address))]


def test_public_addresses_are_let_through() -> None:
    fine = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
    assert public(fine) == fine


def test_a_url_is_taken_apart_once() -> None:
    target = read_url("https://hooks.example.com:8443/in?a=1")
    assert (target.host, target.port, target.path, target.secure) == ("hooks.example.com", 8443, "/in?a=1", True)
    assert target.authority == "hooks.example.com:8443"
    assert read_url("http://[2606:4700::1111]").authority == "[2606:4700::1111]"
