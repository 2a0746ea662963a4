"""Plugins are found by name: those built in and those of installed packages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

import doorstep.plug as plug
from doorstep.plug import registry
from doorstep.plug.simcarrier import SimCarrier
from doorstep.plug.simpay import SimPay

PACKAGE = """
from msgspec import Struct
from doorstep.plug import Carrier, CarrierPlugin, CarrierRefused, Label, Rate, Shipment, TrackEvent

class Settings(Struct, forbid_unknown_fields=True):
    password: str

class Snail:
    def __init__(self, code, settings):
        self.code, self.settings = code, settings
    async def rates(self, shipment): return []
    async def buy(self, shipment, key): raise CarrierRefused(reason="too_slow")
    async def void(self, label_ref, key): pass
    async def track(self, tracking_number): return []

PLUGIN = CarrierPlugin(Settings, Snail, "slow but sure", ("password",))
NONSENSE = 7
"""
ENTRY_POINTS = "[doorstep.plugins]\nsnail = snail_carrier:PLUGIN\nnonsense = snail_carrier:NONSENSE\n"


@pytest.fixture
def snail_installed(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "snail_carrier.py").write_text(PACKAGE)
    info = tmp_path / "snail_carrier-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: snail-carrier\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    sys.path.insert(0, str(tmp_path))
    yield
    sys.path.remove(str(tmp_path))
    sys.modules.pop("snail_carrier", None)


def test_what_is_built_in_is_there() -> None:
    assert {"ratecard", "simcarrier", "simpay"} <= set(registry.names())
    assert isinstance(registry.carrier("simcarrier", "sim", {"base_url": "http://127.0.0.1:1"}), SimCarrier)
    assert isinstance(registry.payments("simpay", "pay", {"base_url": "http://127.0.0.1:1"}), SimPay)
    assert registry.secret_fields("simpay") == ("api_key",)


def test_an_installed_package_brings_its_carrier(snail_installed: None) -> None:
    assert "snail" in registry.names()
    carrier = registry.carrier("snail", "snail-eu", {"password": "s3cret"})
    assert carrier.code == "snail-eu"
    assert registry.secret_fields("snail") == ("password",)


def test_an_entry_point_that_is_no_plugin_is_a_bug_and_says_which(snail_installed: None) -> None:
    with pytest.raises(TypeError, match="nonsense"):
        registry.carrier("nonsense", "x", {})


def test_an_unknown_name_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(registry.UnknownPlugin) as no:
        registry.carrier("pigeon", "x", {})
    assert "ratecard" in no.value.why["installed"]


def test_a_payment_provider_is_no_carrier() -> None:
    with pytest.raises(registry.UnknownPlugin):
        registry.carrier("simpay", "x", {})
    with pytest.raises(registry.UnknownPlugin):
        registry.payments("ratecard", "x", {})


@pytest.mark.parametrize("config", [{}, {"base_url": 7}, {"base_url": "http://x", "colour": "red"}])
def test_settings_that_do_not_fit_are_refused(config: dict[str, object]) -> None:
    with pytest.raises(registry.BadSettings):
        registry.check("simcarrier", config)


def test_a_plugin_needs_nothing_deeper_than_plug() -> None:
    assert set(plug.__all__) <= set(dir(plug))
    assert issubclass(plug.Label, Struct)
